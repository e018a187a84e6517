/**
 * Drives the component, and beside it the raw exports of the very module inside, over the same vectors. It runs where the
 * component runs, Node and browsers too, so it uses nothing of a runtime.
 *
 * @module
 */

export interface Vector {
  readonly unit: 'length' | 'width'
  readonly reading: 'bytes' | 'terminal'
  /** 0 when they are not known. */
  readonly columns: number
  /** What is pushed, each in base64, or a flush. */
  readonly steps: readonly ({ readonly push: string } | { readonly flush: FlushEvent })[]
}
type FlushEvent = 'idle' | 'echo' | 'end'

export interface Drive {
  /** Base64. */
  readonly tables: string
  readonly vectors: readonly Vector[]
  /** Messages to be hashed, base64. */
  readonly messages: readonly string[]
}

/** Of each vector: per step the bytes in base64 and the spans; of each message the digest in hex. */
export interface Driven {
  readonly masked: readonly (readonly Step[])[]
  readonly digests: readonly string[]
}
export interface Step {
  readonly bytes: string
  /** As the five members of the interface's record, in order. */
  readonly spans: readonly (readonly number[])[]
  readonly held: number
}

/** The part of the transpiled component's declarations that is used here. */
export interface Root {
  readonly masking: {
    useTables(tables: Uint8Array): void
    readonly Masker: {
      open(
        unit: 'length' | 'width',
        reading: 'bytes' | 'terminal',
      ): {
        resize(columns: number): void
        push(bytes: Uint8Array): Masked
        flush(event: FlushEvent): Masked
        [Symbol.dispose](): void
      }
    }
  }
  readonly hashing: {
    sha256(bytes: Uint8Array): Uint8Array
    sha256Each(bytes: Uint8Array, length: number): Uint8Array
    readonly Hash: { open(): { update(bytes: Uint8Array): void; digest(): Uint8Array } }
  }
}
interface Masked {
  readonly bytes: Uint8Array
  readonly spans: readonly {
    readonly offset: number
    readonly length: number
    readonly rawOffset: number
    readonly rawLength: number
    readonly rule: number
  }[]
  readonly held: number
  readonly read: number
}

type CoreImports = Bun.WebAssembly.Imports
export type CoreExports = Bun.WebAssembly.Exports

export type Instantiate = (
  getCoreModule: (path: string) => Promise<WebAssembly.Module>,
  imports: Record<string, never>,
  instantiateCore: (
    module: WebAssembly.Module,
    imports: CoreImports,
  ) => Promise<WebAssembly.Instance>,
) => Promise<Root>

/** The component, and the exports of the module inside. */
export async function opened(
  instantiate: Instantiate,
  core: (path: string) => Promise<WebAssembly.Module>,
): Promise<{ readonly root: Root; readonly exports: CoreExports }> {
  let exports: CoreExports | undefined
  const root = await instantiate(core, {}, async (module, imports) => {
    const instance = await WebAssembly.instantiate(module, imports)
    if ('inputAddress' in instance.exports) exports = instance.exports
    return instance
  })
  if (exports === undefined) throw new Error('the module inside the component is another one')
  return { root, exports }
}

export function throughComponent({ masking, hashing }: Root, drive: Drive): Driven {
  masking.useTables(fromBase64(drive.tables))
  const masked = drive.vectors.map(({ unit, reading, columns, steps }) => {
    const masker = masking.Masker.open(unit, reading)
    masker.resize(columns)
    return steps.flatMap((step) => {
      if ('flush' in step) return [stepOf(masker.flush(step.flush))]
      const results: Step[] = []
      let rest = fromBase64(step.push)
      do {
        const result = masker.push(rest)
        results.push(stepOf(result))
        rest = rest.subarray(result.read)
      } while (rest.length > 0)
      return results
    })
  })
  const digests = drive.messages.map((text) => {
    const bytes = fromBase64(text)
    const digest = toHex(hashing.sha256(bytes))
    const hash = hashing.Hash.open()
    for (let at = 0; at < bytes.length; at += 100) hash.update(bytes.subarray(at, at + 100))
    if (toHex(hash.digest()) !== digest) throw new Error('a hash in parts is another')
    // Five of them: four in the lanes of vectors, one alone.
    const five = new Uint8Array(5 * bytes.length)
    for (let i = 0; i < 5; i++) five.set(bytes, i * bytes.length)
    if (bytes.length > 0 && toHex(hashing.sha256Each(five, bytes.length)) !== digest.repeat(5))
      throw new Error('hashes side by side are others')
    return digest
  })
  return { masked, digests }
}

/** The exports of `assembly/index.ts`; the interface's declarations are the host's. */
type Raw = Readonly<Record<string, (...numbers: number[]) => number>> & {
  readonly memory: WebAssembly.Memory
}

export function throughExports(exports: CoreExports, drive: Drive): Driven {
  // A call of one that is not there throws.
  const raw = exports as unknown as Raw
  const call = (name: string, ...numbers: number[]): number => raw[name]?.(...numbers) ?? 0
  const bytesAt = (at: number, length: number): Uint8Array =>
    new Uint8Array(raw.memory.buffer, at, length)
  const wordsAt = (at: number, length: number): readonly number[] => [
    ...new Uint32Array(raw.memory.buffer, at, length),
  ]
  const tables = fromBase64(drive.tables)
  const at = call('reserve', tables.length)
  bytesAt(at, tables.length).set(tables)
  if (call('start', at, tables.length) === 0) throw new Error('start')
  const input = call('inputAddress')
  const result = (): Step & { readonly read: number } => {
    const [address = 0, length = 0, , count = 0, held = 0, read = 0] = wordsAt(
      call('resultAddress'),
      6,
    )
    const words = wordsAt(call('spansAddress'), count * 5)
    const spans = Array.from({ length: count }, (_, index) => words.slice(index * 5, index * 5 + 5))
    return { bytes: toBase64(bytesAt(address, length)), spans, held, read }
  }
  const events: Readonly<Record<FlushEvent, number>> = { idle: 0, echo: 1, end: 2 }
  const masked = drive.vectors.map(({ unit, reading, columns, steps }) => {
    const stream = call('open', unit === 'width' ? 1 : 0, reading === 'terminal' ? 1 : 0)
    call('resize', stream, columns)
    return steps.flatMap((step) => {
      const results: Step[] = []
      const take = (): number => {
        const { read, ...one } = result()
        results.push(one)
        return read
      }
      if ('flush' in step) {
        if (call('flush', stream, events[step.flush]) === 0) throw new Error('flush')
        take()
        return results
      }
      let rest = fromBase64(step.push)
      do {
        const part = rest.subarray(0, call('inputBytesMax'))
        bytesAt(input, part.length).set(part)
        if (call('push', stream, part.length) === 0) throw new Error('push')
        rest = rest.subarray(take())
      } while (rest.length > 0)
      return results
    })
  })
  const digests = drive.messages.map((text) => {
    const bytes = fromBase64(text)
    const hash = call('hashOpen')
    for (let from = 0; from < bytes.length; from += 65_536) {
      const part = bytes.subarray(from, from + 65_536)
      bytesAt(input, part.length).set(part)
      call('hashUpdate', hash, part.length)
    }
    call('hashFinish', hash)
    call('hashClose', hash)
    return toHex(bytesAt(input, 32))
  })
  return { masked, digests }
}

function stepOf({ bytes, spans, held }: Masked): Step {
  return {
    bytes: toBase64(bytes),
    spans: spans.map((span) => [
      ...[span.offset, span.length, span.rawOffset, span.rawLength, span.rule],
    ]),
    held,
  }
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
