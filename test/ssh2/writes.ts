/**
 * How often ssh2 calls the system to send, each defect as a program: a transfer spends more on its writes than on its cipher.
 *
 * @module
 */
import { assert, exec, gather, join, type Library, type Loose } from './wire.ts'

export const writes: Readonly<Record<string, (library: Library) => Promise<void>>> = {
  async 'a packet is one write'(library) {
    for (const cipher of ['aes128-gcm@openssh.com', 'aes128-ctr']) {
      const { client } = await join(library, {
        onSession: (session) => session.on('exec', (accept: Loose) => accept().resume()),
        client: { algorithms: { cipher: [cipher], hmac: ['hmac-sha2-256-etm@openssh.com'] } },
      })
      const channel = await exec(client)
      const written = countWrites(client)
      for (let i = 0; i < 10; i++) channel.write('key')
      await Bun.sleep(100)
      assert(written() === 10, `${cipher}: ${written()} writes for 10 packets`)
      client.end()
    }
  },

  async 'packets that are ready together are one write, and arrive whole'(library) {
    const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) % 251))
    const { client, channel, written, received } = await joinGathering(library)
    channel.end(sent)
    const got = await received()
    assert(got?.equals(sent) === true, `${got?.length} of ${sent.length} bytes, or others`)
    // Ten packets of data, eight in a write, and the end.
    assert(written() <= 3, `${written()} writes`)
    client.end()
  },

  async 'what a turn writes is one write, in its order, and no other packet waits for it'(library) {
    const { client, channel, written, received } = await joinGathering(library)
    const parts = Array.from({ length: 6 }, (_, n) => Buffer.alloc(20_000 + n, n))
    for (const part of parts.slice(0, 3)) channel.write(part)
    client['_protocol'].ping()
    assert(written() === 1, `${written()} writes before the turn is over`)
    for (const part of parts.slice(3)) channel.write(part)
    await Bun.sleep(100)
    assert(written() === 2, `${written()} writes of two turns`)
    // As much as is sent together, and no room for what comes then.
    const full = Buffer.alloc(8 * 32 * 1024, 7)
    channel.write(full)
    client['_protocol'].env(channel.outgoing.id, 'N'.repeat(200), 'v'.repeat(200), false)
    assert(written() === 4, `${written() - 2} writes of two`)
    channel.end()
    const sent = Buffer.concat([...parts, full])
    const got = await received()
    assert(got?.equals(sent) === true, `${got?.length} of ${sent.length} bytes, or others`)
    client.end()
  },
}

/** A program that keeps what it is sent, and how often that was written from now on. */
async function joinGathering(library: Library): Promise<Loose> {
  let received: Promise<Buffer> | undefined
  const { client } = await join(library, {
    onSession: (session) => session.on('exec', (accept: Loose) => (received = gather(accept()))),
    client: { algorithms: { cipher: ['aes128-gcm@openssh.com'] } },
  })
  const channel = await exec(client)
  return { client, channel, written: countWrites(client), received: () => received }
}

/** Of the connection's socket, from now on. */
function countWrites(client: Loose): () => number {
  const socket = client['_sock']
  const write = socket.write.bind(socket)
  let count = 0
  socket.write = (...args: unknown[]) => {
    count += 1
    return write(...args)
  }
  return () => count
}
