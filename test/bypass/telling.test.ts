/**
 * Commands typed into a bash and a zsh that tell of them, through a real ssh: the shell itself asks, with the exact text and
 * its folder, and waits. `touch` stands for what must not run: its trace is a file. What is not caught is in
 * docs/limits.md, and stays here as it is.
 */
import { afterAll, beforeAll, expect } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { bash, describeSlow, ssh, ssh_keygen, sshd, testSlow, zsh } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'
import { openShell, plain, type Shell, toldOf, tracesIn } from './world.ts'

const policy = `
permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("no-touch") @reason("it leaves traces")
forbid (principal, action == Action::"exec", resource) when { context.program == "touch" };
@id("hold-mkdir") @approval @expires("60s")
permit (principal, action == Action::"exec", resource) when { context.program == "mkdir" };
`
const up = '\u001b[A'
const ctrl = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) & 0x1f)
const refused = /sluice: policy forbids this command; it leaves traces/

for (const [name, program] of [
  ['bash', bash],
  ['zsh', zsh],
] as const)
  describeSlow(`a ${name} that tells of its commands`, () => {
    const needs = [ssh, sshd, ssh_keygen, program]
    let guarded: Guarded
    let traces = ''
    let home = ''
    let homes = ''
    beforeAll(async () => {
      homes = mkdtempSync(join(tmpdir(), 'sluice-homes-'))
      guarded = await openGuarded({
        targets: (target) => [
          {
            name: 'told',
            address: target.address,
            host_key: target.host_key.public_line,
            accounts: { [target.account]: { private_key_file: target.user_key.file } },
            shell_integration: true,
          },
        ],
        // The account's shell is somebody else's choice, and so are its start files.
        sshd: {
          config: [
            `ForceCommand HOME=$(mktemp -d ${homes}/home.XXXXXX) && cd && exec env HOME="$HOME" HISTFILE= PS1="ready> " SHELL=${program} /bin/sh -c "$SSH_ORIGINAL_COMMAND"`,
          ],
        },
        sections: { policy: { files: ['./policy.cedar'] } },
        files: { 'policy.cedar': policy },
      })
      traces = tracesIn(guarded)
      home = realpathSync('/tmp')
    }, 60_000)
    afterAll(async () => {
      await guarded?.[Symbol.asyncDispose]()
      rmSync(homes, { recursive: true, force: true })
    }, 30_000)

    const at = (trace: string): string => join(traces, trace)
    const shell = async (): Promise<Shell> => {
      const opened = openShell(guarded, undefined, 'told')
      await opened.terminal.until(/[#$%>] /)
      opened.send("PS1='ready> '\r")
      await opened.prompt()
      return opened
    }
    const leave = async (opened: Shell): Promise<void> => {
      await opened[Symbol.asyncDispose]()
      await until('the end of the session', async () => (await guarded.look())[0]?.end_reason)
    }

    testSlow(needs, 'its text, its folder, how it ended', async () => {
      await using opened = await shell()
      for (const line of ['cd /tmp', 'echo  "two  spaces"; (exit 3)']) {
        opened.send(`${line}\r`)
        await opened.prompt()
      }
      opened.send(`touch ${at('a')}\r`)
      await until('the refusal', () => refused.test(plain(opened.terminal.text())))
      await leave(opened)
      expect(plain(opened.terminal.text())).toMatch(refused)
      expect(existsSync(at('a'))).toBe(false)
      const told = (await toldOf(guarded)).slice(1)
      expect(told).toMatchObject([
        { text: 'cd /tmp', confidence: 'shell', allowed: true },
        {
          text: 'echo  "two  spaces"; (exit 3)',
          confidence: 'shell',
          allowed: true,
          cwd: home,
        },
        { text: `touch ${at('a')}`, confidence: 'shell', allowed: false, rule: 'no-touch' },
      ])
      const [session] = await guarded.sessions()
      const ends = (await guarded.records(session?.id ?? '')).flatMap(({ header }) =>
        header.kind === 'command_end' ? [[header.command, header.code]] : [],
      )
      expect(ends).toEqual([
        [1, 0],
        [2, 0],
        [3, 3],
      ])
    })

    testSlow(needs, 'its folder with the FIFOs is gone before its first prompt', async () => {
      const before = readdirSync('/tmp').filter((each) => each.startsWith('sluice.'))
      await using opened = await shell()
      const now = readdirSync('/tmp').filter((each) => each.startsWith('sluice.'))
      expect(now.filter((each) => !before.includes(each))).toEqual([])
      await leave(opened)
    })

    testSlow(needs, 'held, and run once approved, with what was typed meanwhile', async () => {
      await using opened = await shell()
      opened.send(`mkdir ${at('held')}\r`)
      await opened.terminal.until(/needs an approval by any approver, within 1 min/)
      opened.terminal.type('echo after-$?\r')
      const cli = (...words: string[]) =>
        sluice([...words, '--data', guarded.data, '--url', guarded.gateway.api])
      const waiting = await cli('requests', '--as', 'bob', '--json')
      const [request] = JSON.parse(waiting.stdout) as { id: string; command: string }[]
      expect(request?.command).toBe(`mkdir ${at('held')}`)
      expect(existsSync(at('held'))).toBe(false)
      expect((await cli('approve', request?.id ?? '', '--as', 'bob')).code).toBe(0)
      await until('what was typed behind it', () =>
        /after-0\r?\n/.test(plain(opened.terminal.text())),
      )
      expect(existsSync(at('held'))).toBe(true)
      await leave(opened)
    })

    testSlow(needs, 'given up by Ctrl-C', async () => {
      await using opened = await shell()
      opened.send(`mkdir ${at('never')}\r`)
      await opened.terminal.until(/Ctrl-C gives it up/)
      opened.send(ctrl('c'))
      await opened.terminal.until(/request \w+ was given up/)
      // What is typed as the shell says so is dropped with what was typed before.
      await Bun.sleep(500)
      opened.send('echo "$((6*7))"\r')
      await until('the next command', () => /[\r\n]42\r?\n/.test(plain(opened.terminal.text())))
      expect(existsSync(at('never'))).toBe(false)
      await leave(opened)
    })

    testSlow(
      needs,
      'approved once, for a program that read it: not for the shell too',
      async () => {
        await using opened = await shell()
        opened.send("PS1='ready> ' bash --norc --noprofile\r")
        await opened.prompt()
        opened.send(`mkdir ${at('once')}\r`)
        const cli = (...words: string[]) =>
          sluice([...words, '--data', guarded.data, '--url', guarded.gateway.api])
        const request = await until('a request', async () => {
          const { stdout } = await cli('requests', '--as', 'bob', '--json')
          return (JSON.parse(stdout) as { id: string }[])[0]?.id
        })
        expect((await cli('approve', request, '--as', 'bob')).code).toBe(0)
        await opened.prompt()
        rmSync(at('once'), { recursive: true })
        opened.send(ctrl('d'))
        await opened.prompt()
        opened.send(`mkdir ${at('once')}\r`)
        const held = /request \w+ needs an approval/g
        await until('a request', () => plain(opened.terminal.text()).match(held)?.length === 2)
        expect(existsSync(at('once'))).toBe(false)
        opened.send(ctrl('c'))
        await leave(opened)
      },
    )

    const remembered = (trace: string): string =>
      name === 'bash' ? `history -s "to""uch ${trace}"\r` : `print -s "to""uch ${trace}"\r`
    type Confidence = 'shell' | 'screen' | 'not'
    const ways: readonly (readonly [
      way: string,
      type: (opened: Shell, trace: string) => Promise<void>,
      caught: Confidence,
    ])[] = [
      [
        'recalled from the history',
        async (opened, trace) => {
          opened.send(remembered(trace))
          await opened.prompt()
          opened.send(`${up}\r`)
        },
        'shell',
      ],
      [
        'searched by Ctrl-R',
        async (opened, trace) => {
          opened.send(remembered(trace))
          await opened.prompt()
          await opened.keys(`${ctrl('r')}uch`)
          opened.send('\r')
          // zsh takes the line with the first, and enters it with the second.
          await Bun.sleep(300)
          if (name === 'zsh') opened.terminal.type('\r')
        },
        'shell',
      ],
      [
        '!!',
        async (opened, trace) => {
          opened.send(remembered(trace))
          await opened.prompt()
          opened.send('!!\r')
        },
        'shell',
      ],
      ['completed by Tab', async (opened, trace) => opened.send(`tou\t ${trace}\r`), 'shell'],
      [
        'edited in its middle',
        async (opened, trace) => {
          await opened.keys(`tch ${trace}${ctrl('a')}${ctrl('f')}ou`)
          opened.send('\r')
        },
        'shell',
      ],
      ['by Ctrl-J', async (opened, trace) => opened.send(`touch ${trace}\n`), 'shell'],
      [
        'several lines pasted with marks',
        async (opened, trace) => {
          opened.send(`\u001b[200~echo one\rtouch ${trace}\recho three\u001b[201~`)
          opened.terminal.type('\r')
        },
        'screen',
      ],
      [
        'several lines pasted without marks',
        async (opened, trace) => opened.send(`echo one\rtouch ${trace}\recho three\r`),
        'screen',
      ],
      [
        'in a loop over several lines',
        async (opened, trace) => {
          for (const line of ['for x in 1; do', `touch ${trace}`]) {
            opened.send(`${line}\r`)
            await Bun.sleep(700)
          }
        },
        'shell',
      ],
      [
        'in a here-document for a shell',
        async (opened, trace) => {
          for (const line of ['bash <<X', `touch ${trace}`]) {
            opened.send(`${line}\r`)
            await Bun.sleep(700)
          }
        },
        'shell',
      ],
      [
        'with the echo off',
        async (opened, trace) => {
          opened.send('stty -echo\r')
          await opened.prompt()
          opened.send(`touch ${trace}\r`)
        },
        'shell',
      ],
      [
        'while another command runs',
        async (opened, trace) => {
          opened.send('sleep 2\r')
          await Bun.sleep(1_000)
          opened.terminal.type(`touch ${trace}\r`)
        },
        'screen',
      ],
      [
        'in a nested bash --norc',
        async (opened, trace) => {
          opened.send(`PS1='ready> ' bash --norc\r`)
          await opened.prompt()
          opened.send(`touch ${trace}\r`)
        },
        'screen',
      ],
      [
        'an alias',
        async (opened, trace) => {
          opened.send(`alias t=to''uch\r`)
          await opened.prompt()
          opened.send(`t ${trace}\r`)
        },
        'not',
      ],
      [
        'by a script',
        async (opened, trace) => {
          writeFileSync(`${trace}.sh`, `touch ${trace}\n`)
          opened.send(`bash ${trace}.sh\r`)
        },
        'not',
      ],
    ]
    for (const [way, type, caught] of ways)
      testSlow(
        needs,
        `${caught === 'not' ? 'not caught' : `caught (${caught})`}: ${way}`,
        async () => {
          await using opened = await shell()
          const trace = at(`${way.replace(/\W/g, '')}x`)
          await type(opened, trace)
          if (caught === 'not') await until('its trace', () => existsSync(trace))
          else await until('the refusal', () => refused.test(plain(opened.terminal.text())))
          await leave(opened)
          expect(existsSync(trace)).toBe(caught === 'not')
          if (caught === 'not') return
          const denied = (await toldOf(guarded)).filter(({ allowed }) => !allowed)
          expect(denied.map(({ confidence }) => confidence)).toEqual([caught])
        },
      )

    if (name === 'bash')
      testSlow(
        needs,
        'who binds Enter anew is found out with the first line, and the session ends',
        async () => {
          await using opened = await shell()
          opened.send(`bind '"\\C-m": accept-line'; PS0=\r`)
          await opened.prompt()
          opened.send(`touch ${at('rebound')}\r`)
          await opened.terminal.until(/sluice: the shell ran what it had not asked about/)
          expect(await opened.terminal.exited).toBe(126)
          // It ran: a shell is its user's.
          expect(existsSync(at('rebound'))).toBe(true)
        },
      )
  })
