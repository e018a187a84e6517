/** Who asks for a session to be shredded is refused where it must stay, and it is on record before it is done. */
import { describe, expect, test } from 'bun:test'
import type { Hold } from '../../storage/evidence/hold.ts'
import type { SessionRow } from '../../storage/store/reader.ts'
import { type ShreddingParts, shredSession } from './shredding.ts'

const id = '019ca869-5000-7970-854d-cf6b0ce8648d'
const by = { subject: 'olga', issuer: 'keys' }
const session: SessionRow = {
  ...{ id, subject: 'ada', issuer: 'keys', method: 'public_key', groups: [], protocol: 'ssh' },
  ...{ account: 'deploy', target: 'web-1', source: '192.0.2.7:50022', labels: {} },
  ...{ started_us: 1_772_352_000_000_000, records: 3, output_bytes: 0 },
  ...{ start_digest: 'a', envelope_digest: 'b', manifest_digest: 'c', keyed: true },
}
const holdOver = (scope: Hold['scope']): Hold => ({ id: 'h1', scope, reason: 'case 7', by })

async function asked(options: {
  readonly session?: SessionRow | undefined
  readonly holds?: readonly Hold[] | undefined
  readonly fails?: 'mask' | 'note'
}) {
  const noted: unknown[] = []
  const failed = async (): Promise<never> => {
    throw new Error('the disk is full')
  }
  const parts: ShreddingParts = {
    reader: { session: async () => ('session' in options ? options.session : session) },
    recorder: {
      mask: options.fails === 'mask' ? failed : async (text) => text.replace('secret', '******'),
      note:
        options.fails === 'note'
          ? failed
          : async (type, facts) => void noted.push({ type, ...facts }),
    },
    holds: () => ('holds' in options ? options.holds : []),
    log: () => {},
  }
  return { result: await shredSession(parts, id, by, 'a secret reason'), noted }
}

describe('shredding a session', () => {
  test('is a fact of the log, with a reason that was masked', async () => {
    expect(await asked({})).toEqual({
      result: { ok: true },
      noted: [{ type: 'session.shredded', session: id, reason: 'a ****** reason', by }],
    })
  })

  test('keeps the start where a hold over names might have been over it', async () => {
    const { result, noted } = await asked({ holds: [holdOver({ subject: 'eve' })] })
    expect(result).toEqual({ ok: true })
    expect(noted).toMatchObject([{ keeps_start: true }])
  })

  const { manifest_digest: _, ...running } = session
  const { keyed: __, ...plain } = session
  const cases: readonly [string, Parameters<typeof asked>[0], string, string][] = [
    ['that there is not', { session: undefined }, 'unknown', 'no such session'],
    ['that has no key', { session: plain }, 'refused', 'has no key of its own'],
    ['that runs', { session: running }, 'refused', 'has not ended'],
    ['that is held', { holds: [holdOver({ session: id })] }, 'refused', 'legal hold h1'],
    ['of whom is held', { holds: [holdOver({ subject: 'ada' })] }, 'refused', 'legal hold h1'],
    ['before the holds are known', { holds: undefined }, 'recording', 'not known yet'],
    ['while nothing can be masked', { fails: 'mask' }, 'recording', 'nothing is erased'],
    ['while nothing can be recorded', { fails: 'note' }, 'recording', 'nothing is erased'],
  ]
  for (const [title, options, code, message] of cases)
    test(`is refused of one ${title}`, async () => {
      const { result, noted } = await asked(options)
      expect(result).toEqual({ ok: false, code: code as never, message: expect.any(String) })
      expect(JSON.stringify(result)).toContain(message)
      expect(noted).toEqual([])
    })
})
