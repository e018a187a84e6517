import { describe, expect, test } from 'bun:test'
import { input_line_bytes_max, input_line_ms_max } from '../core/limits.ts'
import { EchoTracker } from './echo.ts'
import { type Bench, tapBench } from './fixture.ts'
import { InputTap, password_prompt } from './input.ts'
import { OutputTap } from './output.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const secret = ['AKIA', 'IOSFODNN7', 'EXAMPLE'].join('')

/** A terminal: what is typed, and what the target prints of it. */
function terminal(bench: Bench): {
  type(keys: string, echo?: 'echoed' | 'silent'): void
  paste(text: string): void
  print(text: string): void
  end(): void
} {
  const echo = new EchoTracker()
  let printed = ''
  const common = { channel: 1, maskers: bench.engine, sink: bench.sink, echo } as const
  const output = new OutputTap({ ...common, stream: 1, unit: 'width', idle_ms: 300 })
  const input = new InputTap({
    ...common,
    now_ms: bench.now_ms,
    prompts: () => password_prompt.test(printed),
  })
  const print = (text: string): void => {
    printed = (printed + text).slice(-160)
    output.push(bytes(text))
    input.settle()
  }
  return {
    print,
    type(keys, how = 'echoed') {
      for (const key of keys) {
        bench.pass(100)
        input.push(bytes(key))
        if (key === '\r') print('\r\n')
        else if (how === 'echoed') print(key)
      }
    },
    paste(text) {
      input.push(bytes(text))
      print(text)
    },
    end() {
      input.end()
      output.end()
      input.close()
      output.close()
    },
  }
}

const texts = (bench: Bench, kind: string): string[] =>
  bench.records.filter(({ facts }) => facts.kind === kind).map(({ payload }) => payload)
const all = (bench: Bench): string => JSON.stringify(bench.records)

describe('input', () => {
  test('keys are recorded as lengths at once, their text at Enter', () => {
    const bench = tapBench()
    const at = terminal(bench)
    at.print('$ ')
    at.type('ls -la')
    expect(texts(bench, 'input')).toHaveLength(6)
    expect(texts(bench, 'input_text')).toEqual([])
    at.type('\r')
    expect(texts(bench, 'input_text')).toEqual(['ls -la\r'])
    expect(texts(bench, 'echo_text')).toEqual(['ls -la'])
    expect(bench.shown[1]).toBe('$ ls -la\r\n')
    at.end()
  })

  test('a typed token shows a prefix and six characters, and is in no record', () => {
    const bench = tapBench()
    const at = terminal(bench)
    at.print('$ ')
    at.type(`echo ${secret}\r`)
    at.end()
    expect(bench.shown[1]).toStartWith(`$ echo ${secret.slice(0, 10)}**********`)
    expect(texts(bench, 'input_text').join('')).toBe(`echo ${'*'.repeat(secret.length)}\r`)
    expect(texts(bench, 'echo_text').join('')).toBe(`echo ${'*'.repeat(secret.length)}`)
    expect(all(bench)).not.toContain(secret.slice(0, 8))
  })

  for (const [what, before, pause_ms] of [
    ['the longest line that waits', 'x'.repeat(input_line_bytes_max - 10), 0],
    ['the time that a line may wait', 'export TOKEN=', input_line_ms_max],
  ] as const)
    test(`a token typed over ${what} is in no record, whole or in pieces`, () => {
      const bench = tapBench()
      const at = terminal(bench)
      at.print('$ ')
      // The long line is pasted.
      if (before.length > 100) at.paste(before)
      else at.type(before)
      at.type(` ${secret.slice(0, 12)}`)
      bench.pass(pause_ms)
      at.type(`${secret.slice(12)}\r`)
      at.end()
      for (const kind of ['input_text', 'echo_text']) {
        const text = texts(bench, kind).join('')
        expect(text).toStartWith(before)
        // What a pause lets go of a would-be secret.
        expect(text).not.toContain(secret.slice(0, 11))
        expect(text).not.toContain(secret.slice(12))
      }
    })

  test('a line behind a recognised prompt leaves no length, no rhythm and no text', () => {
    const bench = tapBench()
    const at = terminal(bench)
    at.type('sudo id\r')
    at.print('[sudo] password for ada: ')
    const before = bench.records.length
    at.type('hunter2hunter2\r', 'silent')
    at.print('uid=0(root)\r\n$ ')
    const after = bench.records.slice(before).map(({ facts }) => facts.kind)
    expect(after.filter((kind) => kind.startsWith('input'))).toEqual(['input_opaque'])
    at.type('id\r')
    // No offset counts what was typed blindly.
    expect(bench.records.findLast(({ facts }) => facts.kind === 'input_text')?.facts).toMatchObject(
      {
        offset: 'sudo id\r'.length,
      },
    )
    expect(all(bench)).not.toContain('hunter2')
  })

  test('a line that is not echoed is dropped without a recognised prompt too', () => {
    const bench = tapBench()
    const at = terminal(bench)
    at.print('? ')
    bench.pass(1000)
    at.type('correcthorsebatterystaple\r', 'silent')
    bench.pass(5000)
    at.print('welcome\r\n')
    at.end()
    expect(all(bench)).not.toContain('correct')
    expect(texts(bench, 'input_opaque')).toHaveLength(1)
    // The keys that came before the missing echo could be noticed.
    expect(texts(bench, 'input').length).toBeLessThanOrEqual(4)
  })

  test('a pasted line is recorded when its echo comes with the result', () => {
    const bench = tapBench()
    const at = terminal(bench)
    at.print('$ ')
    at.type('')
    const echo = new EchoTracker()
    const input = new InputTap({
      channel: 1,
      maskers: bench.engine,
      sink: bench.sink,
      echo,
      now_ms: bench.now_ms,
      prompts: () => false,
    })
    input.push(bytes('uname -a\rid\r'))
    expect(texts(bench, 'input_text')).toEqual([])
    expect(echo.seen(bytes('uname -a\r\nid\r\nLinux web-1'))).toBe(false)
    input.settle()
    expect(texts(bench, 'input_text')).toEqual(['uname -a\rid\r'])
    at.end()
  })

  test('a text that the target prints by itself is not taken for an echo', () => {
    const echo = new EchoTracker()
    echo.typed(bytes('hunter2'))
    expect(echo.seen(bytes('h-u-n-t-e-r-2'))).toBe(false)
    expect(echo.line_echoed).toBe(false)
  })

  test('keys that send escape sequences do not hide the echo of the rest', () => {
    const echo = new EchoTracker()
    echo.typed(bytes('\x1b[A\x1b[200~id\x1b[201~'))
    expect(echo.seen(bytes('id'))).toBe(true)
    expect(echo.line_echoed).toBe(true)
  })

  test.each([
    ['Password: ', true],
    ["ada@web-1's password: ", true],
    ["Enter passphrase for key '/root/.ssh/id': ", true],
    ['Verification code: ', true],
    ['Enter PIN? ', true],
    ['the password was changed\r\n$ ', false],
    ['$ ', false],
  ])('prompt %j: %p', (text, expected) => {
    expect(password_prompt.test(text)).toBe(expected)
  })
})
