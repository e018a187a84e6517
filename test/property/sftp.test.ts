/**
 * The SFTP codec without a socket: any split of both directions gives the same, no bytes can harm it, and whatever
 * is said, nothing that policy denies comes out towards the target and no content that nobody asked for comes out
 * towards the client.
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { sftpCodecs } from '../../proxy/connector/ssh/transfer/sftp.ts'
import type { Direction, Frame } from '../../proxy/core/connector.ts'
import type { GrantedTransfer, TransferChoice } from '../../proxy/core/transfer.ts'
import { letGo } from '../../proxy/session/gather.ts'
import { message, text, u32, u64 } from '../fixture/sftp-wire.ts'

type Said = readonly [Direction, Uint8Array]

const attrs = Buffer.concat([
  ...[u32(0x8000_000d), u64(5), u32(0o644), u32(1), u32(2)],
  ...[u32(1), text('key@example.com'), text('value')],
])
const no_attrs = u32(0)
const ok = (id: number): Said => [
  'to_client',
  message(101, u32(id), u32(0), text('done'), text('en')),
]

/** What a client and a target say to each other: each kind of message at least once. */
const conversation: readonly Said[] = [
  ['to_target', message(1, u32(3), text('own@example.com'), text('1'))],
  [
    'to_client',
    message(2, u32(3), text('posix-rename@openssh.com'), text('1'), text('x@y'), text('1')),
  ],
  ['to_target', message(16, u32(1), text('.'))],
  ['to_client', message(104, u32(1), u32(1), text('/home'), text('/home'), no_attrs)],
  ['to_target', message(17, u32(2), text('/home/file'))],
  ['to_client', message(105, u32(2), attrs)],
  ['to_target', message(3, u32(3), text('/home/file'), u32(1), no_attrs)],
  ['to_client', message(102, u32(3), text('h1'))],
  ['to_target', message(5, u32(4), text('h1'), u64(0), u32(100))],
  ['to_target', message(5, u32(5), text('h1'), u64(100), u32(100))],
  ['to_client', message(103, u32(4), text('c'.repeat(100)))],
  ['to_client', message(101, u32(5), u32(1), text('end'), text(''))],
  ['to_target', message(4, u32(6), text('h1'))],
  ok(6),
  ['to_target', message(3, u32(7), text('/home/new'), u32(0x1a), attrs)],
  ['to_client', message(102, u32(7), text('h2'))],
  ['to_target', message(6, u32(8), text('h2'), u64(0), text('w'.repeat(50)))],
  ['to_target', message(10, u32(9), text('h2'), attrs)],
  ok(8),
  ok(9),
  ['to_target', message(4, u32(10), text('h2'))],
  ok(10),
  ['to_target', message(11, u32(11), text('/home'))],
  ['to_client', message(102, u32(11), text('h3'))],
  ['to_target', message(12, u32(12), text('h3'))],
  [
    'to_client',
    message(
      104,
      u32(12),
      u32(2),
      text('a'),
      text('-rw a'),
      attrs,
      text('b'),
      text('-rw b'),
      no_attrs,
    ),
  ],
  ['to_target', message(18, u32(13), text('/home/new'), text('/home/newer'))],
  ok(13),
  ['to_target', message(200, u32(14), text('statvfs@openssh.com'), text('/home'))],
  ['to_client', message(201, u32(14), Buffer.alloc(88))],
  [
    'to_target',
    message(200, u32(15), text('users-groups-by-id@openssh.com'), text(u32(0)), text(u32(0))),
  ],
  ['to_client', message(201, u32(15), text(text('root')), text(text('wheel')))],
  ['to_target', message(200, u32(16), text('unknown@example.com'), text('?'))],
  ['to_target', message(3, u32(17), text('/none'), u32(1), no_attrs)],
  ['to_client', message(101, u32(17), u32(2), text('No such file'), text(''))],
]

const granted = (upload: TransferChoice, download: TransferChoice): GrantedTransfer => ({
  tool: 'sftp',
  argv: [],
  choices: { upload, download },
})

let let_go = 0
/** A frame as its receiver keeps it: bytes are copied, and their buffer let go of behind its last ones. */
function keep(frame: Frame): Frame {
  if (frame.kind !== 'data') return frame
  const { last, bytes, ...more } = frame
  const kept = { ...more, bytes: new Uint8Array(bytes) }
  if (last === true) letGo(bytes)
  if (last === true) let_go += 1
  return kept
}

/** What comes out, in each direction, until something is a violation. */
function hear(
  policy: GrantedTransfer,
  said: readonly Said[],
): { readonly frames: Record<Direction, Frame[]>; readonly violation?: string } {
  const codecs = sftpCodecs(policy)
  const frames: Record<Direction, Frame[]> = { to_target: [], to_client: [] }
  for (const [direction, bytes] of said) {
    const stream = direction === 'to_target' ? 0 : 1
    const own = new Uint8Array(bytes)
    const decoded = codecs[direction].decode({ kind: 'data', stream, bytes: own, last: true })
    if (!decoded.ok) return { frames, violation: decoded.violation }
    frames[direction].push(...decoded.frames.map(keep))
  }
  return { frames }
}

const cut = ([direction, bytes]: Said, places: readonly number[]): Said[] => {
  const at = [...new Set([0, ...places.map((place) => place % bytes.length), bytes.length])]
  const sorted = at.toSorted((a, b) => a - b)
  return sorted.slice(1).map((end, i): Said => [direction, bytes.subarray(sorted[i], end)])
}

const typeOf = (bytes: Uint8Array): number => bytes[4] ?? 0
const wireOf = (frames: readonly Frame[]): Extract<Frame, { kind: 'data' }>[] =>
  frames.flatMap((frame) => (frame.kind === 'data' ? [frame] : []))

describe('the sftp codec', () => {
  test('tells content from everything else, and keeps all of it', () => {
    const { frames, violation } = hear(granted('allow', 'scan'), conversation)
    expect(violation).toBeUndefined()
    const content = (direction: Direction): string[] =>
      wireOf(frames[direction]).flatMap(({ bytes, content: piece }) =>
        piece === undefined || piece.end === 0
          ? []
          : [Buffer.from(bytes).toString('latin1', piece.start, piece.end)],
      )
    expect(content('to_client')).toEqual(['c'.repeat(100)])
    expect(content('to_target')).toEqual(['w'.repeat(50)])
    const facts = [...frames.to_target, ...frames.to_client].flatMap((frame) =>
      frame.kind === 'fact' ? [frame.fact] : [],
    )
    expect(facts.map(({ kind }): string => kind)).toEqual([
      ...['transfer_start', 'transfer_start', 'change', 'change', 'transfer_start'],
      ...['transfer', 'transfer', 'transfer'],
    ])
    expect(
      facts.flatMap((fact): string[] => (fact.kind === 'transfer' ? [fact.outcome] : [])),
    ).toEqual(['complete', 'complete', 'failed'])
    const scans = facts.flatMap((fact) => (fact.kind === 'transfer_start' ? [fact.scan] : []))
    expect(scans).toEqual([true, false, true])
    const shown = wireOf(frames.to_client).flatMap(({ bytes, fields = [] }) =>
      fields.map(({ start, end }) => Buffer.from(bytes).toString('latin1', start, end)),
    )
    for (const name of ['/home', 'a', '-rw a', 'root', 'wheel', 'No such file', 'key@example.com'])
      expect(shown).toContain(name)
    // What the gateway does not know is offered to nobody, and answered by the gateway.
    expect(
      Buffer.concat(wireOf(frames.to_client).map(({ bytes }) => bytes)).toString(),
    ).not.toContain('x@y')
    expect(frames.to_target.filter(({ kind }) => kind === 'answer')).toHaveLength(1)
  })

  test('gives the same, however both directions are cut', () => {
    const whole = hear(granted('allow', 'allow'), conversation)
    const places = fc.array(fc.array(fc.nat(400), { maxLength: 6 }), {
      minLength: conversation.length,
    })
    fc.assert(
      fc.property(places, (at) => {
        const said = conversation.flatMap((one, index) => cut(one, at[index] ?? []))
        expect(hear(granted('allow', 'allow'), said).frames).toEqual(whole.frames)
      }),
    )
  })

  test('content in large messages is whole, however they are cut', () => {
    const large = Buffer.from(Array.from({ length: 40_000 }, (_, n) => n * 7))
    const said: readonly Said[] = [
      ...conversation.slice(0, 8),
      ['to_target', message(5, u32(4), text('h1'), u64(0), u32(large.length))],
      ['to_client', message(103, u32(4), text(large))],
      ...conversation.slice(14, 16),
      ['to_target', message(6, u32(8), text('h2'), u64(0), text(large))],
    ]
    const cuts = fc.array(fc.oneof(fc.nat(600), fc.nat(41_000)), { maxLength: 40 })
    fc.assert(
      fc.property(cuts, (places) => {
        const cut_up = said.flatMap((one) => cut(one, places))
        const { frames, violation } = hear(granted('allow', 'allow'), cut_up)
        expect(violation).toBeUndefined()
        for (const direction of ['to_target', 'to_client'] as const) {
          const wires = wireOf(frames[direction])
          const moved = wires.flatMap(({ bytes, content }) =>
            content === undefined ? [] : [bytes.subarray(content.start, content.end)],
          )
          expect(Buffer.concat(moved).equals(large)).toBe(true)
          // The version is in the gateway's own words; everything behind it is as it was said.
          const all = Buffer.concat(wires.slice(1).map(({ bytes }) => bytes))
          const wanted = said.filter(([way]) => way === direction).slice(1)
          expect(all.equals(Buffer.concat(wanted.map(([, bytes]) => bytes)))).toBe(true)
        }
      }),
    )
    expect(let_go, 'buffers were let go of').toBeGreaterThan(0)
  })

  test('gives the same when what one side says in a row comes at once', () => {
    const joined: [Direction, Uint8Array][] = []
    for (const [direction, bytes] of conversation) {
      const last = joined.at(-1)
      if (last?.[0] === direction) last[1] = Buffer.concat([last[1], bytes])
      else joined.push([direction, bytes])
    }
    const both = granted('allow', 'allow')
    expect(hear(both, joined).frames).toEqual(hear(both, conversation).frames)
  })

  const writes = new Set([6, 9, 10, 13, 14, 15, 18, 20])
  test('a denied upload never reaches the target, nor a denied download the client', () => {
    const up = hear(granted('deny', 'allow'), conversation.slice(0, 15))
    expect(up.violation).toBeUndefined()
    const more: Said[] = [13, 14, 15, 9, 18, 20].map((type, index) => [
      'to_target',
      message(
        type,
        u32(90 + index),
        text('/x'),
        ...(type > 17 ? [text('/y')] : type === 14 || type === 9 ? [no_attrs] : []),
      ),
    ])
    const extended: Said[] = ['posix-rename@openssh.com', 'hardlink@openssh.com'].map((name, n) => [
      'to_target',
      message(200, u32(80 + n), text(name), text('/x'), text('/y')),
    ])
    const { frames, violation } = hear(granted('deny', 'allow'), [
      ...conversation.slice(0, 15),
      ...more,
      ...extended,
    ])
    expect(violation).toBeUndefined()
    const types = wireOf(frames.to_target).map(({ bytes }) => typeOf(bytes))
    expect(types.filter((type) => writes.has(type) || type === 200)).toEqual([])
    expect(types.filter((type) => type === 3)).toHaveLength(1)
    const denials = frames.to_target.filter(
      (frame) => frame.kind === 'answer' && frame.stream === 1 && frame.bytes[12] === 3,
    )
    expect(denials).toHaveLength(9)
    const down = hear(granted('allow', 'deny'), conversation.slice(0, 7))
    expect(wireOf(down.frames.to_target).map(({ bytes }) => typeOf(bytes))).toEqual([1, 16, 17])
  })

  const hello = conversation.slice(0, 2)
  const opened = conversation.slice(0, 8)
  const read: Said = ['to_target', message(5, u32(4), text('h1'), u64(0), u32(10))]
  const hostile: readonly (readonly [string, readonly Said[]])[] = [
    ['a length of 4 GiB', [['to_target', u32(0xffffffff)]]],
    ['a length of nothing', [['to_target', u32(0)]]],
    ['a request before the version', [['to_target', message(17, u32(1), text('x'))]]],
    ['a second beginning', [...hello, ['to_target', message(1, u32(3))]]],
    [
      'another version',
      [
        ['to_target', message(1, u32(3))],
        ['to_client', message(2, u32(4))],
      ],
    ],
    ['a reply to nothing', [...hello, ['to_client', message(103, u32(9), text('x'))]]],
    [
      'content for a stat',
      [...conversation.slice(0, 5), ['to_client', message(103, u32(2), text('x'))]],
    ],
    [
      'content for an open',
      [...conversation.slice(0, 7), ['to_client', message(103, u32(3), text('x'))]],
    ],
    [
      'more content than was asked for',
      [...opened, read, ['to_client', message(103, u32(4), text('x'.repeat(11)))]],
    ],
    [
      'a string beyond the message',
      [...hello, ['to_target', message(17, u32(1), u32(100), Buffer.from('x'))]],
    ],
    ['bytes behind the request', [...hello, ['to_target', message(17, u32(1), text('x'), u32(1))]]],
    ['a type that is none', [...hello, ['to_target', message(99, u32(1))]]],
    ['an id twice', [...opened, read, read]],
    [
      'a handle twice',
      [
        ...opened,
        ['to_target', message(11, u32(20), text('/'))],
        ['to_client', message(102, u32(20), text('h1'))],
      ],
    ],
    [
      'a long listing',
      [
        ...conversation.slice(0, 3),
        ['to_client', message(104, u32(1), u32(1), text('x'.repeat(200_000)), text(''), no_attrs)],
      ],
    ],
    [
      'content after the file was closed',
      [
        ...opened,
        read,
        ['to_target', message(4, u32(6), text('h1'))],
        ok(6),
        ['to_client', message(103, u32(4), text('x'))],
      ],
    ],
    [
      'requests without end',
      [
        ...hello,
        ...Array.from(
          { length: 4097 },
          (_, n): Said => ['to_target', message(17, u32(n), text('x'))],
        ),
      ],
    ],
    [
      'handles without end',
      [
        ...hello,
        ...Array.from({ length: 1025 }, (_, n): Said[] => [
          ['to_target', message(11, u32(n), text('x'))],
          ['to_client', message(102, u32(n), text(String(n)))],
        ]).flat(),
      ],
    ],
  ]
  for (const [name, said] of hostile)
    test(`violated by ${name}`, () => {
      const { violation } = hear(granted('allow', 'allow'), said)
      expect(violation).toMatch(/^[\x20-\x7e]{1,200}$/)
    })

  test('a file that is not open is not read, whatever its handle is called', () => {
    const { frames } = hear(granted('allow', 'allow'), [...hello, read])
    expect(wireOf(frames.to_target)).toHaveLength(1)
    expect(frames.to_target.at(-1)).toMatchObject({ kind: 'answer' })
  })

  test('bytes that are changed at random harm nothing', () => {
    const random = seeded(7)
    // What the gateway answers, the target does not.
    const denied_ids = new Set([7, 8, 9, 10, 13])
    const unanswered = conversation.filter(
      ([direction, bytes]) => direction === 'to_target' || !denied_ids.has(bytes[8] ?? 0),
    )
    let violated = 0
    let passed = 0
    for (let round = 0; round < 3000; round++) {
      const said = unanswered.map(([direction, bytes]): Said => {
        const changed = Buffer.from(bytes)
        if (random() < 0.02) changed[Math.floor(random() * changed.length)] = random() * 256
        if (random() < 0.002) return [direction, changed.subarray(0, random() * changed.length)]
        return [direction, changed]
      })
      const { frames, violation } = hear(granted('deny', 'allow'), said)
      if (violation === undefined) passed += 1
      else {
        violated += 1
        expect(violation).toMatch(/^[\x20-\x7e]{1,200}$/)
      }
      for (const { bytes } of wireOf(frames.to_target))
        expect(writes.has(typeOf(bytes))).toBe(false)
      for (const direction of ['to_target', 'to_client'] as const)
        for (const { bytes, content, fields = [] } of wireOf(frames[direction]))
          for (const { start, end } of content === undefined ? fields : [content])
            expect(start <= end && end <= bytes.length && (start >= 4 || end === 0)).toBe(true)
    }
    expect(Math.min(violated, passed)).toBeGreaterThan(50)
  })
})

/** Mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
