/**
 * A bulk stream through the real ssh client: how fast, and whether every byte arrived as it was.
 *
 * @module
 */
import { decodeRecord } from '../../storage/evidence/record.ts'
import { openReader, type RecordPage } from '../../storage/store/reader.ts'

/** Wall time in s from the start of the client to its end. The bytes go nowhere. */
export async function timeBulk(ssh: readonly string[], file: string): Promise<number> {
  const start = performance.now()
  const child = Bun.spawn([...ssh, `cat ${file}`], {
    stdin: 'ignore',
    stdout: Bun.file('/dev/null'),
    stderr: 'pipe',
  })
  const code = await child.exited
  const wall_s = (performance.now() - start) / 1000
  if (code !== 0) throw new Error(`bulk: exit ${code}: ${await child.stderr.text()}`)
  return wall_s
}

export interface Received {
  readonly bytes: number
  /** Runs of bytes that are not as in the file: offset and length. At most {@link runs_max}. */
  readonly differing: readonly (readonly [offset: number, length: number])[]
}

/** More is no mask, but a broken stream. */
const runs_max = 1000

/** Receives once more, untimed, because comparing would take CPU from what is measured. */
export async function receiveBulk(ssh: readonly string[], file: string): Promise<Received> {
  const child = Bun.spawn([...ssh, `cat ${file}`], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const wanted = Buffer.from(Bun.mmap(file).buffer)
  const differing: [number, number][] = []
  let bytes = 0
  for await (const chunk of child.stdout) {
    const got = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (!got.equals(wanted.subarray(bytes, bytes + got.length)))
      for (let n = 0; n < got.length && differing.length < runs_max; n++) {
        if (got[n] === wanted[bytes + n]) continue
        const last = differing.at(-1)
        if (last !== undefined && last[0] + last[1] === bytes + n) last[1]++
        else differing.push([bytes + n, 1])
      }
    bytes += got.length
  }
  await child.exited
  return { bytes, differing }
}

/**
 * The bytes of the newest session's output that were masked: offset and length in the raw stream.
 * Random bytes look like a secret now and then; that must be the only difference, and on record.
 */
export async function maskedOf(data: string): Promise<(readonly [number, number])[]> {
  const reader = openReader(data)
  try {
    const [session] = (await reader.sessions({ limit: 1 })).sessions
    if (session === undefined) return []
    const spans: [number, number][] = []
    for (let from: number | undefined = 0; from !== undefined; ) {
      const page: RecordPage = await reader.records(session.id, from)
      for (const stored of page.records) {
        const record = decodeRecord(stored)
        if (record.ok && record.header.kind === 'output')
          spans.push(
            ...record.header.spans.map(({ offset, length }): [number, number] => [offset, length]),
          )
      }
      from = page.next
    }
    return spans
  } finally {
    reader.close()
  }
}
