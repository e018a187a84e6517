/**
 * What a database is asked and answers, with the real masking engine over a journal that the test plays: however facts come
 * together in records and whenever the disk fails, nothing is shown before it is durable, each fact is on record once and in
 * its order, and what hides something is a record of its own.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { FromRecorder, ToSession } from '../../proxy/recorder/messages.ts'
import { unpack } from '../../proxy/recorder/packed.ts'
import { toHex } from '../../storage/evidence/bytes.ts'
import { openDocument } from '../../storage/evidence/document.ts'
import { factsOf } from '../../storage/evidence/exchange.ts'
import { readManifest } from '../../storage/evidence/manifest.ts'
import { leafHash, MerkleTree } from '../../storage/evidence/merkle.ts'
import { decodeRecord, type RecordHeader } from '../../storage/evidence/record.ts'
import { StreamCheck } from '../../storage/verify/stream-check.ts'
import { rounds } from '../fixture/require.ts'
import { latin1, PlayedJournal, secret, session_start, start, turn } from './played-recorder.ts'

const text = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('SELECT 1', '', 'SELECT 2 -- plain') },
  { weight: 1, arbitrary: fc.constantFrom(`SELECT '${secret}'`, 'x'.repeat(3_000)) },
)
const step = fc.oneof(
  ...(['statement', 'run', 'stdin', 'output', 'result'] as const).map((kind) => ({
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant(kind), channel: fc.constantFrom(1, 1, 1, 2), text }),
  })),
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('turn' as const, 'verdict' as const) }),
  },
)

interface Fact {
  readonly header: RecordHeader
  readonly payload: Uint8Array
}

const storedOf = (journal: PlayedJournal): readonly Uint8Array[] =>
  journal.durable.flatMap((entry) => (entry.kind === 'record' ? [entry.bytes] : []))

function factsOn(journal: PlayedJournal): readonly Fact[] {
  return storedOf(journal).flatMap((stored) => {
    const decoded = decodeRecord(stored)
    if (!decoded.ok) throw new Error(decoded.reason)
    return factsOf(decoded)
  })
}

const verdict = { allowed: true, rule: 'policy.query' } as const
const asked: ReadonlySet<string> = new Set([
  'statement',
  'run',
  'stdin',
  'output',
  'result',
  'verdict',
])

let exchanges = 0
for (const [how, later_bytes_min] of [
  ['at once', Number.POSITIVE_INFINITY],
  ['by another thread', 0],
] as const)
  test(`each fact once, in its order, durable before it is shown; committed ${how}`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.option(fc.nat(29), { nil: undefined }),
        async (steps, fails_at) => {
          const journal = new PlayedJournal()
          const shown: string[] = []
          let opened: number | undefined
          let has_failed = false
          let is_closed = false
          const recorded = (): string =>
            factsOn(journal)
              .filter(({ header }) => header.kind === 'output')
              .map(({ payload }) => latin1(payload))
              .join('|')
          const recorder = start(
            journal,
            (message: FromRecorder) => {
              if (message.kind === 'failed') has_failed = true
              if (message.kind !== 'committed') return
              unpack(message.items, message.packed, (item) => {
                if (item.kind === 'ack' && item.ack === 99) is_closed = true
                if (item.kind === 'ack') opened ??= item.opened?.session
                if (item.kind !== 'release') return
                shown.push(latin1(item.bytes))
                expect(`${recorded()}|`, 'shown before durable').toStartWith(`${shown.join('|')}|`)
              })
            },
            later_bytes_min,
          )
          recorder.begin([])
          recorder.receive({ kind: 'open', ack: 1, start: session_start })
          while (opened === undefined) await turn()
          const session = opened
          for (const channel of [1, 2])
            recorder.receive({
              ...{ kind: 'channel', session, ack: 1 + channel, channel },
              request: { kind: 'database', command: new Uint8Array(), env: {} },
            })
          await turn()
          const said: string[] = []
          for (const [index, one] of steps.entries()) {
            if (index === fails_at) journal.fails = true
            if (one.kind === 'turn') await turn()
            else {
              const channel = 'channel' in one ? one.channel : 1
              recorder.receive(messageOf(session, channel, one.kind, 'text' in one ? one.text : ''))
              said.push(`${channel} ${one.kind}`)
            }
          }
          recorder.receive({
            ...{ kind: 'close', session, ack: 99, reason: 'client', detail: '' },
          })
          while (!is_closed && !has_failed) await turn()
          const facts = factsOn(journal)
          const kept = facts
            .filter(({ header }) => asked.has(header.kind))
            .map(({ header }) => `${header.channel} ${header.kind}`)
          expect(kept).toEqual(has_failed ? said.slice(0, kept.length) : said)
          expect(journal.durable.map(({ bytes }) => latin1(bytes)).join('')).not.toContain(secret)
          checkStreams(facts)
          if (has_failed) return
          expect(shown.join('|')).toBe(recorded())
          checkRoot(journal)
          exchanges += storedOf(journal).filter((stored) => {
            const decoded = decodeRecord(stored)
            return decoded.ok && decoded.header.kind === 'exchange'
          }).length
        },
      ),
      { numRuns: rounds(60) },
    )
    expect(exchanges).toBeGreaterThan(0)
  })

function messageOf(
  session: number,
  channel: number,
  kind: 'statement' | 'run' | 'stdin' | 'output' | 'result' | 'verdict',
  said: string,
): ToSession {
  const bytes = Uint8Array.from(Buffer.from(said))
  const fields = [{ start: 0, end: bytes.length }]
  const numbers = { statement: 1, run: 1 }
  switch (kind) {
    case 'stdin':
      return { kind: 'input', session, ack: 0, channel, bytes, fields }
    case 'output':
      return { kind: 'output', session, channel, stream: 1, bytes, fields }
    case 'verdict':
      return { kind: 'event', session, ack: 50, channel, event: { kind, verdict, asked: 'query' } }
    case 'statement': {
      const more = { kinds: ['select'], verdict, name: new Uint8Array(), is_prepared: true }
      return { kind: 'fact', session, channel, fact: { kind, statement: 1, text: bytes, ...more } }
    }
    case 'run':
      return { kind: 'fact', session, channel, fact: { kind, ...numbers, parameters: bytes } }
    case 'result': {
      const fact = { kind, ...numbers, tag: said.slice(0, 8), rows: 1, bytes: 5 } as const
      return { kind: 'fact', session, channel, fact }
    }
  }
}

/** Offsets without a gap, sequences and times, as verification asks for them. */
function checkStreams(facts: readonly Fact[]): void {
  const [first] = facts
  if (first?.header.kind !== 'start') throw new Error('no start')
  const check = new StreamCheck(first.header.session, first.header)
  for (const { header } of facts) expect(check.check(header, header.seq)).toBeUndefined()
}

/** The manifest's root is that of the stored bytes. */
function checkRoot(journal: PlayedJournal): void {
  const tree = new MerkleTree()
  for (const stored of storedOf(journal)) tree.append(leafHash(stored))
  const ended = journal.durable.find(
    (entry) => entry.kind === 'document' && entry.type === 'session.ended',
  )
  const document = ended === undefined ? undefined : openDocument(ended.bytes)
  const manifest = document === undefined ? undefined : readManifest(document)
  expect(manifest).toMatchObject({ records: tree.size, root: toHex(tree.root()) })
}
