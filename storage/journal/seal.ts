/**
 * Entries that are encrypted at rest, a group at a time: AES-256-GCM under a key that is derived for each opening of a journal, with a counter
 * as nonce, so that none is used twice. FORMAT.md is the normative text.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { JournalError } from './errors.ts'

const salt_bytes = 16
const counter_bytes = 8
const tag_bytes = 16
const nonce_bytes = 12
/** What sealing adds. */
export const sealed_more_bytes: number = salt_bytes + counter_bytes + tag_bytes
/** Of version 4; in version 2 each entry is sealed by itself. */
const label = 'sluice-journal-v4'
const label_of_entry = 'sluice-journal-v2'
/** Keys of earlier openings that a reader holds. A journal has few: what is projected is recycled. */
const known_keys_max = 64

/** Seals what one opening of a journal writes. */
export class Sealer {
  readonly #salt: Buffer = randomBytes(salt_bytes)
  readonly #key: Uint8Array
  #count = 0n

  /** @param key 32 bytes, of the whole store */
  constructor(key: Uint8Array) {
    this.#key = derived(key, this.#salt, label)
  }

  /** Salt, counter, ciphertext, tag. It opens under that number, of the last entry, alone. Owned by the caller. */
  seal(lsn: number, parts: readonly Uint8Array[]): Uint8Array {
    const counter = Buffer.alloc(counter_bytes)
    counter.writeBigUInt64BE(this.#count++)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(counter))
    cipher.setAAD(numberOf(lsn))
    const sealed = parts.map((part) => cipher.update(part))
    return Buffer.concat([this.#salt, counter, ...sealed, cipher.final(), cipher.getAuthTag()])
  }
}

interface Sealed {
  readonly lsn: number
  readonly is_group: boolean
  readonly bytes: Uint8Array
}

/** Opens what any opening of a journal wrote. */
export class Opener {
  readonly #key: Uint8Array | undefined
  readonly #known = new Map<string, Uint8Array>()

  /** @param key undefined where there is none: then nothing that is sealed can be opened */
  constructor(key: Uint8Array | undefined) {
    this.#key = key
  }

  /** Throws `JournalError` `journal_locked`. */
  open({ lsn, is_group, bytes: sealed }: Sealed): Uint8Array {
    if (this.#key === undefined)
      throw new JournalError('journal_locked', 'the journal is encrypted, and no key was given')
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    const body_at = salt_bytes + counter_bytes
    const tag_at = bytes.length - tag_bytes
    try {
      const counter = bytes.subarray(salt_bytes, body_at)
      const key = this.#keyOf(this.#key, bytes.subarray(0, salt_bytes), is_group)
      const cipher = createDecipheriv('aes-256-gcm', key, nonceOf(counter))
      cipher.setAAD(numberOf(lsn))
      cipher.setAuthTag(bytes.subarray(tag_at))
      return Buffer.concat([cipher.update(bytes.subarray(body_at, tag_at)), cipher.final()])
    } catch (cause) {
      throw new JournalError(
        'journal_locked',
        `entry ${lsn} of the journal is encrypted with another key, or was changed`,
        { cause },
      )
    }
  }

  #keyOf(key: Uint8Array, salt: Buffer, is_group: boolean): Uint8Array {
    const of = is_group ? label : label_of_entry
    const name = `${of} ${salt.toString('hex')}`
    const known = this.#known.get(name)
    if (known !== undefined) return known
    if (this.#known.size >= known_keys_max) this.#known.clear()
    const made = derived(key, salt, of)
    this.#known.set(name, made)
    return made
  }
}

const derived = (key: Uint8Array, salt: Uint8Array, of: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, salt, of, 32))

function nonceOf(counter: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(nonce_bytes)
  nonce.set(counter, nonce_bytes - counter_bytes)
  return nonce
}

function numberOf(lsn: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(lsn))
  return bytes
}
