/**
 * The codecs of scp's old protocol and of rsync without a socket: any split gives the same, no bytes can harm
 * them, and content is what the protocol says is content.
 */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { codecsFor } from '../../proxy/connector/ssh/codec.ts'
import type { Direction, Frame } from '../../proxy/core/connector.ts'

/** The side is `source` or `sink`: which of them is the target depends on the command. */
type Said = readonly ['source' | 'sink', string]

const conversation: readonly Said[] = [
  ['sink', '\0'],
  ['source', 'T1700000000 0 1700000000 0\n'],
  ['sink', '\0'],
  ['source', 'D0755 0 folder\n'],
  ['sink', '\0'],
  ['source', 'C0644 12 one\n'],
  ['sink', '\0'],
  ['source', 'content\nC064'],
  ['source', '\0'],
  ['sink', '\0'],
  ['source', 'C0644 5 refused\n'],
  ['sink', '\u0001scp: refused: no\n'],
  ['source', '\u0001scp: unreadable: no\n'],
  ['source', 'C0600 0 empty\n'],
  ['sink', '\0'],
  ['source', '\0'],
  ['sink', '\0'],
  ['source', 'C0600 3 torn\n'],
  ['sink', '\0'],
  ['source', 'abc'],
  ['source', '\u0001scp: torn: read error\n'],
  ['sink', '\0'],
  ['source', 'E\n'],
  ['sink', '\0'],
]

function hear(
  role: '-f' | '-t',
  said: readonly Said[],
): { readonly frames: Record<Direction, Frame[]>; readonly violation?: string } {
  const choices = { upload: 'allow', download: 'allow' } as const
  const argv = ['scp', '-r', role, '/base/operand']
  const codecs = codecsFor({
    allowed: true,
    rule: 'test',
    transfer: { tool: 'scp', argv, choices },
  })
  const frames: Record<Direction, Frame[]> = { to_target: [], to_client: [] }
  for (const [side, text] of said) {
    const direction = (side === 'source') === (role === '-f') ? 'to_client' : 'to_target'
    const stream = direction === 'to_client' ? 1 : 0
    const bytes = Uint8Array.from(Buffer.from(text, 'latin1'))
    const decoded = codecs[direction].decode({ kind: 'data', stream, bytes })
    if (!decoded.ok) return { frames, violation: decoded.violation }
    frames[direction].push(...decoded.frames)
  }
  return { frames }
}

const dataOf = (frames: readonly Frame[]): Extract<Frame, { kind: 'data' }>[] =>
  frames.flatMap((frame) => (frame.kind === 'data' ? [frame] : []))
const joined = (frames: readonly Frame[], content: boolean): string =>
  dataOf(frames)
    .filter((frame) => (frame.content !== undefined) === content)
    .map(({ bytes }) => Buffer.from(bytes).toString('latin1'))
    .join('')
const factsOf = (frames: readonly Frame[]): string[] =>
  frames.flatMap((frame) => {
    if (frame.kind !== 'fact') return []
    const { fact } = frame
    if (fact.kind === 'transfer') return [`${fact.transfer} ${fact.outcome}`]
    return 'path' in fact ? [`${fact.kind} ${Buffer.from(fact.path).toString()}`] : []
  })

describe('the scp codec', () => {
  for (const role of ['-f', '-t'] as const) {
    const [source, sink] =
      role === '-f' ? (['to_client', 'to_target'] as const) : (['to_target', 'to_client'] as const)

    test(`${role} tells content from lines, and keeps all of it`, () => {
      const { frames, violation } = hear(role, conversation)
      expect(violation).toBeUndefined()
      expect(joined(frames[source], true)).toBe('content\nC064abc')
      const lines = conversation
        .filter(([side, text]) => side === 'source' && !['content\nC064', 'abc'].includes(text))
        .map(([, text]) => text)
      expect(joined(frames[source], false)).toBe(lines.join(''))
      expect(factsOf(frames[sink])).toEqual([
        '1 complete',
        '2 failed',
        '3 complete',
        '4 incomplete',
      ])
      const base = role === '-f' ? '/base/folder' : '/base/operand (folder)'
      const paths = ['one', 'refused', 'empty', 'torn'].map(
        (name) => `transfer_start ${base}/${name}`,
      )
      expect(factsOf(frames[source])).toEqual([
        ...(role === '-t' ? [`change ${base}`] : []),
        ...paths,
      ])
      const texts = dataOf([...frames[source], ...frames[sink]]).flatMap(({ bytes, fields = [] }) =>
        fields.map(({ start, end }) => Buffer.from(bytes).toString('latin1', start, end)),
      )
      for (const text of ['folder', 'one', 'scp: refused: no', 'scp: torn: read error'])
        expect(texts).toContain(text)
    })

    test(`${role} gives the same, however it is cut`, () => {
      const whole = hear(role, conversation).frames
      const cuts = fc.array(fc.array(fc.nat(40), { maxLength: 4 }), {
        minLength: conversation.length,
      })
      fc.assert(
        fc.property(cuts, (places) => {
          const said = conversation.flatMap(([side, text], index): Said[] => {
            const at = (places[index] ?? []).map((place) => place % text.length)
            const sorted = [...new Set([0, ...at, text.length])].toSorted((a, b) => a - b)
            return sorted.slice(1).map((end, i): Said => [side, text.slice(sorted[i], end)])
          })
          const { frames, violation } = hear(role, said)
          expect(violation).toBeUndefined()
          for (const direction of ['to_target', 'to_client'] as const) {
            expect(factsOf(frames[direction])).toEqual(factsOf(whole[direction]))
            for (const content of [true, false])
              expect(joined(frames[direction], content)).toBe(joined(whole[direction], content))
          }
        }),
      )
    })
  }

  const begun = conversation.slice(0, 1)
  const hostile: readonly (readonly [string, readonly Said[]])[] = [
    ['a line before it was answered', [['source', 'C0644 1 x\n']]],
    ['content before it was answered', [...begun, ['source', 'C0644 1 x\ny']]],
    ['an answer to nothing', [...begun, ['sink', '\0']]],
    [
      'an answer in the middle of content',
      [...begun, ['source', 'C0644 5 x\n'], ['sink', '\0'], ['source', 'ab'], ['sink', '\0']],
    ],
    ['a name that is a path', [...begun, ['source', 'C0644 1 ../x\n']]],
    ['a name that leads up', [...begun, ['source', 'D0755 0 ..\n']]],
    ['a folder left that was not entered', [...begun, ['source', 'E\n']]],
    ['a size that no file has', [...begun, ['source', 'C0644 99999999999999999 x\n']]],
    ['a line without end', [...begun, ['source', `C0644 1 ${'x'.repeat(17_000)}`]]],
    ['another answer', [...begun, ['source', 'E2\n']]],
    ['text for an answer', [['sink', 'hello\n']]],
    [
      'content that goes on',
      [...begun, ['source', 'C0644 2 x\n'], ['sink', '\0'], ['source', 'abcdef\n']],
    ],
    [
      'folders without end',
      [
        ...begun,
        ...Array.from({ length: 2049 }, (): Said[] => [
          ['source', 'D0755 0 d\n'],
          ['sink', '\0'],
        ]).flat(),
      ],
    ],
  ]
  for (const [name, said] of hostile)
    for (const role of ['-f', '-t'] as const)
      test(`${role} is violated by ${name}`, () => {
        expect(hear(role, said).violation).toMatch(/^[\x20-\x7e]{1,200}$/)
      })

  test('bytes of any kind harm nothing', () => {
    const side = fc.constantFrom('source' as const, 'sink' as const)
    const part = fc.constantFrom(
      '\0',
      '\n',
      '\u0001',
      'C0644 3 x\n',
      'D0755 0 d\n',
      'E\n',
      'abc',
      '\xff',
    )
    let passed = 0
    fc.assert(
      fc.property(fc.array(fc.tuple(side, part), { maxLength: 20 }), (said) => {
        const { frames, violation } = hear('-f', said)
        if (violation !== undefined) expect(violation).toMatch(/^[\x20-\x7e]{1,200}$/)
        else passed += 1
        for (const { bytes, content, fields = [] } of dataOf(frames.to_client))
          for (const { start, end } of content === undefined ? fields : [content])
            expect(start >= 0 && start <= end && end <= bytes.length).toBe(true)
      }),
      { numRuns: 2000, seed: 7 },
    )
    expect(passed).toBeGreaterThan(20)
  })
})

describe('the rsync codec', () => {
  const argv = ['rsync', '--server', '-e.LsfxCIvu', '.', '/to']
  const choices = { upload: 'scan', download: 'deny' } as const
  const fresh = () =>
    codecsFor({ allowed: true, rule: 'test', transfer: { tool: 'rsync', argv, choices } })

  test('both streams are content, between their start and their end', () => {
    const { to_target, to_client } = fresh()
    const bytes = Uint8Array.of(1, 2, 3)
    const first = to_client.decode({ kind: 'data', stream: 1, bytes })
    expect(first.ok && first.frames.map(({ kind }) => kind)).toEqual(['fact', 'fact', 'data'])
    expect(first.ok && factsOf(first.frames)).toEqual(['transfer_start /to', 'transfer_start /to'])
    const second = to_target.decode({ kind: 'data', stream: 0, bytes })
    expect(second).toEqual({
      ok: true,
      frames: [{ kind: 'data', stream: 0, bytes, content: { transfer: 1, start: 0, end: 3 } }],
    })
    const error = { kind: 'data', stream: 2, bytes } as const
    expect(to_client.decode(error)).toEqual({ ok: true, frames: [error] })
    const exit = to_client.decode({ kind: 'control', event: { kind: 'exit', code: 0 } })
    expect(exit.ok && factsOf(exit.frames)).toEqual(['1 complete', '2 complete'])
    expect(to_target.decode({ kind: 'data', stream: 0, bytes })).toEqual({ ok: true, frames: [] })
  })

  test('one that fails is not complete', () => {
    const { to_target, to_client } = fresh()
    to_target.decode({ kind: 'data', stream: 0, bytes: Uint8Array.of(1) })
    const exit = to_client.decode({ kind: 'control', event: { kind: 'exit', code: 23 } })
    expect(exit.ok && factsOf(exit.frames)).toEqual(['1 incomplete', '2 incomplete'])
  })
})
