/**
 * A network that swallows everything and says nothing, on either side of the gateway: nobody waits for ever, the
 * user is told, and the session's record is whole.
 */
import { describe, expect, test } from 'bun:test'
import { openGuarded, outputOf } from '../fixture/guarded.ts'
import { canMakeMachines, makeMachine } from '../fixture/machine.ts'
import { isSlow } from '../fixture/require.ts'
import { sshArguments } from '../fixture/ssh.ts'

/** Four keepalives of 15 s, and time for the rest. */
const noticed_ms = 100_000
const command = 'echo before; read never'

describe.skipIf(!isSlow || !canMakeMachines)('a black hole (slow; needs root)', () => {
  test.concurrent(
    'towards the target: the user is told, and the session ends',
    async () => {
      using machine = makeMachine()
      await using guarded = await openGuarded({ sshd: { machine } })
      const client = Bun.spawn([...guarded.ssh(), command], {
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const reader = client.stdout.getReader()
      expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('before\n')
      machine.cut()
      const late = setTimeout(() => client.kill('SIGKILL'), noticed_ms)
      expect(await client.exited, 'the client hung').not.toBe(137)
      clearTimeout(late)
      expect(await new Response(client.stderr).text()).toContain(
        'sluice: the connection to the target was lost',
      )
      const [session] = await guarded.sessions()
      expect(session?.end_reason).toBe('target')
      await guarded.trust()
      expect((await guarded.verify()).code).toBe(0)
    },
    noticed_ms + 60_000,
  )

  test.concurrent(
    'towards the client: the program ends, and the session with it',
    async () => {
      using machine = makeMachine()
      await using guarded = await openGuarded({
        sections: { listen: { ssh: `${machine.here}:0`, api: '127.0.0.1:0' } },
      })
      const mark = `sleep 97${process.pid}`
      const login = `${guarded.target.account}@web-1`
      const words = sshArguments({
        port: guarded.gateway.ssh.port,
        login,
        identities: [guarded.client.file],
        // A program without a terminal outlives its connection, as it does without a gateway.
        options: ['-tt'],
        command: `echo before; exec ${mark}`,
      }).map((word) => (word === '127.0.0.1' ? machine.here : word))
      const client = Bun.spawn([...machine.run, ...words], {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'ignore',
      })
      const reader = client.stdout.getReader()
      expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('before\r\n')
      machine.cut()
      const deadline = Date.now() + noticed_ms
      let reason: string | undefined
      while (reason === undefined && Date.now() < deadline) {
        await Bun.sleep(500)
        reason = (await guarded.sessions())[0]?.end_reason
      }
      expect(reason).toBe('client')
      expect((await Bun.$`pgrep -fx ${mark}`.nothrow().quiet()).exitCode).toBe(1)
      const [session] = await guarded.sessions()
      const records = await guarded.records(session?.id ?? '')
      expect(Buffer.from(outputOf(records, 1)).toString()).toBe('before\r\n')
      client.kill('SIGKILL')
      await client.exited
    },
    noticed_ms + 60_000,
  )
})
