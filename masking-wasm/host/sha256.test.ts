/** SHA-256 of the module: published vectors, and the native one on whatever lengths and parts there are. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { default_packs, rulesOf } from '../rules/index.ts'
import { engineOf } from './fixture.ts'

setDefaultTimeout(60_000)

const engine = engineOf(rulesOf(default_packs))
const native = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** In one piece, in pieces of `part` bytes, and four at once. */
function all(bytes: Uint8Array, part: number): readonly string[] {
  const stream = engine.hash()
  for (let at = 0; at < bytes.length; at += part) stream.update(bytes.subarray(at, at + part))
  const one = [hex(engine.sha256(bytes)), hex(stream.digest())]
  if (bytes.length > 16_384) return one
  const four = hex(engine.sha256Four(new Uint8Array(Buffer.concat([bytes, bytes, bytes, bytes]))))
  return [...one, ...[0, 1, 2, 3].map((lane) => four.slice(lane * 64, lane * 64 + 64))]
}

describe('vectors of NIST', () => {
  // FIPS 180-2, appendix B.1 to B.3 (FIPS 180-4 refers to the examples' own page); CAVP, SHA256ShortMsg.rsp.
  const long =
    'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmno'
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    [
      'one block: abc',
      Buffer.from('abc'),
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    ],
    [
      'two blocks: 448 bits',
      Buffer.from('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    [
      'two blocks: 896 bits',
      Buffer.from(`${long}pqrsmnopqrstnopqrstu`),
      'cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1',
    ],
    [
      'a million of a',
      Buffer.from('a'.repeat(1_000_000)),
      'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
    ],
    [
      'Len = 0',
      new Uint8Array(0),
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    ],
    [
      'Len = 8',
      Buffer.from('d3', 'hex'),
      '28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1',
    ],
    [
      'Len = 16',
      Buffer.from('11af', 'hex'),
      '5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98',
    ],
    [
      'Len = 24',
      Buffer.from('b4190e', 'hex'),
      'dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2',
    ],
    [
      'Len = 32',
      Buffer.from('74ba2521', 'hex'),
      'b16aa56be3880d18cd41e68384cf1ec8c17680c45a02b1575dc1518923ae8b0e',
    ],
  ]
  for (const [name, message, digest] of cases)
    test(name, () => {
      for (const part of [1, 63, 64, 65, 1000])
        if (message.length <= 1000 || part === 1000)
          expect([...new Set(all(message, part))]).toEqual([digest])
    })

  test('a chain of a thousand, in the lanes (CAVP, SHA256Monte.rsp, COUNT = 0)', () => {
    const seed = Buffer.from(
      '6d1e72ad03ddeb5de891e572e2396f8da015d899ef0e79503152d6010a3fe691',
      'hex',
    )
    let last = [seed, seed, seed]
    for (let i = 0; i < 1000; i++) {
      const message = Buffer.concat(last)
      const four = engine.sha256Four(
        new Uint8Array(Buffer.concat([message, message, message, message])),
      )
      const lane = Buffer.from(four.subarray((i % 4) * 32, (i % 4) * 32 + 32))
      last = [...last.slice(1), lane]
    }
    expect(last.at(-1)?.toString('hex')).toBe(
      'e93c330ae5447738c8aa85d71a6c80f2a58381d05872d26bdd39f1fcd4f2b788',
    )
  })
})

describe('agrees with the native one', () => {
  test('on any bytes, in any parts', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3000 }),
        fc.integer({ min: 1, max: 200 }),
        (bytes, part) => {
          expect([...new Set(all(bytes, part))]).toEqual([native(bytes)])
        },
      ),
      { numRuns: 300 },
    )
  })

  test('on four messages that differ, of each length about the ends of blocks', () => {
    const bytes = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 7919) >> 4)
    const lengths = [
      ...Array.from({ length: 200 }, (_, length) => length),
      4095,
      4096,
      16_383,
      16_384,
    ]
    for (const length of lengths) {
      const four = hex(engine.sha256Four(bytes.subarray(0, 4 * length)))
      const due = [0, 1, 2, 3].map((lane) =>
        native(bytes.subarray(lane * length, (lane + 1) * length)),
      )
      expect({ length, four }).toEqual({ length, four: due.join('') })
    }
  })

  test('whatever else the module does between', () => {
    const bytes = Buffer.from('token=abcdefghijklmnop1 '.repeat(40))
    const stream = engine.hash()
    const masker = engine.open('length')
    for (let at = 0; at < bytes.length; at += 37) {
      stream.update(bytes.subarray(at, at + 37))
      masker.push(bytes.subarray(at, at + 37))
      engine.sha256Four(bytes.subarray(0, 400))
    }
    masker.close()
    expect(hex(stream.digest())).toBe(native(bytes))
  })

  test('and refuses what are no four messages of one length', () => {
    for (const length of [1, 65_540])
      expect(() => engine.sha256Four(new Uint8Array(length))).toThrow()
  })
})
