/**
 * How fast an engine masks, in bytes a microsecond of processor time: other work on the machine takes
 * wall time, and less of this.
 *
 * @module
 */
import type { MaskingEngine } from '../../masking-wasm/host/engine.ts'

export function chunked(bytes: Uint8Array, chunk_bytes: number): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / chunk_bytes) }, (_, index) =>
    bytes.subarray(index * chunk_bytes, (index + 1) * chunk_bytes),
  )
}

/** Whole streams, again and again, until `at_least_ms` are spent. */
export function maskingRate(
  engine: MaskingEngine,
  chunks: readonly Uint8Array[],
  at_least_ms: number,
): number {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  let passes = 0
  let spent_us = 0
  const began = process.cpuUsage()
  do {
    const stream = engine.open('length')
    let masked = 0
    for (const chunk of chunks) masked += stream.push(chunk).raw_length
    masked += stream.flush('end').raw_length
    stream.close()
    if (masked !== length) throw new Error(`masked ${masked} of ${length} bytes`)
    passes++
    const { user, system } = process.cpuUsage(began)
    spent_us = user + system
  } while (spent_us < at_least_ms * 1000)
  return (passes * length) / spent_us
}

/** Microseconds of wall time for each chunk of one stream, the clock's own reading included. */
export function pushTimes(
  engine: MaskingEngine,
  chunks: readonly Uint8Array[],
): Float64Array<ArrayBuffer> {
  const times = new Float64Array(chunks.length)
  const stream = engine.open('length')
  for (const [index, chunk] of chunks.entries()) {
    const began = Bun.nanoseconds()
    stream.push(chunk)
    times[index] = (Bun.nanoseconds() - began) / 1000
  }
  stream.close()
  return times
}

/** Of numbers that are not empty. */
export function quantile(values: Float64Array<ArrayBuffer>, share: number): number {
  const sorted = values.toSorted()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
