import { describe, expect, test } from 'bun:test'
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
