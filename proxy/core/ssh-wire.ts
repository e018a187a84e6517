/**
 * The data types of RFC 4251, section 5.
 *
 * @module
 */

/**
 * Reads them from a borrowed buffer. Every length is checked against what is there before it is used; once something
 * does not fit, all that follows is empty.
 */
export class SshReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  #broken = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Whether everything that was asked for was there. */
  get intact(): boolean {
    return !this.#broken
  }

  get rest(): number {
    return this.#bytes.length - this.#at
  }

  uint32(): number {
    if (this.#broken || this.rest < 4) {
      this.#broken = true
      return 0
    }
    const value = this.#view.getUint32(this.#at)
    this.#at += 4
    return value
  }

  uint64(): bigint {
    const high = BigInt(this.uint32())
    return (high << 32n) | BigInt(this.uint32())
  }

  /** Borrowed. */
  string(): Uint8Array {
    const length = this.uint32()
    if (this.#broken || length > this.rest) {
      this.#broken = true
      return new Uint8Array(0)
    }
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(): string {
    return Buffer.from(this.string()).toString('latin1')
  }
}

/** `string` of RFC 4251, section 5. */
export function sshString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  const out = new Uint8Array(4 + bytes.length)
  new DataView(out.buffer).setUint32(0, bytes.length)
  out.set(bytes, 4)
  return out
}

export function sshUint32(value: number): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, value)
  return out
}

export function sshUint64(value: bigint): Uint8Array {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, value)
  return out
}

/** `mpint` of RFC 4251, section 5, of a non-negative big-endian number. */
export function sshInteger(value: Uint8Array): Uint8Array {
  let start = 0
  while (start < value.length && value[start] === 0) start++
  const digits = value.subarray(start)
  // The first bit is the sign.
  if (((digits[0] ?? 0) & 0x80) === 0) return sshString(digits)
  const positive = new Uint8Array(digits.length + 1)
  positive.set(digits, 1)
  return sshString(positive)
}
