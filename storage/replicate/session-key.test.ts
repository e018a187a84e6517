import { describe, expect, test } from 'bun:test'
import { createDecipheriv, createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../store/libsql.ts'
import { Keying } from './keying.ts'
import { parseKey, recordsKey, sessionKey } from './keys.ts'
import { Receipts } from './receipts.ts'
import {
  commitmentOf,
  commitToKey,
  decodeSessionKey,
  decryptObject,
  encodeSessionKey,
  encryptObject,
} from './session-key.ts'
import { SessionKeys } from './session-keys.ts'
import type { Body } from './uploads.ts'

const session = '019ca869-5000-7970-854d-cf6b0ce8648d'
const other = '019ca869-5000-737c-86fe-9c2d360c799a'
const key = Uint8Array.from({ length: 32 }, (_, at) => at)
const nonce = new Uint8Array(12).fill(7)
const name = recordsKey(session, 0)
const partsOf = (): Uint8Array[] => [Buffer.from('some records'), Buffer.from(', and more')]
const bytesOf = (one: Body | undefined): Uint8Array =>
  one?.body instanceof Uint8Array ? one.body : new Uint8Array()
const encrypted = encryptObject(partsOf(), { key, session, name, nonce })

describe('an encrypted object', () => {
  test('is what FORMAT.md says, by other hands', () => {
    const id = Buffer.from(session.replaceAll('-', ''), 'hex')
    const commitment = createHash('sha256')
      .update('sluice-session-key-v1')
      .update(id)
      .update(key)
      .digest('hex')
    const body = Buffer.from(encrypted)
    expect(body.subarray(0, 20).toString()).toBe('sluice/encrypted v1\n')
    expect(body.subarray(20, 52).toString('hex')).toBe(commitment)
    expect(body.subarray(52, 64)).toEqual(Buffer.from(nonce))
    const decipher = createDecipheriv('aes-256-gcm', key, nonce)
    decipher.setAAD(Buffer.from(name))
    decipher.setAuthTag(body.subarray(-16))
    const plain = Buffer.concat([decipher.update(body.subarray(64, -16)), decipher.final()])
    expect(plain.toString()).toBe('some records, and more')
    // Decoded for ever: a body that was written by the first version.
    expect(createHash('sha256').update(body).digest('hex')).toBe(
      '0377a09776da468848a5d91d3da67d8d4261f58b7c222066dbb52276e4374693',
    )
  })

  test('opens under its key and name, and not with a byte changed', () => {
    expect(Buffer.from(decryptObject(encrypted, key, name) ?? []).toString()).toBe(
      'some records, and more',
    )
    expect(decryptObject(encrypted, key, recordsKey(session, 1))).toBeUndefined()
    expect(decryptObject(encrypted, key.toReversed(), name)).toBeUndefined()
    for (let at = 52; at < encrypted.length; at++) {
      const changed = Uint8Array.from(encrypted)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect([at, decryptObject(changed, key, name)]).toEqual([at, undefined])
    }
  })

  test('says which key it is under, and what is none does not', () => {
    expect(commitmentOf(encrypted)).toEqual(commitToKey(key, session))
    expect(commitToKey(key, other)).not.toEqual(commitToKey(key, session))
    for (const body of [
      new Uint8Array(),
      partsOf()[0] ?? new Uint8Array(),
      encrypted.subarray(0, 79),
    ])
      expect(commitmentOf(body)).toBeUndefined()
  })

  test('of a bucket opens with the key that is there, and names what is not', async () => {
    const stored = encodeSessionKey(key)
    const having = (body: Uint8Array | undefined): SessionKeys => new SessionKeys(async () => body)
    const commitment = commitToKey(key, session)
    expect(await having(stored).lost(session, commitment)).toBeUndefined()
    expect(await having(undefined).lost(session, commitment)).toBe('missing')
    expect(await having(encodeSessionKey(key.toReversed())).lost(session, commitment)).toBe('wrong')
    expect(await having(stored.subarray(1)).lost(session, commitment)).toBe('wrong')
    expect(await having(stored).open(session, name, encrypted)).toBeInstanceOf(Uint8Array)
    expect(await having(undefined).open(session, name, encrypted)).toBe('lost')
    expect(await having(stored).open(session, recordsKey(session, 1), encrypted)).toBe('changed')
    expect(await having(undefined).open(session, name, key)).toBe(key)
  })
})

test('the object of a key is it and nothing else', () => {
  const stored = encodeSessionKey(key)
  expect(decodeSessionKey(stored)).toEqual(key)
  for (const body of [stored.subarray(0, -1), stored.subarray(1), new Uint8Array(54)])
    expect(decodeSessionKey(body)).toBeUndefined()
  expect(parseKey(sessionKey(session, 'key'))).toEqual({ kind: 'key', session })
})

describe('keys on this machine', () => {
  const whole = { first: 0, next: 1 } as const
  const planOf = (of: string, at = 0) =>
    ({ key: recordsKey(of, at), kind: 'records', subject: of, ...whole, retain_days: 1 }) as const

  async function opened(
    run: (receipts: Receipts, path: string) => void | Promise<void>,
  ): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-keys-'))
    const path = join(dir, 'receipts.db')
    const receipts = new Receipts(path)
    try {
      await run(receipts, path)
    } finally {
      receipts.close()
      rmSync(dir, { recursive: true, force: true })
    }
  }

  test('are made once for a session, and planned with its first object', () =>
    opened(async (receipts) => {
      const first = new Keying(receipts)
      const one = first.bodies(planOf(session), partsOf(), true)
      const two = first.bodies(planOf(session, 1), partsOf(), true)
      expect(one.map(({ plan }) => plan.kind)).toEqual(['key', 'records'])
      expect(one[0]?.body).toEqual(two[0]?.body ?? key)
      expect(receipts.keys.key(session)).toBeUndefined()
      receipts.plan(one.map(({ plan }) => plan))
      const made = decodeSessionKey(bytesOf(one[0])) ?? key
      expect(receipts.keys.key(session)).toEqual(made)
      const later = new Keying(receipts).bodies(planOf(session, 1), partsOf(), true)
      expect(later.map(({ plan }) => plan.kind)).toEqual(['records'])
      expect(commitmentOf(bytesOf(later[0]))).toEqual(commitToKey(made, session))
      // A nonce never comes twice under one key.
      expect(later[0]?.plan.secret).not.toEqual(one[1]?.plan.secret ?? key)
      expect(receipts.planned().map(({ secret }) => secret)).toEqual(
        one.map(({ plan }) => plan.secret),
      )
      const plain = new Keying(receipts).bodies(planOf(other), partsOf(), false)
      expect(await Promise.all(plain.map(({ body }) => new Response(body as Blob).text()))).toEqual(
        ['some records, and more'],
      )
    }))

  test('are gone from the disk with the fact, stay to be erased in the bucket, and none comes back', () =>
    opened((receipts, path) => {
      const keying = new Keying(receipts)
      for (const of of [session, other])
        receipts.plan(keying.bodies(planOf(of), partsOf(), true).map(({ plan }) => plan))
      receipts.received(new Map([[sessionKey(session, 'key'), 'v1']]))
      const made = Buffer.from(receipts.keys.key(session) ?? [])
      const onDisk = (): boolean =>
        [path, `${path}-wal`].some((file) => readFileSync(file).includes(made))
      expect(onDisk()).toBe(true)
      receipts.shred([{ session, keeps_start: true }], 41)
      expect(onDisk()).toBe(false)
      expect(receipts.keys.key(session)).toBeUndefined()
      expect(receipts.keys.isShredded(session)).toBe(true)
      expect(keying.bodies(planOf(session, 1), partsOf(), true)).toEqual([])
      // What was not sent never is; what is another's stays.
      expect(receipts.planned().map(({ subject }) => subject)).toEqual([other, other])
      expect(receipts.keys.key(other)).toBeDefined()
      expect(receipts.keys.isShredded(other)).toBe(false)

      expect(receipts.keys.open(41, 9)).toEqual([])
      expect(receipts.keys.open(42, 9)).toEqual([{ session, keeps_start: true }])
      receipts.shred([{ session, keeps_start: true }], 41)
      expect(receipts.keys.open(42, 9)).toHaveLength(1)
      receipts.keys.over(session)
      expect(receipts.keys.open(42, 9)).toEqual([])
    }))

  test('come into a file from before there were any', () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-keys-'))
    const path = join(dir, 'receipts.db')
    const before = connect(path)
    before.exec(
      `CREATE TABLE object (no INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, subject TEXT NOT NULL,
        first INTEGER NOT NULL, next INTEGER NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, retain_days INTEGER,
        version TEXT, logged INTEGER NOT NULL) STRICT;
      INSERT INTO object VALUES (1, '${recordsKey(other, 0)}', 'records', '${other}', 0, 1, 'd', 3, 1, NULL, 0)`,
    )
    before.close()
    const receipts = new Receipts(path)
    expect(receipts.planned()).toMatchObject([{ key: recordsKey(other, 0), bytes: 3 }])
    receipts.plan(
      new Keying(receipts).bodies(planOf(session), partsOf(), true).map(({ plan }) => plan),
    )
    expect(receipts.keys.key(session)).toBeDefined()
    expect(receipts.planned().map(({ secret }) => secret?.length)).toEqual([undefined, 32, 12])
    receipts.close()
    rmSync(dir, { recursive: true, force: true })
  })

  test('leave a session without one as it is', () =>
    opened((receipts) => {
      receipts.plan(
        new Keying(receipts).bodies(planOf(session), partsOf(), false).map(({ plan }) => plan),
      )
      receipts.received(new Map([[recordsKey(session, 0), 'v1']]))
      receipts.shred([{ session, keeps_start: false }], 3)
      expect(receipts.keys.open(9, 9)).toEqual([])
      // Nothing of it was ever sent: nothing is, and there is nothing to erase.
      receipts.shred([{ session: other, keeps_start: false }], 4)
      expect(receipts.keys.open(9, 9)).toEqual([])
      expect(receipts.keys.isShredded(other)).toBe(true)
    }))
})
