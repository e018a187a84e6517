/** A witness over HTTP, asked by whoever can reach it: slowly, at once, twice, along other paths, and through a crash. */
import { afterAll, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkpointText } from '../evidence/checkpoint.ts'
import { cosigner } from '../evidence/cosignature.ts'
import { noteSigner, noteVerifier, signNote } from '../evidence/note.ts'
import { answerRequest } from './http.ts'
import { encodeAddCheckpoint } from './protocol.ts'
import { openWitnessState } from './state.ts'
import type { WitnessParts } from './witness.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-witness-http-'))
afterAll(() => rmSync(folder, { recursive: true }))
const newKey = (): Uint8Array =>
  generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })

const origin = 'edge-1/00'
const signer = noteSigner(origin, newKey())
const known = noteVerifier(signer.verifier_key)
if (known === undefined) throw new Error('a verifier')
const witness = cosigner('witness.example/w1', newKey())

let dirs = 0
const partsOf = (dir: string, signing = witness): WitnessParts => ({
  logs: [known],
  cosigner: signing,
  state: openWitnessState(dir),
  now_s: () => 1_700_000_000,
  said: () => {},
})
const newDir = (): string => join(folder, `${++dirs}`)

/** The first thing that a log shows: five entries, of which the root is `root`. */
const first = (root: number): Uint8Array => {
  const text = checkpointText({ origin, size: 5, root: new Uint8Array(32).fill(root) })
  return encodeAddCheckpoint({ old_size: 0, proof: [], checkpoint: signNote(text, [signer]) })
}
const post = (
  body: string | Buffer | ReadableStream<Uint8Array>,
  path = '/add-checkpoint',
): Request => new Request(`http://witness.example${path}`, { method: 'POST', body })
const asked = async (parts: WitnessParts, body: Uint8Array): Promise<number> =>
  (await answerRequest(parts, post(Buffer.from(body)))).status

test('two forks that come at once: one of them is cosigned, and only that one again', async () => {
  const parts = partsOf(newDir())
  const both = await Promise.all([asked(parts, first(1)), asked(parts, first(2))])
  expect(both.toSorted((a, b) => a - b)).toEqual([200, 409])
  for (const root of [1, 2]) expect(await asked(parts, first(root))).toBe(409)
})

test('a witness that dies as it signs has seen what it was shown', async () => {
  const dir = newDir()
  const dying = partsOf(dir, {
    ...witness,
    cosign: () => {
      throw new Error('gone')
    },
  })
  expect(asked(dying, first(1))).rejects.toThrow('gone')
  expect(await asked(partsOf(dir), first(2))).toBe(409)
})

test('a body that comes a byte at a time has an end, and one that breaks off is no request', async () => {
  const parts = partsOf(newDir())
  let timer: ReturnType<typeof setInterval> | undefined
  const dripping = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => controller.enqueue(Uint8Array.of(0x6f)), 5)
    },
  })
  const slow = await answerRequest(parts, post(dripping), 60)
  clearInterval(timer)
  expect([slow.status, slow.headers.get('connection')]).toEqual([408, 'close'])
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error('left'))
    },
  })
  expect((await answerRequest(parts, post(broken))).status).toBe(408)
  expect(await asked(parts, first(1))).toBe(200)
})

test('another path, another method and another body are not for it', async () => {
  const parts = partsOf(newDir())
  for (const path of [
    '/',
    '/add-checkpoint/x',
    '/add-checkpointx',
    '/../seen',
    '/?/add-checkpoint',
  ])
    expect((await answerRequest(parts, post(Buffer.from(first(1)), path))).status).toBe(404)
  const get = new Request('http://witness.example/add-checkpoint')
  expect((await answerRequest(parts, get)).status).toBe(405)
  for (const body of [
    '',
    '\n\n',
    'old 0\n',
    'old -1\n\n',
    'old 1e3\n\n',
    'old 9007199254740993\n\n',
  ])
    expect((await answerRequest(parts, post(body))).status, body).toBe(400)
  expect((await answerRequest(parts, post(Buffer.alloc(200_000, 'a')))).status).toBe(400)
})
