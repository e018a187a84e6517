/**
 * Evidence in bulk, and how fast it is verified.
 *
 * @module
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Trust } from '../../storage/evidence/trust.ts'
import { openReader } from '../../storage/store/reader.ts'
import type { EvidenceWriter } from '../../storage/verify/fixture.ts'
import { verify } from '../../storage/verify/verify.ts'
import { keptEvidence, project } from '../../test/remote/world.ts'

export interface BulkEvidence {
  /** A data directory. */
  readonly data: string
  readonly writer: EvidenceWriter
  readonly trust: Trust
  /** All stored records, one after the other. */
  readonly file: string
  readonly bytes: number
}

const record_bytes = 64 * 1024
const records = 128

/** Sessions of 8 MiB with output of full records, as bulk has it. */
export async function bulkEvidence(dir: string, size_mib: number): Promise<BulkEvidence> {
  const { writer, early } = await keptEvidence('bulk')
  const data = join(dir, 'store')
  const file = join(dir, 'records')
  await Bun.write(join(data, '.keep'), '')
  const fd = openSync(file, 'w')
  let bytes = 0
  const store = (): void => {
    project(data, writer.stored)
    for (const stored of writer.stored.sessions.values())
      for (const one of stored) {
        writeSync(fd, one)
        bytes += one.length
      }
    writer.stored.sessions.clear()
  }
  store()
  const payload = Buffer.from('0123456789abcdef'.repeat(record_bytes / 16))
  while (bytes < size_mib * 2 ** 20) {
    const session = await writer.session()
    const channel = 0
    session.record({ kind: 'channel', channel, request: 'exec', env: {} })
    for (let at = 0; at < records; at++) {
      const [offset, length] = [at * record_bytes, record_bytes]
      session.record({ kind: 'output', channel, stream: 1, offset, length, spans: [] }, payload)
    }
    session.end()
    store()
  }
  writer.sign()
  store()
  closeSync(fd)
  return { data, writer, trust: writer.trust(early), file, bytes }
}

/** MB/s of each round. */
export async function verificationRates(
  { data, trust, file, bytes }: BulkEvidence,
  rounds: number,
): Promise<{ readonly verified: readonly number[]; readonly hashed: readonly number[] }> {
  const verified: number[] = []
  const hashed: number[] = []
  for (let round = 0; round < rounds; round++) {
    const reader = openReader(data)
    const begun = performance.now()
    const report = await verify(reader, trust)
    verified.push(bytes / 1e3 / (performance.now() - begun))
    reader.close()
    if (report.verdict !== 'verified' || report.checked.bytes !== bytes)
      throw new Error(`the evidence is ${report.verdict}`)
    const from = performance.now()
    const { exitCode } = Bun.spawnSync(['sha256sum', file])
    hashed.push(bytes / 1e3 / (performance.now() - from))
    if (exitCode !== 0) throw new Error('sha256sum failed')
  }
  return { verified, hashed }
}
