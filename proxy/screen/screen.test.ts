import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { openScreen } from './screen.ts'

const screen = (columns = 20) => openScreen({ columns, rows: 5 })
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('the emulated screen', () => {
  test('a line over several rows, from where it began', async () => {
    const shown = screen()
    shown.print(bytes('hello\r\nroot@x:~$ '))
    shown.begin()
    shown.print(bytes('cat /etc/shadow and more\u001b[3D'))
    expect(await shown.read()).toEqual({
      typed: { before: 'cat /etc/shadow and m', whole: 'cat /etc/shadow and more' },
      before: 'root@x:~$ cat /etc/shadow and m',
      whole: 'root@x:~$ cat /etc/shadow and more',
    })
    shown.close()
  })

  test('where it began scrolls with it, and is forgotten with its row', async () => {
    const shown = screen()
    shown.print(bytes('1\r\n2\r\n3\r\n4\r\n$ '))
    shown.begin()
    shown.print(bytes(`ls ${'x'.repeat(30)}`))
    expect((await shown.read()).typed?.whole).toBe(`ls ${'x'.repeat(30)}`)
    shown.print(bytes('\r\nother'))
    expect(await shown.read()).toMatchObject({ typed: undefined, whole: 'other' })
    shown.close()
  })

  test('of bulk the end is painted', async () => {
    const shown = screen()
    for (let at = 0; at < 100; at++) shown.print(bytes('x'.repeat(10_000)))
    shown.print(bytes('\r\n$ ls'))
    expect((await shown.read()).whole).toBe('$ ls')
    shown.close()
  })

  test('bulk behind a look: what was before is forgotten, but for the size, and what was asked for is answered', async () => {
    const shown = screen(10)
    shown.print(bytes('\u001b[?7l$ '))
    shown.begin()
    shown.print(bytes('old'))
    expect((await shown.read()).typed?.whole).toBe('old')
    shown.resize({ columns: 30, rows: 5 })
    await shown.read()
    for (let at = 0; at < 10; at++) shown.print(bytes('x'.repeat(10_000)))
    shown.print(bytes(`\r\n${'y'.repeat(35)}`))
    const last = await shown.read()
    expect(last).toMatchObject({ typed: undefined, whole: 'y'.repeat(35) })
    // Lines wrap again, at the last width.
    shown.resize({ columns: 60, rows: 5 })
    expect((await shown.read()).whole).toBe(`${'y'.repeat(30)}${' '.repeat(30)}${'y'.repeat(5)}`)
    const asked = shown.read()
    for (let at = 0; at < 10; at++) shown.print(bytes('z'.repeat(10_000)))
    expect((await asked).whole).toEndWith('y')
    shown.close()
  })

  test('what says how often it is done is not done for ever', async () => {
    const shown = screen()
    for (const final of '@PLMSTXbIZ') shown.print(bytes(`a\u001b[2147483647${final}`))
    shown.print(bytes('\u001bc$ ls'))
    expect((await shown.read()).whole).toBe('$ ls')
    shown.close()
  })

  test('has the size of the window when something is printed, also where nobody has looked yet', async () => {
    const shown = screen(10)
    shown.resize({ columns: 40, rows: 5 })
    shown.print(bytes('$ '))
    shown.begin()
    shown.print(bytes('a line of more than ten'))
    shown.resize({ columns: 60, rows: 5 })
    expect((await shown.read()).typed?.whole).toBe('a line of more than ten')
    const narrow = screen(10)
    narrow.print(bytes('0123456789abc\r\u001b[A'))
    narrow.resize({ columns: 40, rows: 5 })
    // What was printed before keeps its two rows.
    expect((await narrow.read()).whole).toBe(`0123456789${' '.repeat(30)}abc`)
    shown.close()
    narrow.close()
  })

  test('what is echoed as it was typed needs no look; anything else does', async () => {
    const shown = screen(40)
    shown.print(bytes('\u001b[1mroot@x\u001b[0m:~$ '))
    expect(shown.echoes('ls')).toBe('unknown')
    shown.begin()
    expect(shown.echoes('ls')).toBe('part')
    shown.print(bytes('l'))
    expect(shown.echoes('ls')).toBe('part')
    shown.print(bytes('s'))
    expect(shown.echoes('ls')).toBe('all')
    expect(shown.echoes('ls\u001b[K')).toBe('unknown')
    expect(shown.echoes('la')).toBe('unknown')
    shown.print(bytes(' -l'))
    expect(shown.echoes('ls')).toBe('unknown')
    expect((await shown.read()).typed?.whole).toBe('ls -l')
    // It is painted: from here on it has to be read.
    expect(shown.echoes('ls -l')).toBe('unknown')
    shown.print(bytes('\r\n'.padEnd(8 * 1024, 'many lines\r\n')))
    shown.begin()
    shown.print(bytes('pwd'))
    expect(shown.echoes('pwd')).toBe('all')
    expect((await shown.read()).typed?.whole).toBe('pwd')
    shown.close()
  })

  test('lines, sizes and looks in any order show what a screen shows that is looked at after each', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'a',
        'ls -la',
        '\r\n$ ',
        '\b \b',
        '\u001b[2D',
        '\u001b[K',
        'x'.repeat(30),
        'é',
      ),
      fc.constantFrom('begin', 'narrow', 'wide', 'read'),
    )
    let begun = 0
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const [lazy, eager] = [screen(), screen()]
        for (const each of pieces) {
          for (const one of [lazy, eager]) {
            if (each === 'begin') one.begin()
            else if (each === 'narrow') one.resize({ columns: 15, rows: 4 })
            else if (each === 'wide') one.resize({ columns: 30, rows: 6 })
            else if (each !== 'read') one.print(bytes(each))
          }
          if (each === 'read') await lazy.read()
          await eager.read()
        }
        const line = await lazy.read()
        expect(line).toEqual(await eager.read())
        if (line.typed !== undefined) begun += 1
        lazy.close()
        eager.close()
      }),
      { numRuns: 40 },
    )
    expect(begun).toBeGreaterThan(0)
  })

  test('of a screen that is closed nothing is read', async () => {
    const shown = screen()
    shown.print(bytes('$ ls'))
    shown.close()
    shown.print(bytes('more'))
    expect(await shown.read()).toEqual({ typed: undefined, before: '', whole: '' })
  })

  test('any size, and any change of it', async () => {
    for (const columns of [0, 1, 65_535]) {
      const shown = openScreen({ columns, rows: columns })
      shown.resize({ columns: 0, rows: 65_535 })
      shown.print(bytes('ok'))
      expect((await shown.read()).whole).toBe('ok')
      shown.close()
    }
  })
})
