/**
 * What the verifier uses of Node's `Buffer`, for a browser. The build puts it in the place of the global.
 *
 * @module
 */

type Encoding = 'hex' | 'base64' | 'base64url' | 'utf8'

const encoder = new TextEncoder()
const hex_digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
/** What `String.fromCharCode` takes at once. */
const characters_max = 8192

class PageBytes extends Uint8Array {
  override toString(encoding: Encoding = 'utf8'): string {
    switch (encoding) {
      case 'hex':
        return Array.from(this, (byte) => hex_digits[byte]).join('')
      case 'base64':
        return btoa(binaryOf(this))
      case 'base64url':
        return btoa(binaryOf(this)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
      case 'utf8':
        return new TextDecoder().decode(this)
    }
  }
}

/** Its methods as Node's have them. */
export const PageBuffer = {
  /** Bytes as they are, borrowed where a buffer is given, or the bytes of a text. */
  from(
    value: string | ArrayLike<number> | ArrayBuffer,
    encoding?: Encoding | number,
    length?: number,
  ): PageBytes {
    if (typeof value === 'string')
      return fromText(value, typeof encoding === 'string' ? encoding : 'utf8')
    if (value instanceof ArrayBuffer)
      return new PageBytes(value, Number(encoding ?? 0), length ?? value.byteLength)
    return new PageBytes(value)
  },

  alloc(bytes: number, fill = 0): PageBytes {
    const all = new PageBytes(bytes)
    all.fill(fill)
    return all
  },

  allocUnsafeSlow: (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(bytes),

  byteLength: (text: string): number => encoder.encode(text).length,

  concat(parts: readonly Uint8Array[]): PageBytes {
    const all = new PageBytes(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      all.set(part, at)
      at += part.length
    }
    return all
  },

  /** 0 for the same bytes. */
  compare(a: Uint8Array, b: Uint8Array): number {
    if (a.length !== b.length) return a.length < b.length ? -1 : 1
    for (let at = 0; at < a.length; at++)
      if (a[at] !== b[at]) return (a[at] ?? 0) < (b[at] ?? 0) ? -1 : 1
    return 0
  },
} as const

export type { PageBytes }

function fromText(text: string, encoding: Encoding = 'utf8'): PageBytes {
  switch (encoding) {
    case 'hex':
      return PageBuffer.from((text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)))
    case 'base64':
    case 'base64url': {
      const standard = text.replaceAll('-', '+').replaceAll('_', '/')
      try {
        const binary = atob(standard)
        const bytes = new PageBytes(binary.length)
        for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
        return bytes
      } catch {
        // Who asks compares with the text: no bytes are no text's but the empty one's.
        return new PageBytes(0)
      }
    }
    case 'utf8':
      return PageBuffer.from(encoder.encode(text))
  }
}

function binaryOf(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += characters_max)
    binary += String.fromCharCode(...bytes.subarray(at, at + characters_max))
  return binary
}
