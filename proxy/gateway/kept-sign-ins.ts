/**
 * Sign-ins out of which a certificate or a token was made, in the data directory: so that their providers are asked about them
 * after a restart too. Each is a file of its own, encrypted (AES-256-GCM): whoever has the tokens in it is that person at the
 * provider, as far as this client is.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { keep } from '../identity/gateway-keys.ts'
import type { KeptSignIns, WatchedSignIn } from '../identity/sign-in-watch.ts'

export interface KeptFiles extends KeptSignIns {
  /** Those that are there, by the names of their files; undefined for one that cannot be read. */
  load(): ReadonlyMap<string, WatchedSignIn | undefined>
  remove(files: readonly string[]): void
}

const key_bytes = 32
const nonce_bytes = 12
const tag_bytes = 16
const label = 'sluice-sign-ins-v1'
const next_suffix = '.next'
const is_name = /^[0-9a-f]{64}$/

/** @param store_key of encryption at rest, where there is one */
export function openKeptSignIns(data: string, store_key: Uint8Array | undefined): KeptFiles {
  const folder = join(data, 'sign-ins')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const own = keep(
    join(data, 'keys', 'sign_ins.key'),
    () => `${randomBytes(key_bytes).toString('hex')}\n`,
  )
  const material = Buffer.concat([Buffer.from(own.trim(), 'hex'), store_key ?? new Uint8Array()])
  const key = new Uint8Array(hkdfSync('sha256', material, new Uint8Array(), label, key_bytes))
  const turns = new Map<string, Promise<void>>()

  /** Of one file the later write is the one that stays. */
  const inTurn = (name: string, act: () => Promise<void>): Promise<void> => {
    const turn = (turns.get(name) ?? Promise.resolve()).then(act, act)
    const settled = turn
      .catch(() => {})
      .then(() => {
        if (turns.get(name) === settled) turns.delete(name)
      })
    turns.set(name, settled)
    return turn
  }

  return {
    save: (id, signed_in) => {
      const name = nameOf(id)
      const bytes = seal(key, name, JSON.stringify({ v: 1, ...signed_in }))
      return inTurn(name, () => write(folder, name, bytes))
    },
    forget: (id) => {
      const name = nameOf(id)
      return inTurn(name, () =>
        unlink(join(folder, name)).catch((error: unknown) => {
          if (!isMissing(error)) throw error
        }),
      )
    },
    load() {
      const names = readdirSync(folder)
      // What a crash left of one whose credential was not handed over, or of a newer one.
      for (const name of names.filter((each) => each.endsWith(next_suffix)))
        rmSync(join(folder, name), { force: true })
      return new Map(
        names
          .filter((name) => is_name.test(name))
          .map((name) => [name, read(key, join(folder, name), name)]),
      )
    },
    remove: (files) => {
      for (const name of files) rmSync(join(folder, name), { force: true })
    },
  }
}

const nameOf = (id: string): string => createHash('sha256').update(id).digest('hex')

async function write(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const next = join(folder, `${name}${next_suffix}`)
  const file = await open(next, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, join(folder, name))
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Undefined for one that this key does not open. */
function read(key: Uint8Array, path: string, name: string): WatchedSignIn | undefined {
  try {
    const text = openSealed(key, name, readFileSync(path))
    const { v, ...signed_in } = JSON.parse(text) as WatchedSignIn & { v: unknown } // Its own, by the tag.
    return v === 1 ? signed_in : undefined
  } catch {
    return undefined
  }
}

/** Nonce, ciphertext, tag. Under one name: none can stand for another. */
function seal(key: Uint8Array, name: string, text: string): Uint8Array {
  const nonce = randomBytes(nonce_bytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name))
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

/** Throws for what was sealed otherwise. */
function openSealed(key: Uint8Array, name: string, sealed: Buffer): string {
  const tag_at = sealed.length - tag_bytes
  const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonce_bytes))
  cipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(tag_at))
  return Buffer.concat([
    cipher.update(sealed.subarray(nonce_bytes, tag_at)),
    cipher.final(),
  ]).toString('utf8')
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
