/**
 * A person in a terminal: a real ssh in a pseudo terminal, through the whole gateway, to a real shell. What is
 * typed is masked where it is a secret, and nowhere at all while it is not echoed.
 */

import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded, outputOf } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testWith, tmux } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'
import { openTerminal, type Terminal } from './terminal.ts'

const needs = [ssh, sshd, ssh_keygen]

describe('a terminal', () => {
  let guarded: Guarded
  let inputrc = ''
  beforeAll(async () => {
    guarded = await openGuarded()
    inputrc = join(guarded.dir, 'inputrc')
    writeFileSync(inputrc, 'set enable-bracketed-paste off\n')
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  /** A shell without anything of whose machine this is. */
  const shell = async (): Promise<Terminal> => {
    const terminal = openTerminal(
      sshArguments({
        port: guarded.gateway.ssh.port,
        login: `${guarded.target.account}@web-1`,
        identities: [guarded.client.file],
        options: ['-tt', '-o', 'LogLevel=ERROR'],
        command: `INPUTRC=${inputrc} PS1='ready> ' exec bash --norc --noprofile`,
      }),
      { columns: 91, rows: 31 },
    )
    await terminal.until(/ready> $/)
    return terminal
  }
  /** Key by key, as fingers do. */
  const type = async (terminal: Terminal, text: string): Promise<void> => {
    for (const key of text) {
      terminal.type(key)
      await Bun.sleep(8)
    }
  }
  const leave = async (terminal: Terminal): Promise<void> => {
    terminal.type('exit\r')
    expect(await terminal.exited).toBe(0)
  }
  const lastRecords = async () => {
    const [session] = await guarded.sessions()
    if (session === undefined) throw new Error('no session on record')
    return guarded.records(session.id)
  }

  testWith(needs, 'its size, and the size after a change', async () => {
    await using terminal = await shell()
    terminal.type('stty size\r')
    await terminal.until(/\r\n31 91\r\n/)
    terminal.type('while [ "$(stty size)" = "31 91" ]; do sleep .05; done; stty size\r')
    await terminal.until(/stty size\r\n.*done/s)
    terminal.resize(132, 50)
    await terminal.until(/\r\n50 132\r\n/)
    await leave(terminal)
    const facts = (await lastRecords()).map(({ header }) => header)
    expect(facts.find(({ kind }) => kind === 'channel')).toMatchObject({
      pty: { term: 'xterm', columns: 91, rows: 31 },
    })
    expect(facts.filter(({ kind }) => kind === 'resize')).toMatchObject([
      { columns: 132, rows: 50 },
    ])
  })

  testWith(needs, 'Ctrl-C ends the program, and not the session', async () => {
    await using terminal = await shell()
    terminal.type('sleep 1000\r')
    await terminal.until(/sleep 1000\r\n/)
    await Bun.sleep(100)
    terminal.type('\x03')
    await terminal.until(/\^C.*ready> $/s)
    terminal.type('echo "code=$?"\r')
    await terminal.until(/code=130\r\n/)
    await leave(terminal)
  })

  testWith(needs, 'what was recorded is what was on the screen', async () => {
    await using terminal = await shell()
    await type(terminal, 'seq 3; printf "\\033[31mred\\033[0m\\n"')
    terminal.type('\r')
    await terminal.until(/red\u001b\[0m\r\nready> $/)
    await leave(terminal)
    const recorded = Buffer.from(outputOf(await lastRecords(), 1)).toString()
    expect(recorded).toBe(terminal.text())
    const played = await sluice(['replay', 'last', '--data', guarded.data, '--cast', '-'])
    const [head = '', ...events] = played.stdout.trim().split('\n')
    expect(JSON.parse(head)).toMatchObject({ version: 3, term: { cols: 91, rows: 31 } })
    const shown = events
      .map((line) => JSON.parse(line) as [number, string, string])
      .flatMap(([, code, data]) => (code === 'o' ? [data] : []))
    expect(shown.join('')).toBe(terminal.text())
  })

  testWith([...needs, tmux], 'after a replay the next line stands below it', async () => {
    await using terminal = await shell()
    terminal.type('echo replayed\r')
    await terminal.until(/\r\nreplayed\r\nready> $/)
    await leave(terminal)
    const cli = [process.execPath, join(import.meta.dir, '../../proxy/cli/main.ts')]
    const replay = [...cli, 'replay', 'last', '--instant', '--data', guarded.data].join(' ')
    const shown = await inTmux(guarded.dir, `echo above; ${replay}; echo below`, /^below$/m)
    const lines = shown.split('\n').map((line) => line.trimEnd())
    const at = ['above', 'replayed', 'ready> exit', 'below'].map((line) => lines.indexOf(line))
    expect(at).not.toContain(-1)
    expect(at).toEqual(at.toSorted((a, b) => a - b))
  })

  testWith(needs, 'a typed secret: a prefix and six characters at most', async () => {
    const token = secretToken()
    await using terminal = await shell()
    await type(terminal, `echo ${token}`)
    terminal.type('\r')
    await terminal.until(/echo .*\r\n.*\r\n.*ready> $/s)
    await leave(terminal)
    const shown = terminal.text()
    expect(shown).toContain(token.slice(0, 4))
    expect(shown).toContain('***')
    expect(shown).not.toContain(token.slice(0, 4 + 6 + 1))
    // Nor a piece of it that does not begin with the prefix, on the screen or on the disk.
    for (const at of [10, 18, 26]) {
      expect(shown).not.toContain(token.slice(at, at + 8))
      expect(filesWith(guarded.data, token.slice(at, at + 8))).toEqual([])
    }
    const typed = (await lastRecords()).filter(({ header }) => header.kind === 'input_text')
    expect(typed.map(({ payload }) => Buffer.from(payload).toString())[0]).toStartWith('echo ')
    expect(filesWith(guarded.data, Buffer.from(typed[0]?.payload ?? []).toString())).not.toEqual([])
  })

  testWith(needs, 'a pasted secret', async () => {
    const token = secretToken()
    await using terminal = await shell()
    terminal.type(`printf '%s\\n' ${token}\r`)
    await terminal.until(/printf .*\r\n.*\r\n.*ready> $/s)
    await leave(terminal)
    expect(terminal.text()).not.toContain(token)
    expect(filesWith(guarded.data, token)).toEqual([])
    expect(filesWith(guarded.data, token.slice(18, 34))).toEqual([])
  })

  for (const [prompt, options] of [
    ['with a prompt', "-p 'Password: '"],
    ['without a prompt', ''],
  ] as const)
    testWith(needs, `a password that is not echoed, ${prompt}`, async () => {
      const password = `pw${randomBytes(9).toString('hex')}`
      await using terminal = await shell()
      terminal.type(`echo asking; read -s ${options} x; echo; echo "length=\${#x}"\r`)
      await terminal.until(/\r\nasking\r\n(Password: )?$/)
      // The shell turns the echo off a moment after.
      await Bun.sleep(300)
      await type(terminal, password)
      terminal.type('\r')
      await terminal.until(new RegExp(`length=${password.length}\r\n`))
      await leave(terminal)
      expect(terminal.text()).not.toContain(password)
      for (const piece of [password, password.slice(2, 12), password.slice(-8)])
        expect(filesWith(guarded.data, piece)).toEqual([])
      const records = await lastRecords()
      const opaque = records.filter(({ header }) => header.kind === 'input_opaque')
      expect(opaque.length).toBeGreaterThan(0)
    })

  testWith(needs, 'and all of it verifies', async () => {
    await guarded.trust()
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  })
})

/** Of the form of a forge's token, and nobody's. */
function secretToken(): string {
  const letters = randomBytes(64).toString('base64').replace(/[+/=]/g, '')
  return `${'gh'}p_${letters.slice(0, 36)}`
}

/** Runs a line in a terminal that draws, and gives its screen once that matches. */
async function inTmux(dir: string, line: string, wanted: RegExp): Promise<string> {
  const run = async (...words: readonly string[]): Promise<string> => {
    const child = Bun.spawn([tmux, '-S', join(dir, 'tmux'), '-f', '/dev/null', ...words], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    })
    return child.stdout.text()
  }
  await run('new-session', '-d', '-x', '80', '-y', '24', `${line}; sleep 60`)
  try {
    return await until(`${wanted} on the screen`, async () => {
      const shown = await run('capture-pane', '-p')
      return wanted.test(shown) ? shown : undefined
    })
  } finally {
    await run('kill-server')
  }
}
