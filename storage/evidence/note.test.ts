/**
 * Notes, checkpoints and tiles against the examples of C2SP and of Go, and what must be refused.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { toBase64, toHex } from './bytes.ts'
import { checkpointText, parseCheckpoint } from './checkpoint.ts'
import { empty_root, leafHash } from './merkle.ts'
import { noteSigner, noteVerifier, openNote, parseNote, signNote } from './note.ts'
import {
  decodeEntryBundle,
  encodeEntryBundle,
  hasTile,
  parseTilePath,
  type Tile,
  tilePath,
} from './tile.ts'
import vectors from './vector/c2sp.json' with { type: 'json' }

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const newSigner = (name: string): ReturnType<typeof noteSigner> =>
  noteSigner(
    name,
    generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }),
  )
const verifierOf = (key: string): NonNullable<ReturnType<typeof noteVerifier>> => {
  const verifier = noteVerifier(key)
  if (verifier === undefined) throw new Error(`not a verifier key: ${key}`)
  return verifier
}

describe('signed notes', () => {
  const { signed_note, inner_blank_line } = vectors
  const peter = verifierOf(signed_note.verifier_key)

  test('the example of Go opens', () => {
    expect(openNote(utf8(signed_note.note), [peter])).toEqual({
      ok: true,
      text: signed_note.text,
      signed_by: [peter],
    })
  })

  test('the example of C2SP: the last blank line ends the text', () => {
    const note = parseNote(utf8(inner_blank_line.note))
    expect(note?.text.split('\n').length).toBe(inner_blank_line.text_lines + 1)
    expect(note?.signatures[0]?.name).toBe(inner_blank_line.name)
    expect(toHex(note?.signatures[0]?.key_id ?? new Uint8Array())).toBe(inner_blank_line.key_id)
  })

  test('a verifier key that is wrong in any part is refused', () => {
    expect(signed_note.wrong_verifier_keys.length).toBeGreaterThan(0)
    for (const key of signed_note.wrong_verifier_keys)
      expect(noteVerifier(key), key).toBeUndefined()
  })

  test('what is signed here opens; another key, text or signature does not', () => {
    const signer = newSigner('edge-1/abc')
    const [own, other] = [
      verifierOf(signer.verifier_key),
      verifierOf(newSigner('edge-1/abc').verifier_key),
    ]
    const note = signNote('one\n\ntwo\n', [signer, newSigner('witness')])
    expect(openNote(note, [peter, own])).toMatchObject({ ok: true, text: 'one\n\ntwo\n' })
    expect(openNote(note, [])).toEqual({ ok: false, reason: 'unknown_key' })
    expect(openNote(note, [other])).toEqual({ ok: false, reason: 'unknown_key' })
    const edited = Buffer.from(note).toString().replace('one', 'uno')
    expect(openNote(utf8(edited), [own])).toEqual({ ok: false, reason: 'wrong_signature' })
  })

  test('one wrong signature of a known key spoils the note', () => {
    const [good, bad] = [newSigner('good'), newSigner('bad')]
    const liar = { ...bad, sign: () => bad.sign('another text\n') }
    const known = [verifierOf(good.verifier_key), verifierOf(bad.verifier_key)]
    expect(openNote(signNote('text\n', [good, liar]), known)).toEqual({
      ok: false,
      reason: 'wrong_signature',
    })
  })

  const whole = signed_note.note
  const malformed: Readonly<Record<string, string | Uint8Array>> = {
    'no signature': signed_note.text,
    'no blank line': whole.replace('\n\n', '\n'),
    'no newline at the end': whole.slice(0, -1),
    'a hyphen for the dash': whole.replace('— ', '- '),
    'no name': whole.replace('PeterNeumann ', ''),
    'a third word': whole.replace('=\n', '= x\n'),
    'a short signature': whole.replace(/x08go.*\n/, 'x08goA==\n'),
    'a control character': whole.replace('If', '\tf'),
    'a carriage return': whole.replaceAll('\n', '\r\n'),
    'bytes that are not UTF-8': Uint8Array.of(0xff, ...utf8(whole)),
    'another spelling of the same signature': whole.replace('JnAM=', 'JnAN='),
    'too many signatures': whole + whole.slice(whole.lastIndexOf('— ')).repeat(100),
    'too long': `${'x'.repeat(70_000)}${whole}`,
    nothing: '',
  }
  for (const [title, note] of Object.entries(malformed))
    test(`malformed: ${title}`, () => {
      const bytes = typeof note === 'string' ? utf8(note) : note
      expect(openNote(bytes, [peter])).toEqual({ ok: false, reason: 'malformed' })
    })

  test('a key name with a space or a plus is a mistake', () => {
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u0001b'])
      expect(() => newSigner(name), name).toThrow('assertion')
  })
})

describe('checkpoints', () => {
  const { note, origin, size, root } = vectors.checkpoint

  test('the example of C2SP', () => {
    const text = parseNote(utf8(note))?.text ?? ''
    const checkpoint = parseCheckpoint(text)
    expect(checkpoint).toMatchObject({ origin, size })
    expect(toBase64(checkpoint?.root ?? new Uint8Array())).toBe(root)
    expect(checkpointText(checkpoint ?? { origin, size, root: empty_root })).toBe(text)
  })

  test('extension lines are allowed, empty ones are not', () => {
    const text = `o\n1\n${root}\nextra\n`
    expect(parseCheckpoint(text)).toMatchObject({ origin: 'o', size: 1 })
    expect(parseCheckpoint(`o\n1\n${root}\n\n`)).toBeUndefined()
  })

  test('what is not a checkpoint', () => {
    const texts = [
      '',
      '\n',
      `o\n1\n${root}`,
      `o\n01\n${root}\n`,
      `o\n-1\n${root}\n`,
      `o\n1e3\n${root}\n`,
      `o\n9007199254740993\n${root}\n`,
      `o\n99999999999999999999\n${root}\n`,
      `\n1\n${root}\n`,
      `o\n1\n${root.slice(4)}\n`,
      `o\n1\n${root.replace('I=', 'J=')}\n`,
      `o\n1\n`,
    ]
    for (const text of texts) expect(parseCheckpoint(text), text).toBeUndefined()
  })
})

describe('tiles', () => {
  for (const { path, ...tile } of vectors.tiles.paths)
    test(`the path ${path}`, () => {
      const { level } = tile
      const read: Tile = { ...tile, level: typeof level === 'number' ? level : 'entries' }
      expect(parseTilePath(path)).toEqual(read)
      expect(tilePath(read)).toBe(path)
    })

  test('other paths are refused', () => {
    expect(vectors.tiles.wrong_paths.length).toBeGreaterThan(0)
    for (const path of vectors.tiles.wrong_paths) expect(parseTilePath(path), path).toBeUndefined()
  })

  test('a tree of 70,000 entries has the tiles of the example', () => {
    for (const { level, full, partial } of vectors.tiles.of_size_70000) {
      const has = (index: number, width: number): boolean =>
        hasTile({ level, index, width }, 70_000)
      if (full > 0) expect(has(full - 1, 256)).toBe(true)
      expect(has(full, 256)).toBe(false)
      expect(has(full, partial)).toBe(true)
      expect(has(full, partial + 1)).toBe(false)
    }
    expect(hasTile({ level: 3, index: 0, width: 1 }, 70_000)).toBe(false)
    expect(hasTile({ level: 'entries', index: 273, width: 112 }, 70_000)).toBe(true)
  })

  test('bundles of entries', () => {
    const entries = [utf8(''), utf8('a'), new Uint8Array(300).fill(7)]
    const bundle = encodeEntryBundle(entries)
    expect(toHex(bundle.subarray(0, 8))).toBe('0000000161012c07')
    expect(decodeEntryBundle(bundle)?.map((entry) => toHex(leafHash(entry)))).toEqual(
      entries.map((entry) => toHex(leafHash(entry))),
    )
    expect(decodeEntryBundle(bundle.subarray(0, -1))).toBeUndefined()
    expect(decodeEntryBundle(Uint8Array.of(0))).toBeUndefined()
    expect(decodeEntryBundle(new Uint8Array(2 * 257))).toBeUndefined()
    expect(decodeEntryBundle(new Uint8Array())).toEqual([])
  })
})
