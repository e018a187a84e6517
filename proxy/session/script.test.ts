/** A script that is read line by line: what of it goes to the target, and when. */
import { describe, expect, test } from 'bun:test'
import { typed_characters_max } from './limits.ts'
import { createScript } from './script.ts'

interface Played {
  readonly sent: string
  /** What was judged, each time. */
  readonly asked: readonly (readonly string[])[]
  readonly refusals: number
  /** Bytes that count as on their way. */
  readonly counted: number
  readonly ended: boolean
}

/** Gives the pieces one by one, then the end of the input. */
async function play(pieces: readonly string[], ends = true, judges = true): Promise<Played> {
  let sent = ''
  const asked: string[][] = []
  let refusals = 0
  let counted = 0
  let ended = false
  const script = createScript({
    judges: () => judges,
    inject(bytes) {
      sent += new TextDecoder().decode(bytes)
      counted += bytes.length
    },
    drop(bytes) {
      counted -= bytes
    },
    async decide(lines) {
      await Bun.sleep(0)
      const texts = lines.map(({ text }) => text)
      asked.push(texts)
      return {
        allowed: !texts.some((text) => /\btouch\b/.test(text)),
        is_partial: texts.some((text) => /^for[^;]*$/.test(text) && !/done/.test(text)),
      }
    },
    refused() {
      refusals += 1
    },
    failed(error) {
      throw error
    },
  })
  for (const piece of pieces) {
    const bytes = new TextEncoder().encode(piece)
    counted += bytes.length
    script.take(bytes)
  }
  if (ends)
    script.after(() => {
      ended = true
    })
  await Bun.sleep(5)
  script.close()
  return { sent, asked, refusals, counted, ended }
}

describe('of a line that is refused nothing goes on', () => {
  for (const [what, line] of [
    ['plain', 'touch x\n'],
    ['with a Tab', 'touch\tx\n'],
    ['with what a terminal takes back', 'touch x #\u0015\n'],
    ['with what shells read past', 'to\0uch x\n'],
    ['without an end', 'touch x'],
  ] as const)
    test(what, async () => {
      for (const pieces of [[`echo\n${line}`], ['echo\n', ...line]])
        expect(await play(pieces)).toMatchObject({ sent: 'echo\n', refusals: 1, ended: false })
    })
})

test('a line that has not ended goes nowhere before it does', async () => {
  expect(await play(['echo a\necho b'], false)).toMatchObject({ sent: 'echo a\n', counted: 7 })
  expect(await play(['echo a\necho b'])).toMatchObject({ sent: 'echo a\necho b', ended: true })
})

test('lines of one command are judged with those before them', async () => {
  const { asked, sent } = await play(['for i in 1\ndo\ndone\n'])
  expect(asked).toEqual([
    ['for i in 1'],
    ['do', 'for i in 1\ndo'],
    ['done', 'for i in 1\ndo\ndone'],
  ])
  expect(sent).toBe('for i in 1\ndo\ndone\n')
})

test('what is longer than any line is judged once, and its rest follows', async () => {
  const long = `${'x'.repeat(typed_characters_max * 3)}\n`
  const { asked, sent } = await play([long, 'echo\n'])
  expect(asked.map(([text]) => text?.length)).toEqual([typed_characters_max, 4])
  expect(sent).toBe(`${long}echo\n`)
})

test('where nobody judges nothing is kept', async () => {
  expect(await play(['echo a\necho'], false, false)).toMatchObject({
    sent: 'echo a\necho',
    asked: [],
  })
})
