/**
 * Evidence that is authentic, and not as it must be: the gateway itself wrote it so.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import type { RecordFacts } from '../evidence/record.ts'
import { EvidenceWriter, sourceOf } from './fixture.ts'
import type { Finding } from './report.ts'
import { verify } from './verify.ts'

describe('verify, of a gateway that wrote what it should not', () => {
  const found = async (writer: EvidenceWriter): Promise<Finding[]> => {
    writer.sign()
    const { findings } = await verify(sourceOf(writer.stored), writer.trust())
    return [...findings]
  }
  const begun = async (seed: string): Promise<EvidenceWriter> => {
    const writer = new EvidenceWriter({ seed })
    await writer.knowAuditor()
    writer.begin()
    return writer
  }
  const minute_us = 60_000_000

  test('heartbeats stop: a gap', async () => {
    const writer = await begun('gap')
    writer.now_us += 5 * minute_us
    writer.heartbeat()
    expect(await found(writer)).toMatchObject([{ code: 'heartbeat_gap', entry: 2 }])
  })

  test('heartbeats stop, and other entries go on: a gap at the end', async () => {
    const writer = await begun('gap at the end')
    writer.now_us += 5 * minute_us
    writer.log('evidence.read', 'edge-1', {})
    expect(await found(writer)).toMatchObject([{ code: 'heartbeat_gap' }])
  })

  test('heartbeats stop, and the gateway is started again: a notice', async () => {
    const writer = await begun('restart')
    writer.now_us += 5 * minute_us
    writer.begin()
    expect(await found(writer)).toMatchObject([
      { severity: 'notice', code: 'gateway_was_down', entry: 2 },
    ])
  })

  test('times go back, in the log and in a session', async () => {
    const writer = await begun('time')
    const session = await writer.session()
    writer.now_us -= minute_us
    session.end()
    expect(await found(writer)).toMatchObject([
      { code: 'time_went_back', entry: 3 },
      { code: 'time_went_back', session: session.id, record: 1 },
    ])
  })

  test('a session is rewritten between a root in the log and its end', async () => {
    const writer = await begun('rewritten')
    const session = await writer.session()
    session.exec(1)
    writer.log('session.running', 'edge-1', {
      sessions: [{ session: session.id, records: 3, root: '0'.repeat(64) }],
    })
    session.end()
    expect(await found(writer)).toMatchObject([{ code: 'session_rewritten', session: session.id }])
  })

  const names = { transfer: 1, tool: 'sftp', direction: 'upload', path: '/x' } as const
  const start: RecordFacts = { kind: 'transfer_start', channel: 0, ...names }
  const end: RecordFacts = {
    ...{ kind: 'transfer', channel: 0, ...names, outcome: 'complete', offset: 0, length: 1 },
    ...{ in_order: true, digest: '0'.repeat(64) },
  }
  const malformed: readonly { title: string; records: readonly [RecordFacts, Uint8Array?][] }[] = [
    {
      title: 'a gap in the raw stream',
      records: [
        [
          { kind: 'output', channel: 0, stream: 1, offset: 0, length: 1, spans: [] },
          Uint8Array.of(65),
        ],
        [
          { kind: 'output', channel: 0, stream: 1, offset: 2, length: 1, spans: [] },
          Uint8Array.of(65),
        ],
      ],
    },
    {
      title: 'text of an echo that was not',
      records: [
        [{ kind: 'resize', channel: 0, columns: 1, rows: 1 }],
        [
          { kind: 'echo_text', channel: 0, stream: 1, offset: 0, length: 1, spans: [] },
          Uint8Array.of(65),
        ],
      ],
    },
    {
      title: 'a second end',
      records: [
        [{ kind: 'end', channel: 0, reason: 'client', detail: '' }],
        [{ kind: 'resize', channel: 0, columns: 1, rows: 1 }],
      ],
    },
    {
      title: 'a second start',
      records: [
        [{ kind: 'resize', channel: 0, columns: 1, rows: 1 }],
        [{ kind: 'start', channel: 0, document: '0'.repeat(64), envelope: '0'.repeat(64) }],
      ],
    },
    { title: 'a transfer begins twice', records: [[start], [start]] },
    {
      title: 'a transfer ends that did not begin',
      records: [[{ ...start, transfer: 2 }], [end]],
    },
    {
      title: 'a transfer ends as another',
      records: [[start], [{ ...end, path: '/y' }]],
    },
    {
      title: 'a transfer never ends',
      records: [[start], [{ kind: 'channel_end', channel: 0 }]],
    },
  ]
  for (const { title, records } of malformed)
    test(`records do not fit together: ${title}`, async () => {
      const writer = await begun(title)
      const session = await writer.session()
      for (const [facts, payload] of records) session.record(facts, payload)
      session.end()
      expect((await found(writer))[0]).toMatchObject({
        code: 'record_malformed',
        session: session.id,
        record: 2,
      })
    })

  test('a running session is logged that never started', async () => {
    const writer = await begun('contradiction')
    const session = '0195e4a0-0000-7000-8000-000000000000'
    writer.log('session.running', 'edge-1', {
      sessions: [{ session, records: 3, root: '0'.repeat(64) }],
    })
    expect(await found(writer)).toMatchObject([{ code: 'log_contradicts', session }])
  })

  test('the newest checkpoints were taken away: what they signed is no longer proven, and that is no notice', async () => {
    const writer = await begun('unsigned for long')
    writer.sign()
    for (let minute = 0; minute < 3; minute++) {
      writer.now_us += minute_us
      writer.heartbeat()
    }
    const { findings, verdict } = await verify(sourceOf(writer.stored), writer.trust())
    expect(findings).toMatchObject([{ severity: 'failure', code: 'checkpoint_missing', entry: 2 }])
    expect(verdict).toBe('failed')
    writer.sign()
    expect((await verify(sourceOf(writer.stored), writer.trust())).findings).toEqual([])
  })

  test('what is newer than the checkpoint or the log is said, and no failure', async () => {
    const writer = await begun('unsigned')
    const session = await writer.session()
    writer.sign()
    session.exec(1)
    writer.log('evidence.read', 'edge-1', {})
    const { findings, verdict } = await verify(sourceOf(writer.stored), writer.trust())
    expect(findings.map(({ code }) => code)).toEqual([
      'session_open',
      'records_not_logged',
      'entries_unsigned',
    ])
    expect(verdict).toBe('verified')
  })
})
