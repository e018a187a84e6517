/**
 * The recorder with the real masking engine over a journal that the test plays: whatever the order of
 * messages and whenever the disk fails, nothing is released before it is durable, what is released is
 * what is recorded, and the journal never sees an unmasked secret.
 */
import { heapStats } from 'bun:jsc'
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  commit_bytes_max,
  commit_later_bytes_min,
  output_record_bytes_max,
} from '../../proxy/core/limits.ts'
import type { FromRecorder } from '../../proxy/recorder/messages.ts'
import { unpack } from '../../proxy/recorder/packed.ts'
import { toHex } from '../../storage/evidence/bytes.ts'
import { openDocument } from '../../storage/evidence/document.ts'
import { LeafList, openLeafList } from '../../storage/evidence/leaf-list.ts'
import { leaf_list_width } from '../../storage/evidence/limits.ts'
import { readManifest } from '../../storage/evidence/manifest.ts'
import { leafHash, MerkleTree } from '../../storage/evidence/merkle.ts'
import type { Entry } from '../../storage/journal/segment.ts'
import type { OpenSession } from '../../storage/store/recover.ts'
import { rounds } from '../fixture/require.ts'
import {
  latin1,
  openRecorder,
  PlayedJournal,
  records,
  secret,
  session_start,
  start,
  turn,
} from './played-recorder.ts'

const piece = fc.constantFrom(secret, secret.slice(0, 17), secret.slice(17), 'plain ', '\n', 'ghp_')
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('output' as const), text: piece }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('input' as const), text: piece }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turn' as const), text: fc.constant('') }) },
)

describe('recorder', () => {
  for (const [how, later_bytes_min] of [
    ['at once', Number.POSITIVE_INFINITY],
    ['by another thread', 0],
    ['either way, as sizes go', 1_500],
  ] as const)
    test(`durable before released, recorded as released, masked in the journal; committed ${how}`, async () => {
      let released_bytes = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 25 }),
          fc.option(fc.integer({ min: 0, max: 24 }), { nil: undefined }),
          async (steps, fails_at) => {
            const journal = new PlayedJournal()
            const shown: string[] = []
            let opened: number | undefined
            let failed = false
            const take = (message: FromRecorder): void => {
              if (message.kind === 'failed') failed = true
              if (message.kind !== 'committed') return
              unpack(message.items, message.packed, (item) => {
                if (item.kind === 'ack') opened ??= item.opened?.session
                if (item.kind !== 'release') return
                shown.push(latin1(item.bytes))
                expect(recorded(journal).startsWith(shown.join('')), 'shown before durable').toBe(
                  true,
                )
              })
            }
            const recorder = start(journal, take, later_bytes_min)
            recorder.begin([])
            recorder.receive({ kind: 'open', ack: 1, start: session_start })
            while (opened === undefined) await turn()
            const session = opened
            const request = { kind: 'exec', command: new Uint8Array(), env: {} } as const
            recorder.receive({ kind: 'channel', session, ack: 2, channel: 1, request })
            for (const [index, { do: what, text }] of steps.entries()) {
              if (index === fails_at) journal.fails = true
              const bytes = Uint8Array.from(Buffer.from(text))
              if (what === 'output')
                recorder.receive({ kind: 'output', session, channel: 1, stream: 1, bytes })
              else if (what === 'input')
                recorder.receive({ kind: 'input', session, ack: 10 + index, channel: 1, bytes })
              else await turn()
            }
            recorder.receive({ kind: 'close', session, ack: 3, reason: 'client', detail: '' })
            // One for each commit that may still be under way.
            for (let turns = 0; turns < 6; turns++) await turn()
            const all = journal.durable.map(({ bytes }) => latin1(bytes)).join('\n')
            expect(all.includes(secret)).toBe(false)
            if (journal.fails) expect(failed || steps.length === 0).toBe(true)
            else expect(shown.join('')).toBe(recorded(journal))
            released_bytes += shown.join('').length
            const seqs = records(journal).map(({ header }) => header.seq)
            expect(seqs).toEqual(seqs.map((_, index) => index))
            recorder.receive({ kind: 'stop', ack: 4 })
          },
        ),
        { numRuns: rounds(150) },
      )
      expect(released_bytes, 'the property saw output').toBeGreaterThan(0)
    })

  test('what a failing disk took back is not in the leaf lists, and every other record is', async () => {
    const journal = new PlayedJournal()
    const { recorder, session } = await openRecorder(journal)
    const note = (): void =>
      recorder.receive({
        kind: 'event',
        session,
        ack: 2,
        channel: 0,
        event: { kind: 'failed', code: 'x', message: 'y' },
      })
    const kept = leaf_list_width - 1
    for (let n = 1; n < kept; n++) note()
    while (journal.pending.length > 0) await turn()
    // What is lost fills a list; then the end of the session does, with another leaf.
    journal.fails = true
    journal.ready = false
    for (let lost = 0; lost < 5; lost++) note()
    await turn()
    journal.fails = false
    journal.ready = true
    await Bun.sleep(1_300)
    expect(records(journal)).toHaveLength(kept + 1)
    expect(listed(journal)).toEqual([leavesOf(journal)])
    recorder.receive({ kind: 'stop', ack: 4 })
  })

  for (const [lost, lost_records] of [
    ['all behind the record that fills a leaf list', 4],
    ['the end and the manifest', 1],
    ['the manifest', 0],
  ] as const)
    test(`a crash took ${lost}: the next recorder names every record`, async () => {
      const before = new PlayedJournal()
      const { recorder: first, session } = await openRecorder(before)
      // With the start and the end.
      for (let n = 1; n < leaf_list_width + 3; n++) {
        const event = { kind: 'failed', code: 'x', message: `${n}` } as const
        first.receive({ kind: 'event', session, ack: 2, channel: 0, event })
      }
      first.receive({ kind: 'close', session, ack: 3, reason: 'client', detail: '' })
      await turn()
      first.receive({ kind: 'stop', ack: 4 })
      expect(listed(before)).toEqual([leavesOf(before)])

      // The process dies behind some record: the journal ends there, and the store has it all.
      const places = [...before.durable.keys()].filter(
        (place) => before.durable[place]?.kind === 'record',
      )
      expect(places).toHaveLength(leaf_list_width + 4)
      const left = before.durable.slice(0, (places.at(-1 - lost_records) ?? 0) + 1)
      const has_end = lost_records === 0
      const journal = new PlayedJournal()
      journal.durable.push(...left)
      const next = start(journal, () => {})
      next.begin([openSessionOf(left, has_end)])
      await turn()
      await turn()
      expect(records(journal).at(-1)?.header).toMatchObject({
        kind: 'end',
        reason: has_end ? 'client' : 'crashed',
      })
      expect(listed(journal)).toEqual([leavesOf(journal)])
      next.receive({ kind: 'stop', ack: 4 })
    })

  test('the name of a signal is masked as anything that a client or a target says', async () => {
    const journal = new PlayedJournal()
    const { recorder, session } = await openRecorder(journal)
    for (const event of [
      { kind: 'signal', signal: `${secret}@example.com` },
      { kind: 'exit_signal', signal: secret, core_dumped: false },
      { kind: 'exit_signal', signal: 'KILL', core_dumped: true },
    ] as const)
      recorder.receive({ kind: 'event', session, ack: 2, channel: 0, event })
    await turn()
    const masked = '*'.repeat(secret.length)
    expect(records(journal).map(({ header }) => header)).toMatchObject([
      { kind: 'start' },
      { kind: 'signal', signal: `${masked}@example.com` },
      { kind: 'exit_signal', signal: masked, core_dumped: false },
      { kind: 'exit_signal', signal: 'KILL', core_dumped: true },
    ])
    recorder.receive({ kind: 'stop', ack: 4 })
  })

  const empty = new Uint8Array()
  test('a channel that has ended leaves nothing behind in a session that goes on', async () => {
    const journal = new PlayedJournal()
    const { recorder, session } = await openRecorder(journal)
    const request = { kind: 'forward', command: Uint8Array.of(0x61), env: {} } as const
    const event = { kind: 'channel_end' } as const
    let channel = 0
    const arrays = async (more: number): Promise<number> => {
      for (const until = channel + more; channel < until; ) {
        channel += 1
        recorder.receive({ kind: 'channel', session, ack: 2, channel, request })
        recorder.receive({ kind: 'event', session, ack: 3, channel, event })
      }
      while (journal.pending.length > 0) await turn()
      // Whatever of the journal's list the stack still shows keeps nothing alive then.
      for (const entry of journal.durable.splice(0)) Object.assign(entry, { bytes: empty })
      Bun.gc(true)
      return heapStats().objectTypeCounts['Uint8Array'] ?? 0
    }
    const before = await arrays(200)
    const channels = 2_000
    expect((await arrays(channels)) - before).toBeLessThan(channels / 2)
    recorder.receive({ kind: 'stop', ack: 4 })
  })

  test('a commit that failed in another thread is told as durable to nobody, nor what stood behind it', async () => {
    const journal = new PlayedJournal()
    const told: number[] = []
    let session: number | undefined
    let failed = 0
    const take = (message: FromRecorder): void => {
      if (message.kind === 'failed') failed += 1
      if (message.kind !== 'committed') return
      told.push(message.lsn - journal.durable.length)
      for (const item of message.items) if (item.kind === 'ack') session ??= item.opened?.session
    }
    const recorder = start(journal, take, 1)
    recorder.begin([])
    recorder.receive({ kind: 'open', ack: 1, start: session_start })
    while (session === undefined) await turn()
    const event = { kind: 'failed', code: 'x', message: 'y' } as const
    const note = (): void =>
      recorder.receive({ kind: 'event', session: session ?? 0, ack: 2, channel: 0, event })
    journal.fails = true
    journal.ready = false
    note()
    // Being written; and one more that waits for it.
    await new Promise(setImmediate)
    note()
    for (let turns = 0; turns < 6; turns++) await turn()
    expect(failed).toBe(1)
    expect(told.length).toBeGreaterThan(0)
    expect(told.filter((ahead) => ahead > 0)).toEqual([])
    recorder.receive({ kind: 'stop', ack: 4 })
  })

  test('a stop that waits behind a full group, which fails, closes the journal once', async () => {
    const journal = new PlayedJournal()
    const { recorder, session } = await openRecorder(journal, commit_later_bytes_min)
    const request = { kind: 'exec', command: new Uint8Array(), env: {} } as const
    recorder.receive({ kind: 'channel', session, ack: 2, channel: 1, request })
    await new Promise(setImmediate)
    const bytes = (): Uint8Array => new Uint8Array(output_record_bytes_max).fill(0x61)
    for (let n = 0; n < 2 * (commit_bytes_max / output_record_bytes_max); n++)
      recorder.receive({ kind: 'output', session, channel: 1, stream: 1, bytes: bytes() })
    recorder.receive({ kind: 'stop', ack: 4 })
    expect(journal.closed).toBe(0)
    journal.fails = true
    for (let turns = 0; turns < 20; turns++) await turn()
    expect(journal.closed).toBe(1)
    expect(journal.pending).toEqual([])
  })

  test('a session whose end could not be written is ended when there is space again', async () => {
    const journal = new PlayedJournal()
    const { recorder, session } = await openRecorder(journal)
    journal.fails = true
    journal.ready = false
    recorder.receive({
      kind: 'event',
      session,
      ack: 2,
      channel: 0,
      event: { kind: 'failed', code: 'x', message: 'y' },
    })
    await turn()
    journal.fails = false
    journal.ready = true
    await Bun.sleep(1_300)
    const last = records(journal).at(-1)?.header
    expect(last).toMatchObject({ kind: 'end', reason: 'recording_failed' })
    expect(records(journal).some(({ header }) => header.kind === 'failed')).toBe(false)
    const ended = journal.durable.filter(
      (entry) => entry.kind === 'log_entry' && latin1(entry.bytes).includes('session.ended'),
    )
    expect(ended).toHaveLength(1)
    recorder.receive({ kind: 'stop', ack: 4 })
  })
})

const leavesOf = (journal: PlayedJournal): string[] =>
  journal.durable.flatMap(({ kind, bytes }) => (kind === 'record' ? toHex(leafHash(bytes)) : []))

/** The leaves in the lists that each manifest names. */
function listed(journal: PlayedJournal): string[][] {
  const documents = journal.durable.flatMap((entry) => (entry.kind === 'document' ? [entry] : []))
  return documents.flatMap(({ type, bytes }) => {
    if (type !== 'session.ended') return []
    const { leaves } = readManifest(openDocument(bytes) ?? {}) ?? {}
    return [
      (leaves ?? ['none']).flatMap((digest) => {
        const list = documents.find((document) => document.digest === digest)
        if (list?.type !== 'session.leaves') return [`${digest} is not stored`]
        return (openLeafList(list.bytes) ?? []).map(toHex)
      }),
    ]
  })
}

/** What a store gives of the one session in these entries. */
function openSessionOf(entries: readonly Entry[], has_end: boolean): OpenSession {
  const tree = new MerkleTree()
  const list = new LeafList()
  let facts: Record<string, unknown> = {}
  for (const entry of entries) {
    if (entry.kind === 'record') {
      tree.append(leafHash(entry.bytes))
      list.append(leafHash(entry.bytes))
    }
    if (entry.kind === 'document' && entry.type === 'session.started')
      facts = { ...openDocument(entry.bytes) }
  }
  return {
    id: String(facts['session']),
    facts,
    records: tree.size,
    frontier: tree.frontier(),
    leaves: list.state(),
    waiting: [],
    ...(has_end ? { end: { reason: 'client', ended_us: 1_700_000_000_000_000 } } : {}),
  }
}

/** The output on record, masked. */
const recorded = (journal: PlayedJournal): string =>
  records(journal)
    .filter(({ header }) => header.kind === 'output')
    .map(({ payload }) => latin1(payload))
    .join('')
