/**
 * Lines that their user hides from who reads the screen, through a real ssh: `touch` stands for what must not run, and its
 * trace is a file. What is not caught is in docs/limits.md.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { describeSlow, ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'
import { openShell, plain, type Shell, toldOf, tracesIn } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]

const policy = `
permit (principal, action, resource);
@id("no-touch") @reason("it leaves traces")
forbid (principal, action == Action::"exec", resource) when { context.program == "touch" };
`
const refusal = 'sluice: policy forbids this command'
const taken_back_and_again = '\u0015\u0019'

describeSlow('a line is judged', () => {
  let guarded: Guarded
  let traces = ''
  beforeAll(async () => {
    guarded = await openGuarded({
      sections: { policy: { files: ['./policy.cedar'] } },
      files: { 'policy.cedar': policy },
    })
    traces = tracesIn(guarded)
    writeFileSync(join(guarded.dir, 'inputrc'), 'set enable-bracketed-paste on\n')
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)
  const shell = async (): Promise<Shell> => {
    const opened = openShell(
      guarded,
      `INPUTRC=${guarded.dir}/inputrc HISTFILE=/dev/null PS1='ready> ' PS2='> ' exec bash --norc --noprofile`,
    )
    await opened.prompt()
    return opened
  }
  const refusals = (opened: Shell): number =>
    plain(opened.terminal.text()).split(refusal).length - 1

  const ways: readonly (readonly [string, (opened: Shell, trace: string) => Promise<void>])[] = [
    [
      'behind a paste whose end only the shell has seen',
      async (opened, trace) => {
        opened.send('\u001b[200~: \u001b\u001b[201~\r')
        await opened.prompt()
        opened.send(`touch ${trace}${taken_back_and_again}\r`)
      },
    ],
    [
      'that is not shown, taken back and put there again',
      async (opened, trace) => {
        opened.send('stty -echo\r')
        await opened.prompt()
        opened.send(`touch ${trace}${taken_back_and_again}\r`)
      },
    ],
  ]
  for (const [what, type] of ways)
    testSlow(needs, what, async () => {
      await using opened = await shell()
      const trace = join(traces, what.replace(/\W/g, ''))
      await type(opened, trace)
      await until('the refusal', () => refusals(opened) === 1)
      await Bun.sleep(300)
      expect(existsSync(trace)).toBe(false)
    })

  testSlow(needs, 'once more, where it was refused and Ctrl-C did not take it away', async () => {
    await using opened = await shell()
    const trace = join(traces, 'stands')
    opened.send("trap '' INT\r")
    await opened.prompt()
    opened.send(`touch ${trace}\r`)
    await until('a refusal', () => refusals(opened) === 1)
    opened.send('\r')
    await until('another', () => refusals(opened) === 2)
    opened.send(' \r')
    await until('a third', () => refusals(opened) === 3)
    expect(existsSync(trace)).toBe(false)
    // Once the line is gone, what is typed is what counts.
    opened.send('\u0015echo "$((6*7))"\r')
    await until('what it prints', () => /[\r\n]42\r?\n/.test(plain(opened.terminal.text())))
    const told = await until('the last line', async () => {
      const lines = await toldOf(guarded)
      return lines.some(({ allowed, text }) => allowed && text.startsWith('echo'))
        ? lines
        : undefined
    })
    expect(told.at(-1)).toMatchObject({ text: 'echo "$((6*7))"', allowed: true })
  })

  // A line that a terminal's other keys end, or go on with: these are what somebody told it.
  for (const [what, type] of [
    [
      'that Ctrl-D ends, in a shell that has no editor',
      async (opened: Shell, trace: string) => {
        opened.send("PS1='ready> ' exec dash\r")
        await opened.prompt()
        opened.send(`touch ${trace}\u0004\u0004`)
      },
    ],
    [
      'that goes on behind a Ctrl-C which was told to do nothing',
      async (opened: Shell, trace: string) => {
        opened.send('stty intr undef\r')
        await opened.prompt()
        opened.send('tou\\\r')
        await until('the next line', () => /tou\\\s+> $/.test(plain(opened.terminal.text())))
        opened.terminal.type(`\u0003ch ${trace}\r`)
      },
    ],
  ] as const)
    testSlow(needs, `but not one ${what}`, async () => {
      await using opened = await shell()
      const trace = join(traces, what.replace(/\W/g, ''))
      await type(opened, trace)
      await until('its trace', () => existsSync(trace))
    })
})
