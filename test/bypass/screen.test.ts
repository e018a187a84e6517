/**
 * Commands typed into a shell that tells nobody of them, through a real ssh: what an emulated screen and the keys show
 * is judged when Enter is pressed. `touch` stands for what must not run: its trace is a file. Each way to enter a
 * command says whether it is caught; what is not is in docs/limits.md, and stays here as it is.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import {
  describeSlow,
  python,
  ssh,
  ssh_keygen,
  sshd,
  testSlow,
  tmux,
  vim,
} from '../fixture/require.ts'
import { until } from '../fixture/until.ts'
import { openShell, plain, type Shell, toldOf, tracesIn } from './world.ts'

const needs = [ssh, sshd, ssh_keygen]

const policy = `
permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("no-touch") @reason("it leaves traces")
forbid (principal, action == Action::"exec", resource) when { context.program == "touch" };
@id("hold-mkdir") @approval @expires("20s")
permit (principal, action == Action::"exec", resource) when { context.program == "mkdir" };
`
const up = '\u001b[A'
const left = '\u001b[D'
const ctrl = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) & 0x1f)

describeSlow('a shell that is read from its screen', () => {
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

  const at = (name: string): string => join(traces, name)
  /** Bash without anything of whose machine this is. */
  const shell = async (pastes: 'on' | 'off' = 'off'): Promise<Shell> => {
    const inputrc = join(guarded.dir, 'inputrc')
    writeFileSync(inputrc, `set enable-bracketed-paste ${pastes}\n`)
    const opened = openShell(
      guarded,
      `INPUTRC=${inputrc} HISTFILE=/dev/null PS1='ready> ' exec bash --norc --noprofile`,
    )
    await opened.prompt()
    return opened
  }
  const leave = async (opened: Shell): Promise<void> => {
    // Whatever it does: a terminal that is gone hangs up, and the session is over.
    await opened[Symbol.asyncDispose]()
    await until('the end of the session', async () => (await guarded.look())[0]?.end_reason)
  }
  const cli = (...words: string[]) =>
    sluice([...words, '--data', guarded.data, '--url', guarded.gateway.api])
  const request = async (): Promise<string> =>
    until('a request', async () => {
      const { stdout } = await cli('requests', '--as', 'bob', '--json')
      return (JSON.parse(stdout) as { id: string }[])[0]?.id
    })

  testSlow(needs, 'typed: denied, and the prompt comes back', async () => {
    await using opened = await shell()
    await opened.keys(`touch ${at('a')}`)
    opened.send('\r')
    await opened.prompt()
    expect(plain(opened.terminal.text())).toContain(
      'sluice: policy forbids this command; it leaves traces',
    )
    opened.send('echo "$((6*7))"\r')
    await opened.terminal.until(/\r\n42\r\n/)
    await leave(opened)
    expect(existsSync(at('a'))).toBe(false)
    expect(await toldOf(guarded)).toMatchObject([
      { text: `touch ${at('a')}`, confidence: 'screen', allowed: false, rule: 'no-touch' },
      { text: 'echo "$((6*7))"', confidence: 'screen', allowed: true },
    ])
  })

  testSlow(
    needs,
    'held: it runs once approved, with what was typed meanwhile behind it',
    async () => {
      await using opened = await shell()
      opened.send(`mkdir ${at('held')}\r`)
      await opened.terminal.until(
        /needs an approval by any approver, within 20 s; Ctrl-C gives it up/,
      )
      opened.terminal.type('echo after-$?\r')
      expect(existsSync(at('held'))).toBe(false)
      const id = await request()
      const approved = await cli('approve', id, '--as', 'bob')
      expect(approved.stdout).toBe(`${id}: approved: mkdir ${at('held')}\n`)
      await opened.terminal.until(/\r\nafter-0\r\n/)
      expect(existsSync(at('held'))).toBe(true)
      await leave(opened)
      const [session] = await guarded.sessions()
      const facts = (await guarded.records(session?.id ?? '')).flatMap(({ header }) =>
        ['command', 'hold', 'approval'].includes(header.kind) ||
        (header.kind === 'verdict' && header.asked === 'typed')
          ? [header]
          : [],
      )
      expect(facts).toMatchObject([
        { kind: 'command', confidence: 'exact' },
        { kind: 'command', confidence: 'screen', command: 1 },
        { kind: 'verdict', allowed: false, rule: 'hold-mkdir' },
        { kind: 'hold', request: id },
        { kind: 'approval', outcome: 'approved', by: [{ subject: 'bob' }] },
        { kind: 'verdict', allowed: true, rule: 'hold-mkdir' },
        { kind: 'command', confidence: 'screen', command: 2 },
        { kind: 'verdict', allowed: true },
      ])
    },
  )

  testSlow(needs, 'held: given up by Ctrl-C, denied, expired', async () => {
    await using opened = await shell()
    opened.send(`mkdir ${at('never')}\r`)
    await request()
    opened.send(ctrl('c'))
    await opened.prompt()
    expect(plain(opened.terminal.text())).toMatch(/request \w+ was given up/)
    opened.send(`mkdir ${at('never')}\r`)
    await cli('deny', await request(), '--as', 'bob', '--comment', 'no')
    await opened.prompt()
    expect(plain(opened.terminal.text())).toMatch(/request \w+ was denied by bob: no/)
    opened.send(`mkdir ${at('never')}\r`)
    await opened.terminal.until(/request \w+ expires in 10 s/)
    await opened.terminal.until(/request \w+ expired/)
    await leave(opened)
    expect(existsSync(at('never'))).toBe(false)
  })

  /** Each way is typed at a prompt; the trace says whether it ran. */
  const ways: readonly (readonly [
    name: string,
    type: (opened: Shell, trace: string) => Promise<void>,
    ran: boolean,
    components?: readonly string[],
    pastes?: 'on',
  ])[] = [
    ['pasted at once', async (opened, trace) => opened.send(`touch ${trace}\r`), false],
    [
      'recalled from the history',
      async (opened, trace) => {
        // Arranged so that the shell has it in its history without having been asked.
        opened.send(`history -s "to""uch ${trace}"\r`)
        await opened.prompt()
        opened.send(up)
        await opened.terminal.until(/ready> touch/)
        opened.send('\r')
      },
      false,
    ],
    [
      'recalled, Enter in the same breath',
      async (opened, trace) => {
        opened.send(`history -s "to""uch ${trace}"\r`)
        await opened.prompt()
        opened.send(`${up}\r`)
      },
      false,
    ],
    [
      'searched by Ctrl-R',
      async (opened, trace) => {
        opened.send(`history -s "to""uch ${trace}"\r`)
        await opened.prompt()
        await opened.keys(`${ctrl('r')}uch`)
        // It paints what changes, so no text of it says that it is done.
        await Bun.sleep(300)
        opened.send('\r')
      },
      false,
    ],
    [
      'completed by Tab',
      async (opened, trace) => {
        opened.send(`tou\tx\x7f ${trace.slice(0, -2)}${trace.slice(-2)}\r`)
      },
      false,
    ],
    [
      'edited in its middle',
      async (opened, trace) => {
        await opened.keys(`tch ${trace}`)
        await opened.keys(`${ctrl('a')}\u001b[C`)
        await opened.keys('ou')
        opened.send('\r')
      },
      false,
    ],
    [
      'edited by arrows and backspace',
      async (opened, trace) => {
        await opened.keys(`touXXch ${trace}`)
        await opened.keys(left.repeat(trace.length + 3))
        await opened.keys('\x7f\x7f')
        opened.send('\r')
      },
      false,
    ],
    ['by Ctrl-J', async (opened, trace) => opened.send(`touch ${trace}\n`), false],
    [
      'by Ctrl-O, which fetches the next line',
      async (opened, trace) => opened.send(`touch ${trace}${ctrl('o')}`),
      false,
    ],
    [
      '!!, after it was refused',
      async (opened, trace) => {
        opened.send(`touch ${trace}\r`)
        await opened.prompt()
        opened.send(`history -s "to""uch ${trace}"\r`)
        await opened.prompt()
        // What it stands for is the shell's to know: the last line that was seen is not the last of its history.
        opened.send('!!\r')
      },
      true,
    ],
    [
      'an alias',
      async (opened, trace) => {
        opened.send(`alias t=to''uch\r`)
        await opened.prompt()
        opened.send(`t ${trace}\r`)
      },
      true,
    ],
    [
      'behind a quoted Ctrl-C',
      async (opened, trace) => {
        await opened.keys(`touch ${trace} #${ctrl('v')}`)
        await Bun.sleep(300)
        await opened.keys(ctrl('c'))
        opened.send('\r')
      },
      false,
    ],
    [
      'several lines pasted without marks',
      async (opened, trace) => opened.send(`echo one\recho two; touch ${trace}\recho three\r`),
      false,
    ],
    [
      'several lines pasted with marks',
      async (opened, trace) => {
        opened.send(`\u001b[200~echo one\rtouch ${trace}\recho three\u001b[201~`)
        opened.terminal.type('\r')
      },
      false,
      [],
      'on',
    ],
    ['over two lines', async (opened, trace) => opened.send(`tou\\\rch ${trace}\r`), false],
    [
      'in a loop over several lines',
      async (opened, trace) => opened.send(`for x in 1; do\rtouch ${trace}\rdone\r`),
      false,
    ],
    [
      'in a here-document for a shell',
      async (opened, trace) => opened.send(`bash <<X\rtouch ${trace}\rX\r`),
      false,
    ],
    [
      'while another command runs',
      async (opened, trace) => {
        opened.send('sleep 2\r')
        await opened.terminal.until(/sleep 2\r\n/)
        opened.terminal.type(`touch ${trace}\r`)
      },
      false,
    ],
    [
      'in a nested bash --norc',
      async (opened, trace) => {
        opened.send(`PS1='ready> ' bash --norc\r`)
        await opened.prompt()
        opened.send(`touch ${trace}\r`)
      },
      false,
    ],
    [
      'with the echo off',
      async (opened, trace) => {
        opened.send('stty -echo; bind "set echo-control-characters off"\r')
        await opened.prompt()
        opened.send(`cat >/dev/null; touch ${trace}\r`)
      },
      false,
    ],
    [
      'in the alternate screen',
      async (opened, trace) => {
        opened.send("printf '\\033[?1049h'\r")
        await opened.prompt()
        opened.send(`touch ${trace}\r`)
      },
      false,
    ],
    [
      'in tmux',
      async (opened, trace) => {
        opened.send(`tmux -S ${guarded.dir}/tmux -f /dev/null new "PS1='inner> ' bash --norc"\r`)
        await opened.terminal.until(/inner> /)
        opened.send(`touch ${trace}\r`)
        await opened.terminal.until(/sluice: policy forbids/)
        opened.send(`exit\r`)
      },
      false,
      [tmux],
    ],
    [
      "by vim's :!",
      async (opened, trace) => {
        opened.send('vim -u NONE -N\r')
        await opened.terminal.until(/VIM - Vi IMproved|~/)
        await Bun.sleep(500)
        opened.send(`:!touch ${trace}\r`)
        await Bun.sleep(1_500)
        opened.send(`${ctrl('c')}:q!\r`)
      },
      false,
      [vim],
    ],
    [
      'by python -c',
      async (opened, trace) => opened.send(`python3 -c 'open("${trace}", "w")'\r`),
      true,
      [python],
    ],
    [
      'by a script',
      async (opened, trace) => {
        writeFileSync(`${trace}.sh`, `touch ${trace}\n`)
        opened.send(`bash ${trace}.sh\r`)
      },
      true,
    ],
    [
      'by a key that the shell was told to bind',
      async (opened, trace) => {
        opened.send(`bind '"\\C-g": "to\\C-v\\C-h\\C-huch ${trace}\\C-m"'\r`)
        await opened.prompt()
        opened.send(ctrl('g'))
      },
      true,
    ],
    [
      'from an editor, by Ctrl-X Ctrl-E',
      async (opened, trace) => {
        writeFileSync(`${trace}.ed`, `#!/bin/sh\necho "touch ${trace}" >"$1"\n`, { mode: 0o755 })
        opened.send(`export VISUAL=${trace}.ed\r`)
        await opened.prompt()
        opened.send(`${ctrl('x')}${ctrl('e')}`)
      },
      true,
    ],
  ]
  for (const [name, type, ran, components = [], pastes] of ways)
    testSlow([...needs, ...components], `${ran ? 'not caught' : 'caught'}: ${name}`, async () => {
      await using opened = await shell(pastes)
      const trace = at(`${name.replace(/\W/g, '')}x`)
      await type(opened, trace)
      if (ran) await until('its trace', () => existsSync(trace))
      else await opened.terminal.until(/sluice: policy forbids this command/)
      await leave(opened)
      expect(existsSync(trace)).toBe(ran)
      const told = await toldOf(guarded)
      if (!ran) expect(told.filter(({ allowed }) => !allowed)).not.toEqual([])
    })
})
