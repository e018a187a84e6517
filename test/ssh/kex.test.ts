/**
 * Post-quantum key exchange (RFC 10042) with an OpenSSH that has it, as a client and as a target, and with
 * peers whose part of it is wrong.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { dialTarget, type SshTarget } from '../../proxy/connector/ssh/dial.ts'
import {
  newer_ssh,
  newer_sshd,
  ssh,
  ssh_keygen,
  sshd,
  testSlow,
  testWith,
} from '../fixture/require.ts'
import { startSshd } from '../fixture/sshd.ts'
import { kex_init, kex_reply, lists, newkeys, packet, receive, sshString } from './raw.ts'
import { type Straight, sshdTarget } from './straight.ts'
import { openWorld, type World } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]
const name = 'mlkem768x25519-sha256'
const ciphertext_bytes = 1088
const rekey = { bytes: 256 * 1024, ms: 60_000, check_ms: 20 }

const keyBytes = (type: 'ml-kem-768' | 'x25519'): Buffer => {
  // The types of Node's module know no ML-KEM yet; the runtime does.
  const { publicKey } = generateKeyPairSync(type as 'x25519')
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(type === 'x25519' ? -32 : -1184)
}
const x25519 = keyBytes('x25519')
const encapsulation = keyBytes('ml-kem-768')
/** The first coefficient is 3329, which is the modulus (FIPS 203, section 7.2). */
const unreduced = Buffer.from(encapsulation)
unreduced[0] = 0x01
unreduced[1] = ((unreduced[1] ?? 0) & 0xf0) | 0x0d
/** Points of small order: whatever the other side has, the result is zero (RFC 7748, section 6.1). */
const zero = Buffer.alloc(32)
const one = Buffer.concat([Buffer.of(1), Buffer.alloc(31)])

const wrong_lengths: Readonly<Record<string, (part: Buffer) => Buffer>> = {
  'is empty': () => Buffer.alloc(0),
  'is a byte too short': (part) => part.subarray(0, -1),
  'is a byte too long': (part) => Buffer.concat([part, Buffer.of(0)]),
  'is Curve25519 alone': () => x25519,
  'is as long as a packet can be': () => Buffer.alloc(30_000),
}

describe('ssh post-quantum key exchange', () => {
  let world: World
  let gateway: Straight
  beforeAll(async () => {
    world = await openWorld()
    gateway = await world.straight()
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })
  const newerSshd = (config: readonly string[] = []): ReturnType<typeof startSshd> => {
    const lib = newer_sshd.replace('/sbin/sshd', '/lib/openssh')
    const parts = [`SshdSessionPath ${lib}/sshd-session`, `SshdAuthPath ${lib}/sshd-auth`]
    return startSshd({ program: newer_sshd, config: [...parts, ...config] })
  }

  testWith([...needs, newer_ssh], 'OpenSSH 10 prefers it, and the record says so', async () => {
    const ran = await world.ssh(gateway, {
      program: newer_ssh,
      command: 'echo in',
      options: ['-v'],
    })
    expect(ran.stdout.toString()).toBe('in\n')
    expect(ran.stderr).toContain(`kex: algorithm: ${name}`)
    expect(gateway.greetings.at(-1)?.context['kex']).toBe(name)
  })

  testWith(needs, 'an OpenSSH that has it not gets in without it', async () => {
    expect((await world.ssh(gateway, { command: 'echo in' })).stdout.toString()).toBe('in\n')
    expect(gateway.greetings.at(-1)?.context['kex']).toStartWith('curve25519-sha256')
  })

  testWith([...needs, newer_sshd], 'a target that has nothing else is dialled', async () => {
    await using server = await newerSshd([`KexAlgorithms ${name}`])
    await using own = await world.straight({ targets: [sshdTarget(server)] })
    const ran = await world.ssh(own, { login: `${server.account}@web-1`, command: 'echo there' })
    expect(ran.stdout.toString()).toBe('there\n')
  })

  testWith(
    [...needs, newer_ssh, newer_sshd],
    'all four sides change keys under it, and no byte is lost',
    async () => {
      await using server = await newerSshd([`KexAlgorithms ${name}`, 'RekeyLimit 300K'])
      await using own = await world.straight({ targets: [sshdTarget(server)], rekey })
      const bytes = randomBytes(4 * 1024 * 1024)
      const ran = await world.ssh(own, {
        program: newer_ssh,
        login: `${server.account}@web-1`,
        options: ['-v', '-o', 'RekeyLimit=300K', '-o', `KexAlgorithms=${name}`],
        command: 'cat',
        stdin: bytes,
      })
      expect(ran.stdout.equals(bytes)).toBe(true)
      expect(ran.stderr.split(`kex: algorithm: ${name}`).length).toBeGreaterThan(4)
    },
  )

  /** A client whose first packets are ours; what it is told, and how its connection ended. */
  const offer = async (
    part: Uint8Array,
    after: Uint8Array = Buffer.alloc(0),
  ): Promise<{ replied: boolean; end: string | undefined }> => {
    await using own = await world.straight()
    const socket = await connected(own.port)
    const reply = receive(socket, kex_reply)
    const init = packet(kex_init, sshString(part))
    socket.write(Buffer.concat([Buffer.from('SSH-2.0-raw\r\n'), lists(name), init, after]))
    const replied = (await reply) !== undefined
    if (replied && after.length === 0) socket.destroy()
    while (own.ends.length === 0) await Bun.sleep(5)
    socket.destroy()
    return { replied, end: own.ends[0] }
  }
  const good = Buffer.concat([encapsulation, x25519])

  testWith(needs, 'canary: a client whose part is right gets an answer', async () => {
    expect(await offer(good)).toEqual({ replied: true, end: 'client_gone' })
  })

  const refused_clients: Readonly<Record<string, Buffer>> = {
    ...Object.fromEntries(Object.entries(wrong_lengths).map(([what, cut]) => [what, cut(good)])),
    'has a coefficient that is not reduced': Buffer.concat([unreduced, x25519]),
    'has no coefficient that is reduced': Buffer.concat([Buffer.alloc(1184, 0xff), x25519]),
    'has the point zero': Buffer.concat([encapsulation, zero]),
    'has the point one': Buffer.concat([encapsulation, one]),
  }
  for (const [what, part] of Object.entries(refused_clients))
    testWith(needs, `a client whose part ${what} is refused`, async () => {
      expect(await offer(part)).toEqual({ replied: false, end: 'client_protocol' })
      // The gateway is alive, and the next one gets in.
      expect((await world.ssh(gateway, { command: 'true' })).code).toBe(0)
    })

  testWith(needs, 'a client that does not wait for the answer is refused', async () => {
    const again = packet(kex_init, sshString(good))
    expect(await offer(good, again)).toEqual({ replied: true, end: 'client_protocol' })
    const junk = Buffer.alloc(1024 * 1024, 0x55)
    expect(await offer(good, junk)).toEqual({ replied: true, end: 'client_protocol' })
  })

  testWith(needs, 'a client that leaves before the answer costs nobody else', async () => {
    for (let i = 0; i < 50; i++) {
      const socket = await connected(gateway.port)
      const init = packet(kex_init, sshString(good))
      socket.write(Buffer.concat([Buffer.from('SSH-2.0-raw\r\n'), lists(name), init]), () =>
        i % 2 === 0 ? socket.destroy() : socket.resetAndDestroy(),
      )
    }
    expect((await world.ssh(gateway, { command: 'true' })).code).toBe(0)
  })

  /** How a dial ends when the target answers with this part, and whatever follows. */
  const answer = async (
    part: Uint8Array,
    after: Uint8Array = Buffer.alloc(0),
    signature_type = 'ssh-ed25519',
  ): Promise<string> => {
    const sockets: Socket[] = []
    const serve = async (socket: Socket): Promise<void> => {
      const init = receive(socket, kex_init)
      socket.write(Buffer.concat([Buffer.from('SSH-2.0-raw\r\n'), lists(name)]))
      expect((await init)?.length).toBe(1 + 4 + good.length)
      const blob = world.sshd.host_key.blob
      const signed = Buffer.concat([sshString(signature_type), sshString(randomBytes(64))])
      const reply = packet(kex_reply, sshString(blob), sshString(part), sshString(signed))
      socket.write(Buffer.concat([reply, packet(newkeys), after]))
    }
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      serve(socket).catch((error: Error) => socket.destroy(error))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const target: SshTarget = sshdTarget(world.sshd, { address: `127.0.0.1:${port}` })
    try {
      await dialTarget(target, world.sshd.account, 'test', {
        connect_ms: 2_000,
        handshake_ms: 2_000,
      })
      return 'ready'
    } catch (error) {
      return (error as Error).message
    } finally {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  }
  const sealed = Buffer.concat([randomBytes(ciphertext_bytes), x25519])
  const refused_targets: Readonly<Record<string, readonly [part: Buffer, why: string]>> = {
    ...Object.fromEntries(
      Object.entries(wrong_lengths).map(([what, cut]) => [what, [cut(sealed), 'Wrong length']]),
    ),
    'has the point zero': [
      Buffer.concat([randomBytes(ciphertext_bytes), zero]),
      'computing DH secret',
    ],
    // ML-KEM answers garbage with another secret (FIPS 203, section 6.3): the signature shows it.
    'is for nobody': [sealed, 'signature verification failed'],
  }
  for (const [what, [part, why]] of Object.entries(refused_targets))
    testWith(needs, `a target whose part ${what} is refused`, async () => {
      for (const after of [Buffer.alloc(0), randomBytes(200_000)]) {
        const message = await answer(part, after)
        expect(message).toContain('cannot agree on a handshake')
        expect(message).toContain(why)
      }
    })

  testWith(needs, 'what a target calls its signature is not repeated to the client', async () => {
    const message = await answer(sealed, undefined, 'a secret, or a lie')
    expect(message).toEndWith('cannot agree on a handshake: Wrong signature type')
  })

  testSlow(needs, 'a flood of key exchanges does not lock users out', async () => {
    let isFlooding = true
    let answered = 0
    const flood = async (): Promise<void> => {
      while (isFlooding) {
        const socket = await connected(gateway.port)
        const reply = receive(socket, kex_reply)
        const init = packet(kex_init, sshString(good))
        socket.write(Buffer.concat([Buffer.from('SSH-2.0-raw\r\n'), lists(name), init]))
        if ((await reply) !== undefined) answered += 1
        socket.destroy()
      }
    }
    const floods = Array.from({ length: 20 }, flood)
    for (let i = 0; i < 5; i++)
      expect((await world.ssh(gateway, { command: 'echo in' })).stdout.toString()).toBe('in\n')
    isFlooding = false
    await Promise.all(floods)
    expect(answered).toBeGreaterThan(100)
  })
})

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}
