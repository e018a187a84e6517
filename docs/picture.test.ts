/** The picture of the README: drawn from the committed cast, and showing what it is there to show. */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { drawCast } from './picture.ts'

const read = (name: string): Promise<string> => Bun.file(join(import.meta.dir, name)).text()
const cast = await read('trial.cast')
const picture = await read('trial.svg')
const header = JSON.stringify({ version: 3, term: { cols: 40, rows: 10 }, title: 'a <title>' })
const castOf = (...events: readonly (readonly [number, string, string])[]): string =>
  [header, ...events.map((event) => JSON.stringify(event))].join('\n')

describe('the picture of the README', () => {
  test('is the one of the committed cast, and small', async () => {
    expect(await drawCast(cast)).toBe(picture)
    expect(picture.length + cast.length).toBeLessThan(150_000)
  })

  test('shows the trial from the first line to the last', () => {
    const shown = picture.replaceAll(/<[^>]+>/g, '\n')
    for (const wanted of [
      /^GITHUB_TOKEN=\*{40}$/m,
      /^verified$/m,
      /^record_edited$/m,
      /^FAILED: /m,
    ])
      expect(shown).toMatch(wanted)
    expect(shown.indexOf('verified')).toBeLessThan(shown.indexOf('record_edited'))
  })

  test('has no secret, and asks for nothing from elsewhere', () => {
    for (const text of [cast, picture]) {
      expect(text).not.toMatch(/gh[a-z]_[A-Za-z0-9]{10}|AKIA[A-Z0-9]{10}|:\/\/app:[^*]/)
      expect(text.match(/https?:\/\/[^"\s]+/g) ?? []).toEqual(
        text === picture ? ['http://www.w3.org/2000/svg'] : [],
      )
    }
    expect(picture).not.toMatch(/<script|href=/)
  })
})

describe('a drawing', () => {
  test('keeps colours, columns and times, and what XML would take for its own', async () => {
    const drawn = await drawCast(
      castOf([0.5, 'o', 'a\u001b[31m <b>\u001b[0m'], [0.5, 'o', '\r\n  c']),
    )
    expect(drawn).toContain('<title>a &lt;title&gt;</title>')
    expect(drawn).toMatch(/delay:500ms"><text [^>]*>a<\/text><text [^>]*#ff7b72[^>]*>&lt;b&gt;</)
    expect(drawn).toMatch(/delay:1000ms"><text x="32.8" y="48"[^>]*>c</)
  })

  test('has no trace of what was overwritten', async () => {
    const drawn = await drawCast(
      castOf([1, 'o', 'kept half'], [1, 'o', '\rkept word\r\n'], [1, 'o', 'x']),
    )
    expect(drawn).not.toContain('half')
    const texts = [...drawn.matchAll(/>([^<>\n]+)<\/text>/g)].map(([, text]) => text)
    expect(texts).toEqual(['kept', 'word', 'x'])
  })

  test('is refused of what is not output', async () => {
    const refused = (text: string): Promise<string> =>
      drawCast(text).catch((error: Error) => error.message)
    expect(await refused(castOf([0, 'r', '80x24']))).toBe('an event of kind r')
    expect(await refused('{"version":2}')).toBe('not an asciicast v3')
  })
})
