/** A witness signs what continues the log that it saw, and nothing else; a log takes nothing else for a cosignature. */
import { afterAll, describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkpointText, parseCheckpoint } from '../evidence/checkpoint.ts'
import { cosignedBy, cosigner, parseWitness } from '../evidence/cosignature.ts'
import { leafHash, MerkleTree, storedHashes } from '../evidence/merkle.ts'
import { noteSigner, noteVerifier, openNote, parseNote, signNote } from '../evidence/note.ts'
import { consistencyProof } from '../evidence/proof.ts'
import { encodeAddCheckpoint, parseAddCheckpoint } from './protocol.ts'
import { openWitnessState } from './state.ts'
import { submit } from './submit.ts'
import { addCheckpoint, type WitnessParts, type WitnessState } from './witness.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const folder = mkdtempSync(join(tmpdir(), 'sluice-witness-'))
afterAll(() => rmSync(folder, { recursive: true }))
const newKey = (): Uint8Array =>
  generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })

/** A log of entries of which each is its number and a name. */
function logOf(entries: number, name = 'one', origin = 'edge-1/00', key = newKey()) {
  const tree = new MerkleTree()
  const hashes: Uint8Array[] = []
  const roots: Uint8Array[] = [tree.root()]
  for (let index = 0; index < entries; index++) {
    const entry = utf8(`${name} ${index}`)
    hashes.push(...storedHashes(index, entry, (at) => at.map((place) => hashes[place] ?? entry)))
    tree.append(leafHash(entry))
    roots.push(tree.root())
  }
  const signer = noteSigner(origin, key)
  return {
    key,
    signer,
    checkpoint: (size: number): Uint8Array =>
      signNote(checkpointText({ origin, size, root: roots[size] ?? new Uint8Array(32) }), [signer]),
    read: (places: readonly number[]) => places.map((place) => hashes[place] ?? new Uint8Array(32)),
    async request(old_size: number, size: number): Promise<Uint8Array> {
      const proof =
        old_size === 0 || old_size > size ? [] : await consistencyProof(old_size, size, this.read)
      return encodeAddCheckpoint({ old_size, proof, checkpoint: this.checkpoint(size) })
    },
  }
}

function memory(): WitnessState & { readonly notes: Map<string, Uint8Array> } {
  const notes = new Map<string, Uint8Array>()
  return {
    notes,
    last: (origin) => notes.get(origin),
    keep: (origin, note) => void notes.set(origin, note),
  }
}

const log = logOf(40)
const known = noteVerifier(log.signer.verifier_key)
if (known === undefined) throw new Error('a verifier')
function witnessOf(
  state: WitnessState = memory(),
): WitnessParts & { readonly refusals: unknown[] } {
  const refusals: unknown[] = []
  return {
    logs: [known ?? []].flat(),
    cosigner: cosigner('witness.example/w1', newKey()),
    state,
    now_s: () => 1_700_000_000,
    said: (event, fields) => event === 'refused' && refusals.push(fields),
    refusals,
  }
}

describe('a witness', () => {
  test('cosigns a log as it grows, and the same checkpoint again', async () => {
    const parts = witnessOf()
    const key = parseWitness(parts.cosigner.verifier_key)
    for (const [old_size, size] of [
      [0, 7],
      [7, 8],
      [8, 8],
      [8, 40],
    ] as const) {
      const answer = addCheckpoint(parts, await log.request(old_size, size))
      expect(answer.status, answer.body).toBe(200)
      expect(answer.body).toMatch(/^— witness\.example\/w1 [A-Za-z0-9+/=]+\n$/)
      const note = parseNote(Buffer.concat([log.checkpoint(size), Buffer.from(answer.body)]))
      expect(key && note && cosignedBy(key, note.text, note.signatures)).toEqual({
        kind: 'seen',
        time_s: 1_700_000_000,
      })
    }
    expect(parts.refusals).toEqual([])
  })

  test('refuses what it cannot believe, by the status that C2SP has for it', async () => {
    const parts = witnessOf()
    expect(addCheckpoint(parts, await log.request(0, 20)).status).toBe(200)
    const stranger = logOf(20, 'one', 'edge-2/00')
    const forged = logOf(40, 'one', 'edge-1/00', newKey())
    const wrong = Buffer.from(await log.request(20, 30))
      .toString()
      .replace(/\n[A-Za-z0-9+/]{43}=\n/, '\n')
    const cases: readonly (readonly [
      title: string,
      body: Uint8Array,
      status: number,
      body_says: string,
    ])[] = [
      ['another log', await stranger.request(0, 20), 404, 'unknown log'],
      ['a signature by another key', await forged.request(20, 30), 403, 'no valid signature'],
      ['an old size beyond the new one', await log.request(30, 20), 400, 'larger'],
      ['an old size that was not seen', await log.request(10, 30), 409, '20\n'],
      ['an old size of zero, once something was seen', await log.request(0, 30), 409, '20\n'],
      ['a smaller log', await log.request(10, 10), 409, '20\n'],
      ['a proof with a hash missing', utf8(wrong), 422, 'does not lead'],
      ['nothing', utf8(''), 400, 'malformed request'],
      ['no checkpoint', utf8('old 20\n\nnonsense'), 400, 'malformed checkpoint'],
      ['a size that is none', utf8('old 020\n\n'), 400, 'malformed request'],
      ['a proof from nothing', utf8(`old 0\n${'A'.repeat(43)}=\n\nx`), 400, 'malformed request'],
      [
        'too long a proof',
        utf8(`old 1\n${`${'A'.repeat(43)}=\n`.repeat(64)}\nx`),
        400,
        'malformed request',
      ],
      ['a body without an end', utf8(`old 1\n${'x'.repeat(200_000)}`), 400, 'malformed request'],
    ]
    for (const [title, body, status, says] of cases) {
      const answer = addCheckpoint(parts, body)
      expect([answer.status, answer.body], title).toEqual([status, expect.stringContaining(says)])
      expect(answer.type).toBe(status === 409 ? 'text/x.tlog.size' : 'text/plain; charset=utf-8')
    }
    // And it goes on from where it was.
    expect(addCheckpoint(parts, await log.request(20, 40)).status).toBe(200)
  })

  test('refuses a fork: of the same size, and of one that goes on', async () => {
    const parts = witnessOf()
    const fork = logOf(40, 'two', 'edge-1/00', log.key)
    expect(addCheckpoint(parts, await log.request(0, 20)).status).toBe(200)
    expect(addCheckpoint(parts, await fork.request(20, 20))).toMatchObject({
      status: 409,
      body: '20\n',
    })
    expect(addCheckpoint(parts, await fork.request(20, 40)).status).toBe(422)
    expect(parts.refusals).toEqual([
      { origin: 'edge-1/00', size: 20, seen: 20, why: 'fork' },
      { origin: 'edge-1/00', size: 40, seen: 20, why: 'inconsistent' },
    ])
  })

  test('signs nothing before what it saw is kept, and nothing when that is damaged', async () => {
    const full = witnessOf({
      last: () => undefined,
      keep: () => {
        throw new Error('no space')
      },
    })
    const body = await log.request(0, 20)
    expect(() => addCheckpoint(full, body)).toThrow('no space')
    const damaged = witnessOf({ last: () => utf8('edge-1/00\n'), keep: () => {} })
    expect(() => addCheckpoint(damaged, body)).toThrow('damaged')
  })

  test('remembers across restarts, a file for each log whatever its name', async () => {
    const dir = join(folder, 'seen')
    expect(addCheckpoint(witnessOf(openWitnessState(dir)), await log.request(0, 20)).status).toBe(
      200,
    )
    const again = witnessOf(openWitnessState(dir))
    expect(addCheckpoint(again, await log.request(0, 20)).status).toBe(409)
    expect(addCheckpoint(again, await log.request(20, 21)).status).toBe(200)
    const state = openWitnessState(dir)
    state.keep('../../x\n/é', utf8('a'))
    expect(state.last('../../x\n/é')).toEqual(Buffer.from('a'))
    expect(readdirSync(dir).every((name) => /^[0-9a-f]{64}\.checkpoint$/.test(name))).toBe(true)
    // A draft that a crash left behind is nobody's word.
    writeFileSync(join(dir, `${readdirSync(dir)[0]}.new`), 'torn')
    expect(addCheckpoint(witnessOf(openWitnessState(dir)), await log.request(21, 22)).status).toBe(
      200,
    )
  })
})

describe('a cosignature', () => {
  const key = newKey()
  const by = cosigner('w', key)
  const text = checkpointText({ origin: 'o', size: 1, root: new Uint8Array(32) })
  const witness = parseWitness(by.verifier_key)
  if (witness === undefined) throw new Error('a witness')
  const noteWith = (...lines: readonly string[]) => {
    const note = parseNote(utf8(`${text}\n${lines.join('')}`))
    if (note === undefined) throw new Error('a note')
    return cosignedBy(witness, note.text, note.signatures)
  }

  test('is of one text, one key and one time', () => {
    expect(noteWith(by.cosign(text, 5))).toEqual({ kind: 'seen', time_s: 5 })
    expect(noteWith(by.cosign(text, 5), by.cosign(text, 9))).toEqual({ kind: 'seen', time_s: 9 })
    expect(noteWith(by.cosign(text.replace('1', '2'), 5))).toEqual({ kind: 'wrong' })
    expect(noteWith(cosigner('w', newKey()).cosign(text, 5))).toEqual({ kind: 'unsigned' })
    expect(noteWith(cosigner('v', key).cosign(text, 5))).toEqual({ kind: 'unsigned' })
    expect(noteWith(by.cosign(text, 0))).toEqual({ kind: 'wrong' })
    const late = Buffer.from(by.cosign(text, 5).split(' ')[2] ?? '', 'base64')
    late[11] = 6
    expect(noteWith(`— w ${late.toString('base64')}\n`)).toEqual({ kind: 'wrong' })
    expect(noteWith(`— w ${late.subarray(0, 68).toString('base64')}\n`)).toEqual({ kind: 'wrong' })
  })

  test('is no signature of a log, nor the other way round', () => {
    expect(noteVerifier(by.verifier_key)).toBeUndefined()
    expect(parseWitness(noteSigner('w', key).verifier_key)).toBeUndefined()
    expect(
      noteWith(`— w ${Buffer.from(noteSigner('w', key).sign(text)).toString('base64')}\n`),
    ).toEqual({
      kind: 'unsigned',
    })
    for (const wrong of ['', 'w', 'w+00000000+AAAA', by.verifier_key.replace('w+', 'v+')])
      expect(parseWitness(wrong)).toBeUndefined()
  })

  test('stands beside the log’s own signature, which stays what it was', () => {
    const signer = noteSigner('o', key)
    const note = Buffer.concat([signNote(text, [signer]), Buffer.from(by.cosign(text, 5))])
    const verifier = noteVerifier(signer.verifier_key)
    expect(verifier && openNote(note, [verifier]).ok).toBe(true)
  })
})

describe('a log that shows itself', () => {
  const shown = (
    parts: WitnessParts,
    from: typeof log,
    size: number,
    seen: number,
    change: (answer: Response) => Response | Promise<Response> = (answer) => answer,
  ) => {
    const witness = parseWitness(parts.cosigner.verifier_key)
    if (witness === undefined) throw new Error('a witness')
    return submit(
      {
        url: 'http://witness.example/x/',
        witness,
        read: from.read,
        timeout_ms: 1000,
        async fetch(url, init) {
          expect(url).toBe('http://witness.example/x/add-checkpoint')
          const { status, type, body } = addCheckpoint(parts, new Uint8Array(init.body as never))
          return change(new Response(body, { status, headers: { 'content-type': type } }))
        },
      },
      from.checkpoint(size),
      seen,
    )
  }

  test('gets a cosignature, also where it had forgotten what was seen', async () => {
    const parts = witnessOf()
    for (const [size, seen] of [
      [10, 0],
      [12, 10],
      [20, 0],
      [20, 20],
      [33, 31],
    ] as const) {
      const answer = await shown(parts, log, size, seen)
      expect(answer).toMatchObject({ kind: 'cosigned', size })
      const text = answer.kind === 'cosigned' ? parseNote(answer.note)?.text : undefined
      expect(parseCheckpoint(text ?? '')?.size).toBe(size)
    }
  })

  test('learns that it was rolled back, or forked', async () => {
    const parts = witnessOf()
    await shown(parts, log, 30, 0)
    const back = await shown(parts, log, 20, 20)
    expect(back).toEqual({
      kind: 'contradicted',
      reason: 'it saw 30 entries of this log, which has 20',
    })
    const fork = logOf(40, 'two', 'edge-1/00', log.key)
    expect((await shown(parts, fork, 40, 30)).kind).toBe('contradicted')
    expect((await shown(parts, fork, 30, 30)).kind).toBe('contradicted')
  })

  test('takes nothing else for a cosignature', async () => {
    const other = cosigner('witness.example/w1', newKey())
    const text = parseNote(log.checkpoint(10))?.text ?? ''
    const answers: readonly (readonly [string, () => Response])[] = [
      ['its cosignature is not one of the configured key', () => new Response('')],
      [
        'its cosignature is not one of the configured key',
        () => new Response(other.cosign(text, 5)),
      ],
      [
        'its cosignature is not one of the configured key',
        () => new Response('— witness.example/w1 nonsense\n'),
      ],
      ['its answer is too long', () => new Response('x'.repeat(100_000))],
      ['it answers 500', () => new Response('', { status: 500 })],
      ['it answers 404', () => new Response('', { status: 404 })],
      ['its answer cannot be read', () => new Response('many', { status: 409 })],
      ['it answers 302', () => new Response('', { status: 302 })],
    ]
    for (const [reason, answer] of answers)
      expect(await shown(witnessOf(), log, 10, 0, answer)).toEqual({ kind: 'failed', reason })
    const gone = shown(witnessOf(), log, 10, 0, () => Promise.reject(new TypeError('no')))
    expect(await gone).toEqual({ kind: 'failed', reason: 'TypeError' })
  })
})

test('a request is read as it is written', async () => {
  const body = await log.request(7, 33)
  const parsed = parseAddCheckpoint(body)
  expect(parsed && Buffer.from(encodeAddCheckpoint(parsed)).equals(body)).toBe(true)
  const first = Buffer.from(await log.request(0, 3)).toString()
  expect(first.startsWith('old 0\n\nedge-1/00\n3\n')).toBe(true)
})
