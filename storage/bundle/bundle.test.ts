/** A bundle is verified as it was made; each way to change one has its name. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256, toHex } from '../evidence/bytes.ts'
import { cosigner, parseWitness } from '../evidence/cosignature.ts'
import { parseNote } from '../evidence/note.ts'
import type { Trust } from '../evidence/trust.ts'
import { auditedEvidence, raw } from '../verify/audited-fixture.ts'
import { readArchive } from './archive.ts'
import { verifyBundle } from './check.ts'
import { bundleOf, repacked } from './fixture.ts'

setDefaultTimeout(60_000)

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
const folder = mkdtempSync(join(tmpdir(), 'sluice-bundle-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { writer, session, record } = await auditedEvidence()
const trust = writer.trust()
const honest = await bundleOf(writer, session)
const page_hash = toHex(sha256(utf8('<!doctype html>')))
const codes = async (
  bytes: Uint8Array,
  by: Trust | undefined = trust,
): Promise<readonly string[]> =>
  (await verifyBundle(bytes, by, page_hash)).report.findings.map(({ code }) => code)
const edited = (name: string, from: string, to: string): Uint8Array =>
  repacked(honest, (files) => {
    const text = textOf(files.get(name))
    expect(text).toContain(from)
    files.set(name, utf8(text.replace(from, to)))
  })
const lines = (change: (lines: string[]) => unknown): Uint8Array =>
  repacked(honest, (files) => {
    const all = textOf(files.get('records.b64')).trimEnd().split('\n')
    change(all)
    files.set('records.b64', utf8(`${all.join('\n')}\n`))
  })
const inRecord = (line: string | undefined, from: string, to: string): string => {
  const text = Buffer.from(line ?? '', 'base64').toString('latin1')
  expect(text).toContain(from)
  return Buffer.from(text.replace(from, to), 'latin1').toString('base64')
}

describe('a bundle', () => {
  test('is verified, and what is in it is there', async () => {
    const { report, session: found } = await verifyBundle(honest, trust, page_hash)
    expect(report).toMatchObject({ verdict: 'verified', findings: [] })
    expect(report.checked).toMatchObject({ sessions: 1, records: session.tree.size })
    expect(found?.manifest.identity.subject).toBe('ada')
    expect((await verifyBundle(honest, undefined)).report.verdict).toBe('consistent_unanchored')
  })

  test('is the same whenever it is made', async () => {
    expect(Buffer.from(await bundleOf(writer, session)).equals(honest)).toBe(true)
  })

  test('is opened by the tools at hand', async () => {
    const file = join(folder, 'honest.zip')
    writeFileSync(file, honest)
    const tested = Bun.spawnSync(['python3', '-m', 'zipfile', '-t', file])
    expect(tested.exitCode, tested.stderr.toString()).toBe(0)
    const out = join(folder, 'out')
    expect(Bun.spawnSync(['python3', '-m', 'zipfile', '-e', file, out]).exitCode).toBe(0)
    const archive = readArchive(honest)
    if (!archive.ok) throw new Error(archive.reason)
    expect([...archive.files.keys()]).toEqual([
      'bundle.json',
      'records.b64',
      'leaves',
      'envelope.json',
      'README.txt',
      'commands.json',
      'commands.sh',
      'channel-1.cast',
      'verify.html',
    ])
    for (const [name, bytes] of archive.files)
      expect(readFileSync(join(out, name)).equals(bytes), name).toBe(true)
  })

  test('has nothing that was masked in it', () => {
    const text = Buffer.from(honest).toString('latin1')
    const records = text.match(/^[A-Za-z0-9+/=]{40,}$/gm) ?? []
    const all =
      text + records.map((line) => Buffer.from(line, 'base64').toString('latin1')).join('')
    for (const value of ['4111111111111111', 'hunter22x', 's3cr3t'])
      expect(all).not.toContain(value)
    expect(all).toContain(raw.clear)
  })

  test('lists what was done', () => {
    const archive = readArchive(honest)
    const steps = JSON.parse(textOf(archive.ok ? archive.files.get('commands.json') : undefined))
    expect(
      steps.map(({ kind, text }: { kind: string; text: string }) => `${kind} ${text}`),
    ).toEqual([
      'channel shell on a terminal',
      'verdict allowed by static: shell',
      'typed echo *********',
      'exit status 0',
      'channel exec',
      'command deploy -p ****** now',
      'verdict allowed by static: exec',
      'exit status 0',
      'channel exec',
      'command id -u',
      'verdict allowed by static: exec',
      'file download of /srv/file, complete, 18 bytes',
      'exit status 0',
    ])
    expect(steps[5].masked).toEqual([{ at: 10, n: 6, rule: 'password' }])
  })
})

describe('a bundle that was changed is refused by name', () => {
  test('a record: edited, taken out, cut off, moved, added', async () => {
    const edit = lines((all) => {
      all[record] = inRecord(all[record], 'public', 'PUBLIC')
    })
    const { report } = await verifyBundle(edit, trust, page_hash)
    expect(report.findings).toMatchObject([{ code: 'record_edited', record, session: session.id }])
    expect(await codes(lines((all) => all.splice(record, 1)))).toEqual(['record_missing'])
    expect(await codes(lines((all) => all.pop()))).toEqual(['session_truncated'])
    expect(await codes(lines((all) => all.splice(4, 2, ...all.slice(4, 6).toReversed())))).toEqual([
      'record_reordered',
    ])
    expect(await codes(lines((all) => all.push(all.at(-1) ?? '')))).toEqual(['record_added'])
    expect(await codes(lines((all) => all.splice(3, 1, 'not base64!')))).toEqual(['record_edited'])
  })

  test('the hashes of the records', async () => {
    const flipped = repacked(honest, (files) => {
      files.set(
        'leaves',
        (files.get('leaves') ?? new Uint8Array()).map((byte, at) => (at === 5 ? byte ^ 1 : byte)),
      )
    })
    expect(await codes(flipped)).toEqual(['document_missing'])
    expect(await codes(repacked(honest, (files) => files.delete('leaves')))).toEqual([
      'document_missing',
    ])
    const more = repacked(honest, (files) =>
      files.set(
        'leaves',
        Buffer.concat([files.get('leaves') ?? new Uint8Array(), new Uint8Array(32 * 1024)]),
      ),
    )
    expect(await codes(more)).toContain('document_missing')
  })

  test('the documents and their proofs', async () => {
    const proof = JSON.parse(textOf(filesOf(honest).get('bundle.json')))
    const other = (change: (proof: Proof) => unknown): Uint8Array => {
      const copy: Proof = structuredClone(proof)
      change(copy)
      return repacked(honest, (files) => files.set('bundle.json', utf8(JSON.stringify(copy))))
    }
    const flip = (base64: string): string => {
      const bytes = Buffer.from(base64, 'base64')
      bytes[50] = (bytes[50] ?? 0) ^ 1
      return bytes.toString('base64')
    }
    const cases: readonly (readonly [change: (proof: Proof) => unknown, code: string])[] = [
      [({ start }) => (start.document = flip(start.document)), 'document_edited'],
      [({ manifest }) => (manifest.document = flip(manifest.document)), 'document_edited'],
      [({ manifest }) => manifest.index--, 'log_proof_wrong'],
      [({ manifest }) => manifest.path.pop(), 'log_proof_wrong'],
      [({ start }) => (start.entry = start.entry.replace('"v":1', '"v":2')), 'log_proof_wrong'],
      [
        ({ start }) => (start.checkpoint = start.checkpoint.replace('edge', 'ledge')),
        'checkpoint_signature_wrong',
      ],
      [(all) => (all.manifest = all.start), 'log_entry_malformed'],
      [(all) => (all.start = all.manifest), 'log_entry_malformed'],
      [(all) => (all.session = `${all.session.slice(0, -1)}0`), 'log_entry_malformed'],
      [(all) => (all.magic = 'sluice/bundle v2'), 'bundle_malformed'],
    ]
    for (const [change, code] of cases) expect(await codes(other(change)), code).toEqual([code])
  })

  test('the sealed envelope, and an auditor whom nobody knows', async () => {
    expect(await codes(edited('envelope.json', '"tag":"', '"tag":"A'))).toEqual(['envelope_edited'])
    const stranger = { ...trust, auditors: ['A'.repeat(43)] }
    expect(await codes(honest, stranger)).toEqual(['unknown_auditor_key'])
  })

  test('what is made of the records', async () => {
    expect(await codes(edited('commands.sh', "'id -u'", "'id -u; reboot'"))).toEqual([
      'derived_edited',
    ])
    expect(await codes(edited('commands.json', 'id -u', 'id -g'))).toEqual(['derived_edited'])
    expect(await codes(edited('channel-1.cast', '"c"', '"C"'))).toEqual(['derived_edited'])
    expect(await codes(edited('README.txt', 'jq', 'jk'))).toEqual(['derived_edited'])
    for (const name of ['commands.sh', 'README.txt', 'channel-1.cast'])
      expect(await codes(repacked(honest, (files) => files.delete(name)))).toEqual([
        'derived_edited',
      ])
  })

  test('a file that no bundle has, or one that is gone', async () => {
    const more = repacked(honest, (files) => files.set('run-me.sh', utf8('reboot')))
    expect(await codes(more)).toEqual(['bundle_malformed'])
    for (const name of ['bundle.json', 'records.b64', 'envelope.json', 'verify.html'])
      expect(await codes(repacked(honest, (files) => files.delete(name)))).toEqual([
        'bundle_malformed',
      ])
  })

  test('made with a key of its own and its own page: neither is believed', async () => {
    const forged = await auditedEvidence({ auditor: writer.auditor })
    const page = utf8('<script>document.write("verified")</script>')
    const bundle = await bundleOf(forged.writer, forged.session, page)
    const { report } = await verifyBundle(bundle, trust, page_hash)
    expect(report.verdict).toBe('failed')
    expect(report.findings.map(({ code }) => code)).toEqual(['checkpoint_signature_wrong'])
    const swapped = repacked(honest, (files) => files.set('verify.html', page))
    const found = (await verifyBundle(swapped, trust, page_hash)).report
    expect(found.findings).toMatchObject([{ code: 'page_unknown', severity: 'notice' }])
    expect(found.findings[0]?.message).toContain(toHex(sha256(page)))
  })

  test('another history under the same name', async () => {
    const remembered = {
      origin: writer.origin,
      size: writer.stored.entries.length,
      root: new Uint8Array(32),
    }
    expect(await codes(honest, { ...trust, checkpoints: [remembered] })).toEqual(['log_forked'])
  })

  test('a witness of the trust file: seen, not seen, and wrong', async () => {
    const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
    const by = cosigner('auditor/w1', key)
    const witness = parseWitness(by.verifier_key)
    const newest = writer.stored.checkpoint
    if (witness === undefined || newest === undefined) throw new Error('a witness')
    const watching = { ...trust, witnesses: [witness] }
    expect(await codes(honest, watching)).toEqual(['entries_not_witnessed'])
    expect((await verifyBundle(honest, watching)).report.verdict).toBe('verified')
    const line = by.cosign(parseNote(newest)?.text ?? '', 1_772_352_000)
    const seen = await bundleOf(writer, session, undefined, [
      Buffer.concat([newest, Buffer.from(line)]),
    ])
    expect(await codes(seen, watching)).toEqual([])
    expect(await codes(seen)).toEqual([])
    const other = by.cosign('another text\n', 1_772_352_000)
    const wrong = await bundleOf(writer, session, undefined, [
      Buffer.concat([newest, Buffer.from(other)]),
    ])
    expect(await codes(wrong, watching)).toEqual(['cosignature_wrong'])
    // What is beside the log and does not fit it is left out.
    const stranger = await auditedEvidence({ seed: 'another' })
    const elsewhere = stranger.writer.stored.checkpoint ?? newest
    expect(
      Buffer.from(await bundleOf(writer, session, undefined, [elsewhere])).equals(honest),
    ).toBe(true)
  })

  test('whatever is in its files, it is a finding and never an exception', async () => {
    let seed = 42
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    const names = ['bundle.json', 'records.b64', 'leaves', 'envelope.json', 'commands.sh']
    const junk = ['', '\n', '{}', '[', '"', 'A'.repeat(100), '\0', '-1', '1e999', '\ud800', '=']
    for (let round = 0; round < 400; round++) {
      const changed = repacked(honest, (files) => {
        const name = names[random(names.length)] ?? ''
        const bytes = Buffer.from(files.get(name) ?? [])
        const at = random(bytes.length)
        const more = Buffer.from(junk[random(junk.length)] ?? '')
        files.set(
          name,
          Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + random(40))]),
        )
      })
      const { report } = await verifyBundle(changed, trust, page_hash)
      if (Buffer.from(changed).equals(honest)) continue
      // Blanks in bundle.json say nothing.
      if (report.verdict === 'verified')
        expect(textOf(filesOf(changed).get('bundle.json')).replaceAll(/\s/g, '')).toBe(
          textOf(filesOf(honest).get('bundle.json')).replaceAll(/\s/g, ''),
        )
    }
    const long = repacked(honest, (files) =>
      files.set('records.b64', Buffer.alloc(20_000_000, 'A')),
    )
    expect((await verifyBundle(long, trust, page_hash)).report.verdict).toBe('failed')
  })

  test('no byte can change and leave it as it was', async () => {
    let seen = 0
    for (let at = 0; at < honest.length; at += 211) {
      const changed = Uint8Array.from(honest)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      expect(await codes(changed), `byte ${at}`).not.toEqual([])
      seen++
    }
    expect(seen).toBeGreaterThan(100)
  })
})

interface Logged {
  document: string
  entry: string
  index: number
  path: string[]
  checkpoint: string
}
interface Proof {
  magic: string
  session: string
  start: Logged
  manifest: Logged
}

function filesOf(bundle: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const archive = readArchive(bundle)
  if (!archive.ok) throw new Error(archive.reason)
  return archive.files
}
