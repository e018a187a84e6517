/** The container of a bundle: one spelling is read, and everything else is refused before it is looked at. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readArchive, writeArchive } from './archive.ts'

setDefaultTimeout(60_000)

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const folder = mkdtempSync(join(tmpdir(), 'sluice-archive-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a hostile archive is refused before anything in it is looked at', () => {
  const reasonOf = (bytes: Uint8Array): string => {
    const archive = readArchive(bytes)
    return archive.ok ? '' : archive.reason
  }
  const small = writeArchive([
    { name: 'a.txt', bytes: utf8('aaaa') },
    { name: 'b.txt', bytes: utf8('bbbb') },
  ])
  const renamed = (from: string, to: string): Uint8Array => {
    expect(to.length).toBe(from.length)
    return Buffer.from(Buffer.from(small).toString('latin1').replaceAll(from, to), 'latin1')
  }
  const patched = (at: number, ...bytes: readonly number[]): Uint8Array => {
    const copy = Uint8Array.from(small)
    copy.set(bytes, at)
    return copy
  }

  test('names that lead out of a folder, or hide', () => {
    for (const name of [
      '../../',
      '/a.txt',
      '..aaa',
      'a\\txt',
      '.a.tx',
      'a/txt',
      'a\0txt',
      'a\u001btxt',
      'C:txt',
      'a..tx',
      '-rfxx',
    ]) {
      expect(
        reasonOf(renamed('a.txt', name.slice(0, 5).padEnd(5, '.'))),
        JSON.stringify(name),
      ).toContain('a name that no bundle has')
      expect(() => writeArchive([{ name, bytes: utf8('x') }])).toThrow(RangeError)
    }
    expect(reasonOf(renamed('b.txt', 'a.txt'))).toBe('two files in it have one name')
  })

  test('compressed files: there is no bomb in what is stored', () => {
    const file = join(folder, 'bomb.zip')
    const script = `import zipfile
with zipfile.ZipFile(${JSON.stringify(file)}, 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('records.b64', b'0' * 50_000_000)`
    expect(Bun.spawnSync(['python3', '-c', script]).exitCode).toBe(0)
    const bomb = readFileSync(file)
    expect(bomb.length).toBeLessThan(100_000)
    expect(reasonOf(bomb)).toBe('a file in it is compressed, which none of a bundle is')
  })

  test('sizes that lie, content between and behind, another directory', () => {
    expect(reasonOf(patched(22, 0xff, 0xff, 0xff, 0x7f))).toBe(
      'a file in it is longer than the bundle',
    )
    expect(reasonOf(patched(18, 1, 0, 0, 0))).toContain('header of a file in it is damaged')
    expect(reasonOf(patched(14, 0, 0, 0, 0))).toContain('header of a file in it is damaged')
    expect(reasonOf(Buffer.concat([small, utf8('x')]))).toContain('its directory is damaged')
    expect(reasonOf(Buffer.concat([utf8('x'), small]))).toBe('it is no ZIP file of stored files')
    expect(reasonOf(small.subarray(0, -1))).toContain('its directory is damaged')
    expect(reasonOf(new Uint8Array())).toBe('it is no ZIP file of stored files')
    expect(reasonOf(small.subarray(0, 20))).toBe('it is no ZIP file of stored files')
    // The directory names another file than the one that is there.
    const text = Buffer.from(small).toString('latin1')
    const at = text.lastIndexOf('a.txt')
    const twofold = Buffer.from(`${text.slice(0, at)}c.txt${text.slice(at + 5)}`, 'latin1')
    expect(reasonOf(twofold)).toContain('its directory is damaged')
    const many = Array.from({ length: 100 }, (_, index) => ({ name: `f${index}`, bytes: utf8('') }))
    expect(() => writeArchive(many)).toThrow(RangeError)
  })

  test('packed anew by another program', () => {
    const file = join(folder, 'again.zip')
    const script = `import zipfile
with zipfile.ZipFile(${JSON.stringify(file)}, 'w') as z: z.writestr('a.txt', b'aaaa')`
    expect(Bun.spawnSync(['python3', '-c', script]).exitCode).toBe(0)
    expect(reasonOf(readFileSync(file))).toContain('another program packed it')
  })
})
