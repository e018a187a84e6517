/**
 * Finds members of a JSON document (RFC 8259) by their paths, as ranges of its bytes: nothing is serialised again, so what
 * is not masked stays byte for byte.
 *
 * @module
 */

/** The text of a string without quotes and escapes, of a number or a truth value as it stands; or nothing. */
export type JsonValue = string | null

export interface FoundMember {
  /** The value's bytes, quotes included. A list or an object is not found itself, but each value in it. */
  readonly start: number
  readonly end: number
  /** The first of the paths that lead to it. Nothing for a number to which none does: no mask fits into one. */
  readonly member: number | undefined
  readonly value: JsonValue
}

/** Deeper ones are no documents of anybody: a stack is bounded. */
const depth_max = 256

const QUOTE = 0x22
const BACKSLASH = 0x5c
const scalar = /^(?:true|false|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/

/** In their order; nothing when it is not one whole document. Lists on the way are passed through. */
export function readJson(
  bytes: Uint8Array,
  paths: readonly (readonly string[])[],
): readonly FoundMember[] | undefined {
  const reader = new Reader(bytes, paths)
  return reader.read() ? reader.found : undefined
}

/** Paths that may still lead somewhere, and how far each has come. */
interface Course {
  /** Index of the path, and how many of its names were met. */
  readonly steps: readonly (readonly [path: number, met: number])[]
  /** The path that led to here or above. */
  readonly member: number | undefined
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #paths: readonly (readonly string[])[]
  readonly found: FoundMember[] = []
  #at = 0

  constructor(bytes: Uint8Array, paths: readonly (readonly string[])[]) {
    this.#bytes = bytes
    this.#paths = paths
  }

  read(): boolean {
    const start = this.#paths.map((_, path) => [path, 0] as const)
    this.#blanks()
    if (!this.#value({ steps: start, member: undefined }, 0)) return false
    this.#blanks()
    return this.#at === this.#bytes.length
  }

  #value(course: Course, depth: number): boolean {
    if (depth > depth_max) return false
    switch (this.#bytes[this.#at]) {
      case 0x7b:
        return this.#object(course, depth)
      case 0x5b:
        return this.#list(course, depth)
      case QUOTE: {
        const start = this.#at
        const text = this.#string()
        if (text !== undefined) this.#find(course, start, text)
        return text !== undefined
      }
      default:
        return this.#scalar(course)
    }
  }

  #object(course: Course, depth: number): boolean {
    this.#at++
    this.#blanks()
    if (this.#take(0x7d)) return true
    for (;;) {
      const name = this.#string()
      if (name === undefined) return false
      this.#blanks()
      if (!this.#take(0x3a)) return false
      this.#blanks()
      if (!this.#value(this.#follow(course, name), depth + 1)) return false
      this.#blanks()
      if (this.#take(0x7d)) return true
      if (!this.#take(0x2c)) return false
      this.#blanks()
    }
  }

  #list(course: Course, depth: number): boolean {
    this.#at++
    this.#blanks()
    if (this.#take(0x5d)) return true
    for (;;) {
      if (!this.#value(course, depth + 1)) return false
      this.#blanks()
      if (this.#take(0x5d)) return true
      if (!this.#take(0x2c)) return false
      this.#blanks()
    }
  }

  #follow(course: Course, name: string): Course {
    if (course.member !== undefined) return course
    let member: number | undefined
    const steps: (readonly [number, number])[] = []
    for (const [path, met] of course.steps) {
      const names = this.#paths[path] ?? []
      if (names[met] !== name && names[met] !== '*') continue
      if (met + 1 === names.length) member ??= path
      else steps.push([path, met + 1])
    }
    return { steps, member }
  }

  #find({ member }: Course, start: number, value: JsonValue): void {
    if (member !== undefined) this.found.push({ start, end: this.#at, member, value })
  }

  #scalar(course: Course): boolean {
    const start = this.#at
    while (isScalar(this.#bytes[this.#at])) this.#at++
    const token = Buffer.from(this.#bytes.subarray(start, this.#at)).toString('latin1')
    if (token === 'null') {
      this.#find(course, start, null)
      return true
    }
    if (!scalar.test(token)) return false
    this.found.push({ start, end: this.#at, member: course.member, value: token })
    return true
  }

  /** The text of the string that begins here. */
  #string(): string | undefined {
    const start = this.#at
    const bytes = this.#bytes
    if (bytes[start] !== QUOTE) return undefined
    let at = start + 1
    for (; bytes[at] !== QUOTE; at += bytes[at] === BACKSLASH ? 2 : 1)
      if (at >= bytes.length || (bytes[at] ?? 0) < 0x20) return undefined
    if (at >= bytes.length) return undefined
    this.#at = at + 1
    try {
      const text: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(start, at + 1)))
      return typeof text === 'string' ? text : undefined
    } catch {
      // An escape that is none.
      return undefined
    }
  }

  #take(byte: number): boolean {
    if (this.#bytes[this.#at] !== byte) return false
    this.#at++
    return true
  }

  #blanks(): void {
    const bytes = this.#bytes
    for (let byte = bytes[this.#at]; isBlank(byte); byte = bytes[this.#at]) this.#at++
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

/** A letter, a digit, `+`, `-` or `.`. */
function isScalar(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return (
    (lower >= 0x61 && lower <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  )
}
