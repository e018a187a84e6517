/**
 * Several results of a masker as one. Memory for them is kept: made anew for each record of a stream that does not end,
 * mapping and clearing it would take longer than masking.
 *
 * @module
 */
import type { Masked, MaskedSpan } from './stream.ts'

/** Room for a full output record, with what was held before it. For larger ones memory is not kept. */
const kept_bytes_max = 256 * 1024
const nothing = new Uint8Array(0)

export class Joined {
  #kept: Uint8Array = nothing
  /** As they were given, until something in them is to leave otherwise. */
  #given: Uint8Array = nothing
  #memory: Uint8Array | undefined
  #length = 0
  #raw_offset = 0
  #raw_length = 0
  #spans: MaskedSpan[] = []

  /** `given`: what is to be masked, in as many parts as it takes. Borrowed until {@link end}. */
  begin(given: Uint8Array, raw_offset: number): void {
    this.#given = given
    this.#memory = undefined
    this.#length = 0
    this.#raw_offset = raw_offset
    this.#raw_length = 0
    this.#spans = []
  }

  /** The result for the next `read` bytes; it is not needed afterwards. */
  add({ bytes, raw_length, spans }: Masked, read: number): void {
    this.#raw_length += raw_length
    for (const span of spans) this.#spans.push(owned(span, this.#length))
    const is_begun = this.#memory !== undefined
    if (is_begun || !this.#isNext(bytes, read)) {
      const memory = this.#reserve(this.#length + bytes.length)
      if (!is_begun) memory.set(this.#given.subarray(0, this.#length))
      memory.set(bytes, this.#length)
    }
    this.#length += bytes.length
  }

  /** Borrowed until the next {@link begin}: the given bytes themselves when all of them leave as they came. */
  end(): Masked {
    const bytes = this.#memory ?? this.#given
    this.#given = nothing
    this.#memory = undefined
    return {
      bytes: bytes.length === this.#length ? bytes : bytes.subarray(0, this.#length),
      raw_offset: this.#raw_offset,
      raw_length: this.#raw_length,
      spans: this.#spans,
    }
  }

  /** Whether these are the given bytes in their place. */
  #isNext({ buffer, byteOffset, length }: Uint8Array, read: number): boolean {
    const { buffer: given, byteOffset: begin } = this.#given
    return buffer === given && byteOffset === begin + this.#length && length === read
  }

  #reserve(length: number): Uint8Array {
    let memory = this.#memory ?? this.#kept
    if (memory.length < length) {
      const larger = new Uint8Array(Math.max(2 * memory.length, this.#given.length + length))
      larger.set(memory.subarray(0, this.#length))
      memory = larger
      if (larger.length <= kept_bytes_max) this.#kept = larger
    }
    this.#memory = memory
    return memory
  }
}

/** In the joined bytes, and good beyond the next call. */
function owned(span: MaskedSpan, base: number): MaskedSpan {
  const { offset, length, raw_offset, raw_length, rule, raw } = span
  return { offset: base + offset, length, raw_offset, raw_length, rule, raw: raw.slice() }
}
