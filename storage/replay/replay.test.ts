/** Recordings as they are shown again: echo in its place, casts, lines. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { encodeRecord, type RecordFacts, type RecordSpan } from '../evidence/record.ts'
import { castOf } from './cast.ts'
import { findChannel } from './channels.ts'
import { linesOf } from './lines.ts'
import { plainText } from './plain.ts'
import { formatTime } from './time.ts'
import { timeline } from './timeline.ts'

const session = '0197e1c3-0000-7000-8000-000000000001'
const start_us = 1_800_000_000_000_000
const hex = '0'.repeat(64)

/** Records a second apart. */
const store = (...facts: readonly (readonly [RecordFacts, string?])[]): Uint8Array[] =>
  facts.map(([fact, payload], seq) =>
    encodeRecord(
      { v: 1, session, seq, t_us: start_us + seq * 1_000_000, ...fact },
      Buffer.from(payload ?? ''),
    ),
  )
const shell = (channel = 1): readonly [RecordFacts] => [
  {
    kind: 'channel',
    channel,
    request: 'shell',
    pty: { term: 'xterm', columns: 100, rows: 30 },
    env: {},
  },
]
const exec = (channel = 1): readonly [RecordFacts] => [
  { kind: 'channel', channel, request: 'exec', env: {} },
]
const output = (text: string, offset = 0, channel = 1): readonly [RecordFacts, string] => [
  { kind: 'output', channel, stream: 1, offset, length: Buffer.byteLength(text), spans: [] },
  text,
]
const echo = (offset: number, length: number, channel = 1): readonly [RecordFacts] => [
  { kind: 'echo', channel, stream: 1, offset, length, commitment: hex },
]
const echoText = (
  offset: number,
  length: number,
  text: string,
  spans: readonly Omit<RecordSpan, 'rule' | 'commitment'>[] = [],
): readonly [RecordFacts, string] => [
  {
    kind: 'echo_text',
    channel: 1,
    stream: 1,
    offset,
    length,
    spans: spans.map((span) => ({ ...span, rule: 'r', commitment: hex })),
  },
  text,
]

const shown = async (records: readonly Uint8Array[]): Promise<string[]> => {
  const found: string[] = []
  for await (const item of timeline(records)) {
    if (item.kind === 'damaged') found.push(`damaged ${item.index}`)
    else
      found.push(`${item.header.seq} ${item.header.kind} ${new TextDecoder().decode(item.payload)}`)
  }
  return found
}
const cast = async (records: readonly Uint8Array[]): Promise<string[]> => {
  const channel = await findChannel(timeline(records))
  if (channel === undefined) throw new Error('no channel')
  const lines: string[] = []
  for await (const line of castOf(timeline(records), { channel, title: 'a\u001bb' }))
    lines.push(line)
  return lines
}

describe('timeline', () => {
  test('puts typed text back where it was shown', async () => {
    const records = store(
      shell(),
      output('$ '),
      echo(2, 1),
      echo(3, 2),
      echoText(2, 3, 'ls '),
      output('\r\n', 5),
    )
    expect(await shown(records)).toEqual([
      '0 channel ',
      '1 output $ ',
      '2 echo l',
      '3 echo s ',
      '5 output \r\n',
    ])
  })

  test('divides a mask among the keys that it hides', async () => {
    // 4 typed bytes, of which 2 are masked by 6 bytes of stars that are 3 characters.
    const text = 'a\u2217\u2217b'
    const records = store(
      echo(0, 1),
      echo(1, 1),
      echo(2, 1),
      echo(3, 1),
      echoText(0, 4, text, [{ at: 1, n: 6, offset: 1, length: 2 }]),
    )
    expect(await shown(records)).toEqual(['0 echo a', '1 echo \u2217', '2 echo \u2217', '3 echo b'])
  })

  test('shows dots for what was never recorded, and goes on', async () => {
    const records = store(shell(), echo(0, 3), output('x', 3))
    expect(await shown(records)).toEqual(['0 channel ', '1 echo ···', '2 output x'])
    const long = store(echo(0, 1_000_000))
    expect((await shown(long))[0]?.length).toBeLessThan(1100)
  })

  test('does not wait for ever for a text that does not come', async () => {
    const many = Array.from({ length: 12 }, (_, at) =>
      output('x'.repeat(900_000), 1 + at * 900_000, 2),
    )
    const records = store(echo(0, 1), ...many)
    let waiting = 0
    for await (const _ of timeline(records)) waiting++
    expect(waiting).toBe(13)
  })

  test('names what is not a record, and shows the rest', async () => {
    const records = [...store(shell()), Buffer.from('{'), ...store(output('x')).slice(0)]
    expect(await shown(records)).toEqual(['0 channel ', 'damaged 1', '0 output x'])
  })

  test('any division into keys gives the whole masked text', async () => {
    const typed = fc.record({
      keys: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
      from: fc.nat(40),
      length: fc.nat(10),
      mask: fc.constantFrom('*', '****', '\u2217\u2217\u2217', ''),
    })
    await fc.assert(
      fc.asyncProperty(typed, async ({ keys, from, length, mask }) => {
        const total = keys.reduce((sum, key) => sum + key, 0)
        const at = Math.min(from, total - 1)
        const n = Math.min(length, total - at)
        const clear = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'.slice(
          0,
          total,
        )
        const text = n === 0 ? clear : clear.slice(0, at) + mask + clear.slice(at + n)
        const spans = n === 0 ? [] : [{ at, n: Buffer.byteLength(mask), offset: at, length: n }]
        let offset = 0
        const echoes = keys.map((key) => {
          offset += key
          return echo(offset - key, key)
        })
        const records = store(...echoes, echoText(0, total, text, spans))
        let whole = ''
        for await (const item of timeline(records))
          if (item.kind === 'record')
            whole += new TextDecoder('utf-8', { fatal: true }).decode(item.payload)
        expect(whole).toBe(text)
      }),
      { numRuns: 300 },
    )
  })
})

describe('cast', () => {
  test('is asciicast v3', async () => {
    const records = store(
      shell(),
      output('h\u00e9'),
      output('\u001b]0;title\u0007llo\u001b[1m', 3),
      [{ kind: 'resize', channel: 1, columns: 0, rows: 99_999 }],
      output('other', 0, 2),
      [{ kind: 'exit', channel: 1, code: 3 }],
    )
    const [header = '', ...events] = await cast(records)
    expect(JSON.parse(header)).toEqual({
      version: 3,
      term: { cols: 100, rows: 30, type: 'xterm' },
      timestamp: 1_800_000_000,
      title: 'a\\eb',
    })
    expect(events).toEqual([
      '[1.000000, "o", "hé"]\n',
      '[1.000000, "o", "llo\\u001b[1m"]\n',
      '[1.000000, "r", "80x2000"]\n',
      '[2.000000, "x", "3"]\n',
    ])
  })

  test('joins characters that were cut between records', async () => {
    const bytes = Buffer.from('a🙂b')
    const records = store(shell(), output('?'), output('?'))
    for (const [index, part] of [bytes.subarray(0, 3), bytes.subarray(3)].entries())
      records[index + 1] = encodeRecord(
        {
          v: 1,
          session,
          seq: index + 1,
          t_us: start_us,
          kind: 'output',
          channel: 1,
          stream: 1,
          offset: 0,
          length: 0,
          spans: [],
        },
        part,
      )
    const events = (await cast(records)).slice(1).map((line) => JSON.parse(line)[2])
    expect(events).toEqual(['a', '🙂b'])
  })

  test('gives a screen the line ends that no terminal made', async () => {
    const records = store(exec(), output('a\nb\r'), output('\nc\n\n', 4))
    const events = (await cast(records)).slice(1).map((line) => JSON.parse(line)[2])
    expect(events).toEqual(['a\r\nb\r', '\nc\r\n\r\n'])
  })

  test('shows the first terminal, or else the first channel, or what is wanted', async () => {
    const both = store(exec(1), shell(2))
    expect((await findChannel(timeline(both)))?.channel).toBe(2)
    expect((await findChannel(timeline(both), 1))?.channel).toBe(1)
    expect(await findChannel(timeline(both), 7)).toBeUndefined()
    expect((await findChannel(timeline(store(exec(3), exec(4)))))?.channel).toBe(3)
    expect(await findChannel(timeline([]))).toBeUndefined()
  })

  test('never goes back in time', async () => {
    const [first, second] = store(shell(), output('x'))
    const early = encodeRecord(
      {
        v: 1,
        session,
        seq: 2,
        t_us: start_us,
        kind: 'output',
        channel: 1,
        stream: 1,
        offset: 1,
        length: 1,
        spans: [],
      },
      Buffer.from('y'),
    )
    const lines = await cast([first, second, early].filter((each) => each !== undefined))
    expect(lines.at(-1)).toBe('[0.000000, "o", "y"]\n')
  })
})

describe('lines', () => {
  const lines = async (records: readonly Uint8Array[]): Promise<string[]> => {
    const found: string[] = []
    for await (const { t_us, channel, stream, text } of linesOf(timeline(records)))
      found.push(`${formatTime(t_us).slice(17, 19)} ${channel}/${stream} ${text}`)
    return found
  }

  test('have the time at which they began', async () => {
    const records = store(shell(), output('on'), output('e\r\ntwo\n'), output('three'))
    // start_us is at second 0 of its minute.
    expect(await lines(records)).toEqual(['01 1/1 one', '02 1/1 two', '03 1/1 three'])
  })

  test('are plain, and keep what was overwritten', async () => {
    const records = store(
      shell(),
      output('\u001b[1;31mred\u001b[0m \u001b]0;t\u0007x\u0000\n10%\r20%\r\n'),
      output('\u001b[2J\u001b[1;1Htop\u001b[5;1Hbelow\u001b[3Cright\u0007\n'),
    )
    expect(await lines(records)).toEqual([
      '01 1/1 red x',
      '01 1/1 10%',
      '01 1/1 20%',
      '02 1/1 top',
      '02 1/1 belowright',
    ])
  })

  test('of two streams are not mixed, and end with their channel', async () => {
    const error: readonly [RecordFacts, string] = [
      { kind: 'output', channel: 1, stream: 2, offset: 0, length: 3, spans: [] },
      'err',
    ]
    const records = store(
      exec(),
      output('out'),
      error,
      [{ kind: 'channel_end', channel: 1 }],
      output('x', 0, 2),
    )
    expect(await lines(records)).toEqual(['01 1/1 out', '02 1/2 err', '04 2/1 x'])
  })

  test('are cut when they have no end', async () => {
    const found = await lines(store(exec(), output('x'.repeat(40_000))))
    expect(found.map((line) => line.length - 7)).toEqual([16_384, 16_384, 7232])
  })

  test('of a typed command are one line', async () => {
    const records = store(
      shell(),
      output('$ '),
      echo(2, 1),
      echo(3, 1),
      echoText(2, 2, 'ls'),
      output('\r\nfile\r\n', 4),
    )
    expect(await lines(records)).toEqual(['01 1/1 $ ls', '05 1/1 file'])
  })
})

test('plain text does nothing to a terminal, and hides nothing', () => {
  expect(plainText('a\u001b[31m\n\t\r\u0000\u009b\u202e\u200b\u2028ü🙂', 100)).toBe(
    'a\\e[31m\\n\\t\\r\\x00\\x9b\\u{202e}\\u{200b}\\u{2028}ü🙂',
  )
  expect(plainText('abc', 2)).toBe('ab...')
})
