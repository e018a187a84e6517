/** Scripts that are given to a shell without a terminal, through a real ssh. `touch` stands for what must not run. */
import { afterAll, beforeAll, expect } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { describeSlow, ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { runSsh } from '../fixture/ssh.ts'
import { toldOf, tracesIn } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]

const policy = `
permit (principal, action, resource);
@id("no-touch") @reason("it leaves traces")
forbid (principal, action == Action::"exec", resource) when { context.program == "touch" };
`

describeSlow('a script', () => {
  let guarded: Guarded
  let traces = ''
  beforeAll(async () => {
    guarded = await openGuarded({
      sections: { policy: { files: ['./policy.cedar'] } },
      files: { 'policy.cedar': policy },
    })
    traces = tracesIn(guarded)
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)
  const run = (script: string) =>
    runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [guarded.client.file],
      options: ['-T'],
      stdin: new TextEncoder().encode(script),
    })

  const scripts: readonly (readonly [string, (trace: string) => string])[] = [
    // A shell runs what it has of a line when its input ends: of a refused one it must have nothing.
    ['a line', (trace) => `touch ${trace}\n`],
    ['a line with a Tab in it', (trace) => `touch\t${trace}\n`],
    ['a line with what a terminal takes back', (trace) => `touch ${trace} #\u0015\n`],
    ['a line with a zero, which shells read past', (trace) => `to\0uch ${trace}\n`],
    ['a last line without an end', (trace) => `echo one\ntouch ${trace}`],
    ['a line that Ctrl-O divides', (trace) => `echo $(cat <<E) \u000f; touch ${trace}\nE\n`],
  ]
  for (const [what, script] of scripts)
    testSlow(needs, `${what} does not run`, async () => {
      const trace = join(traces, what.replace(/\W/g, ''))
      const { code, stderr } = await run(script(trace))
      // As the end of the input would have run it.
      await Bun.sleep(500)
      expect(existsSync(trace)).toBe(false)
      expect(code).toBe(126)
      expect(stderr).toMatch(/sluice: policy forbids this command/)
      expect((await toldOf(guarded)).at(-1)).toMatchObject({ allowed: false, rule: 'no-touch' })
    })

  testSlow(needs, 'that is allowed runs as it is, each line on record', async () => {
    const script = 'for i in 1 2\ndo\techo $i\ndone; cat <<E\nhello\nE\nprintf end'
    const { code, stdout } = await run(script)
    expect(code).toBe(0)
    expect(stdout.toString()).toBe('1\n2\nhello\nend')
    expect((await toldOf(guarded)).map(({ text }) => text)).toEqual(script.split('\n'))
  })
})
