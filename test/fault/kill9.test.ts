/**
 * kill -9 of the gateway in mid-output. What the client has seen is on record, the session ends as
 * `crashed`, verification passes, and the next gateway goes on.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { openGuarded, outputOf } from '../fixture/guarded.ts'
import { isSlow } from '../fixture/require.ts'

/** When the process dies, counted from the client's first byte: early, in full flow, and late. */
const delays_ms = isSlow ? [0, 30, 100, 400, 900, 1700] : [100]

describe('kill -9 in mid-output', () => {
  for (const delay_ms of delays_ms)
    test(`${delay_ms} ms after the first byte`, async () => {
      await using guarded = await openGuarded()
      await guarded.trust()

      const client = Bun.spawn([...guarded.ssh(), 'seq -f "line %.0f of the log" 1 100000000'], {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'ignore',
      })
      const chunks: Uint8Array[] = []
      const first = Promise.withResolvers<void>()
      const received = (async () => {
        for await (const chunk of client.stdout) {
          chunks.push(chunk)
          first.resolve()
        }
        first.resolve()
      })()
      await first.promise
      await Bun.sleep(delay_ms)
      await guarded.gateway.kill9()
      await received
      expect(await client.exited).not.toBe(0)
      const seen = Buffer.concat(chunks)
      expect(seen.length).toBeGreaterThan(0)

      await guarded.restart()
      const [session] = await guarded.sessions()
      if (session === undefined) throw new Error('no session on record')
      expect(session).toMatchObject({ subject: 'ann', target: 'web-1', end_reason: 'crashed' })

      const recorded = Buffer.from(outputOf(await guarded.records(session.id), 1))
      expect(recorded.length).toBeGreaterThanOrEqual(seen.length)
      // Not `toEqual`: a difference in megabytes is no message.
      expect(recorded.subarray(0, seen.length).equals(seen)).toBe(true)

      const verified = await guarded.verify()
      expect(verified.code, verified.stdout + verified.stderr).toBe(0)

      const next = await guarded.run('echo still here')
      expect(next.stdout).toBe('still here\n')
      expect(next.code).toBe(0)
    }, 60_000)

  test('while keys are typed and nothing is said: the session ends as crashed', async () => {
    await using guarded = await openGuarded()
    await guarded.trust()
    const client = Bun.spawn([...guarded.ssh(), 'echo ready; cat'], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'ignore',
    })
    const reader = client.stdout.getReader()
    await reader.read()
    await guarded.gateway.kill9()
    await client.exited
    await guarded.restart()
    const [session] = await guarded.sessions()
    expect(session?.end_reason).toBe('crashed')
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  }, 60_000)

  test('twice in a row: each crash is one ended session', async () => {
    await using guarded = await openGuarded()
    await guarded.trust()
    for (let crash = 0; crash < 2; crash++) {
      const client = Bun.spawn([...guarded.ssh(), 'echo ready; sleep 60'], {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'ignore',
      })
      await client.stdout.getReader().read()
      await guarded.gateway.kill9()
      await client.exited
      await guarded.restart()
    }
    const sessions = await guarded.sessions()
    expect(sessions.map((session) => session.end_reason)).toEqual(['crashed', 'crashed'])
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  }, 90_000)
})
