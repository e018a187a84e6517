/** A target that means harm while the gateway logs in there: it gets no password, no time and no memory. */
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from '../../../test/fixture/certificate.ts'
import { openssl, testWith } from '../../../test/fixture/require.ts'
import {
  challenge,
  complete,
  letIn,
  offer,
  readyForQuery,
  type Script,
  setting,
  startHostile,
  words,
} from '../../../test/postgres/hostile.ts'
import { TargetError } from '../../core/errors.ts'
import { createCatalogSource } from './catalog-source.ts'
import { dialTarget, type PostgresTarget } from './dial.ts'
import { greeting_bytes_max } from './limits.ts'
import { message } from './message.ts'

const password = 'of-the-account'
const targetAt = (port: number, tls: PostgresTarget['tls'] = { kind: 'off' }): PostgresTarget => ({
  ...{ name: 'orders', host: '127.0.0.1', port, tls, password: () => password },
  columns: new Map([['public.people.ssn', { rule: 'ssn', strategy: { kind: 'mask' } }]]),
})
const parameters = new Map([
  ['user', 'app'],
  ['database', 'shop'],
])
const dial = (target: PostgresTarget) => dialTarget(target, 'app', parameters)

/** What the gateway says of a target like that. */
async function failureOf(dialling: Promise<unknown>): Promise<string> {
  const failure = await dialling.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (failure instanceof TargetError) return failure.message
  throw failure ?? new Error('it was let through')
}

describe('a target that asks for', () => {
  const asked: readonly (readonly [what: string, says: Uint8Array, told: string])[] = [
    ['a password in the clear', message('R', { u32: 3 }), 'asks for a password in the clear'],
    ['MD5', message('R', { u32: 5 }, { u32: 1 }), 'a login that is not known here'],
    ['Kerberos', message('R', { u32: 7 }), 'a login that is not known here'],
    ['a mechanism of its own', message('R', { u32: 10 }, 'PLAIN', 0), 'not SCRAM-SHA-256'],
    [
      'binding without a certificate',
      message('R', { u32: 10 }, 'SCRAM-SHA-256-PLUS', 0),
      'not SCRAM-SHA-256',
    ],
    ['the end of SCRAM at once', message('R', { u32: 12 }, 'v=AAAA'), 'out of place'],
    ['nothing that can be', message('R'), 'out of place'],
  ]
  for (const [what, says, told] of asked)
    test(`${what} gets no password`, async () => {
      const heard: string[] = []
      await using hostile = await startHostile(async (wire) => {
        wire.send(says)
        for (;;) heard.push((await wire.next()).type)
      })
      expect(await failureOf(dial(targetAt(hostile.port)))).toContain(told)
      expect(heard).toEqual([])
    })
  testWith(
    [openssl],
    'a password in the clear behind SCRAM gets none over TLS either',
    async () => {
      const dir = mkdtempSync(join(tmpdir(), 'sluice-hostile-'))
      try {
        const certificates = makeCertificates(dir, ['IP:127.0.0.1'])
        const heard: string[] = []
        await using hostile = await startHostile(async (wire) => {
          wire.send(offer)
          wire.send(challenge((await wire.next()).body, 4096))
          await wire.next()
          wire.send(message('R', { u32: 3 }))
          for (;;) heard.push(Buffer.from((await wire.next()).body).toString())
        }, certificates)
        const ca = await Bun.file(certificates.ca_file).text()
        const target = targetAt(hostile.port, { kind: 'verify-full', ca })
        expect(await failureOf(dial(target))).toContain('out of place')
        expect(heard).toEqual([])
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    },
  )
})

describe('SCRAM', () => {
  for (const [iterations, told] of [
    [0, 'so few rounds'],
    [1, 'so few rounds'],
    [4095, 'so few rounds'],
    [1_000_001, 'more rounds of SCRAM than are sensible'],
    [99_999_999_999, 'malformed'],
    ['-4096', 'malformed'],
  ] as const)
    test(`of ${iterations} rounds is not begun`, async () => {
      let proofs = 0
      await using hostile = await startHostile(async (wire) => {
        wire.send(offer)
        wire.send(challenge((await wire.next()).body, iterations))
        for (;;) {
          await wire.next()
          proofs += 1
        }
      })
      expect(await failureOf(dial(targetAt(hostile.port)))).toContain(told)
      expect(proofs).toBe(0)
    })
  test('is computed once, however often a target asks', async () => {
    let proofs = 0
    await using hostile = await startHostile(async (wire) => {
      wire.send(offer)
      const again = challenge((await wire.next()).body, 4096)
      wire.send(...Array.from({ length: 500 }, () => again))
      for (;;) {
        await wire.next()
        proofs += 1
      }
    })
    expect(await failureOf(dial(targetAt(hostile.port)))).toContain('out of place')
    expect(proofs).toBeLessThan(2)
  })
  for (const [what, says, told] of [
    ['that is never proven', letIn, 'did not prove who it is'],
    ['with a signature of somebody else', message('R', { u32: 12 }, 'v=AAAA'), 'does not know'],
    ['that begins anew', offer, 'out of place'],
  ] as const)
    test(`${what} lets nobody in`, async () => {
      await using hostile = await startHostile(async (wire) => {
        wire.send(offer)
        wire.send(challenge((await wire.next()).body, 4096))
        await wire.next()
        wire.send(says, letIn, readyForQuery)
        await wire.rest()
      })
      expect(await failureOf(dial(targetAt(hostile.port)))).toContain(told)
    })
  test('with a nonce that is not ours gets no proof', async () => {
    await using hostile = await startHostile(async (wire) => {
      wire.send(offer)
      await wire.next()
      wire.send(challenge(new TextEncoder().encode('r=another'), 4096))
      await wire.rest()
    })
    expect(await failureOf(dial(targetAt(hostile.port)))).toContain('malformed')
  })
})

describe('before it is ready, a target', () => {
  const chatter = words('N', { S: 'NOTICE', C: '00000', M: 'x'.repeat(1000) })
  const floods: readonly (readonly [string, readonly Uint8Array[], Uint8Array])[] = [
    ['with notices before it lets anybody in', [], chatter],
    ['with notices behind', [letIn], chatter],
    ['with settings', [letIn], setting('x'.repeat(100), 'y'.repeat(1000))],
    ['with keys', [letIn], message('K', { u32: 1 }, { u32: 2 })],
  ]
  for (const [what, first, more] of floods)
    test(`that floods ${what} is left`, async () => {
      let sent = 0
      await using hostile = await startHostile(async (wire) => {
        wire.send(...first)
        while (!wire.socket.destroyed) {
          wire.send(...Array.from({ length: 100 }, () => more))
          sent += 100 * more.length
          await new Promise((resolve) => setImmediate(resolve))
          // It would go on for the ten seconds that a dial has.
          if (sent > 400 * greeting_bytes_max) return
        }
      })
      expect(await failureOf(dial(targetAt(hostile.port)))).toContain('says too much')
    })
  for (const [what, bytes] of [
    ['a huge length', Uint8Array.of(0x52, 0x7f, 0xff, 0xff, 0xff)],
    ['no length', Uint8Array.of(0x52, 0, 0, 0, 0)],
    ['another protocol', new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ] as const)
    test(`that says ${what} is not believed`, async () => {
      await using hostile = await startHostile(async (wire) => {
        wire.socket.write(bytes)
        await wire.rest()
      })
      expect(await failureOf(dial(targetAt(hostile.port)))).toContain('does not speak PostgreSQL')
    })
  const steps: readonly Script[] = [
    async () => {},
    async (wire) => wire.send(offer),
    async (wire) => {
      wire.send(offer)
      wire.send(challenge((await wire.next()).body, 4096))
    },
    async (wire) => wire.send(letIn),
    async (wire) => wire.send(letIn, setting('a', 'b')),
    async (wire) => void wire.socket.write(letIn.subarray(0, 3)),
  ]
  test('may leave at any step', async () => {
    for (const step of steps) {
      await using hostile = await startHostile(step)
      expect(await failureOf(dial(targetAt(hostile.port)))).toContain('closed the connection')
    }
  })
  test('is quoted in nothing that it says', async () => {
    const secret = 'hunter2-of-the-target'
    for (const before of [[], [letIn]]) {
      await using hostile = await startHostile(async (wire) => {
        wire.send(...before, words('E', { S: secret, C: secret, M: secret }))
      })
      expect(await failureOf(dial(targetAt(hostile.port)))).not.toContain(secret)
    }
  })
})

describe('a catalogue', () => {
  const enter = async (wire: Parameters<Script>[0]): Promise<void> => {
    wire.send(letIn, readyForQuery)
    await wire.next()
  }
  const ask = (port: number) =>
    createCatalogSource(() => performance.now()).analyser(targetAt(port), 'app', 'shop')
  test('without an end is too large, also when it has no rows', async () => {
    await using hostile = await startHostile(async (wire) => {
      await enter(wire)
      const many = Buffer.concat(Array.from({ length: 10_000 }, () => complete('SELECT 0')))
      while (!wire.socket.destroyed) {
        wire.socket.write(many)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    expect(await failureOf(ask(hostile.port))).toBe('the catalogue of the target is too large')
  }, 30_000)
  test('leaves a target that does not leave by itself', async () => {
    const { promise: left, resolve } = Promise.withResolvers<void>()
    await using hostile = await startHostile(async (wire) => {
      wire.socket.once('close', () => resolve())
      await enter(wire)
      wire.send(...Array.from({ length: 6 }, () => complete('SELECT 0')), readyForQuery)
      // It goes on, and never closes.
      while (!wire.socket.destroyed) {
        wire.socket.write(complete('SELECT 0'))
        await Bun.sleep(20)
      }
    })
    await ask(hostile.port)
    await left
  })
})
