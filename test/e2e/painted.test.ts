/**
 * Secrets that a terminal paints in pieces, over the real wire: real programs colour, wrap and correct them, and no piece
 * of them is on the screen or on the disk.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, sshd, testWith, tmux } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { openTerminal, type Terminal } from './terminal.ts'

const needs = [ssh, sshd]
/** Escapes and controls, as a terminal takes them. */
const escapes =
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78]|[\0-\x09\x0b-\x1f]/g
const text = (shown: string): string => shown.replaceAll(escapes, '')

/** Of the form of a forge's token, and nobody's. */
function secretToken(): string {
  const letters = randomBytes(64).toString('base64').replace(/[+/=]/g, '')
  return `${'gh'}p_${letters.slice(0, 36)}`
}

describe('painted in pieces', () => {
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

  /** From the eleventh letter on, each eight in a row: that many may be shown by a pause or an echo. */
  const piecesOf = (token: string): readonly string[] =>
    Array.from({ length: token.length - 17 }, (_, at) => token.slice(10 + at, 18 + at))
  const tokens: string[] = []
  const expectNothingOf = (token: string, shown: string): void => {
    tokens.push(token)
    for (const piece of piecesOf(token)) expect(text(shown)).not.toContain(piece)
  }
  const shell = async (columns: number): Promise<Terminal> => {
    const terminal = openTerminal(
      sshArguments({
        port: guarded.gateway.ssh.port,
        login: `${guarded.target.account}@web-1`,
        identities: [guarded.client.file],
        options: ['-tt', '-o', 'LogLevel=ERROR'],
        command: `INPUTRC=${inputrc} PS1='> ' exec bash --norc --noprofile`,
      }),
      { columns, rows: 24 },
    )
    await terminal.until(/> $/)
    return terminal
  }
  const leave = async (terminal: Terminal): Promise<void> => {
    terminal.type('exit\r')
    expect(await terminal.exited).toBe(0)
  }

  testWith(needs, 'grep paints what it finds within one, with and without a terminal', async () => {
    const token = secretToken()
    const command = `printf 'k=%s;\\n' '${token}' | GREP_COLORS='mt=01;31' grep --color=always '${token.slice(12, 17)}'`
    const { stdout } = await guarded.run(command)
    expect(stdout).toContain('\x1b[01;31m')
    expect(text(stdout)).toBe(`k=${'*'.repeat(token.length)};\n`)
    expectNothingOf(token, stdout)

    const other = secretToken()
    await using terminal = await shell(120)
    terminal.type(`t='${other}'\rprintf 'k=%s;\\n' $t | grep --color=always "\${t:9:8}"\r`)
    await terminal.until(/k=.*;\r\n/)
    await leave(terminal)
    expect(terminal.text()).toContain('\x1b[01;31m')
    expect(text(terminal.text())).toContain(`k=${'*'.repeat(other.length)};\n`)
    expectNothingOf(other, terminal.text())
  })

  testWith(needs, 'ls colours a name that is one, right behind its escape', async () => {
    const token = secretToken()
    const { stdout } = await guarded.run(
      `cd $(mktemp -d) && mkdir '${token}' && LS_COLORS='di=01;34' ls -d --color=always *; rmdir '${token}'; rmdir $PWD`,
    )
    expect(stdout).toMatch(/\x1b\[01;34m\*+\x1b\[0m/)
    expect(text(stdout)).toBe(`${'*'.repeat(token.length)}\n`)
    expectNothingOf(token, stdout)
  })

  testWith(needs, 'a title that is one', async () => {
    const token = secretToken()
    const { stdout } = await guarded.run(`printf '\\033]0;%s\\007shown\\n' '${token}'`)
    expect(stdout).toBe(`\x1b]0;${'*'.repeat(token.length)}\x07shown\n`)
  })

  testWith(needs, 'typed at the edge of a narrow terminal, where the shell wraps it', async () => {
    const token = secretToken()
    await using terminal = await shell(30)
    for (const key of `echo   ${token}`) {
      terminal.type(key)
      await Bun.sleep(8)
    }
    terminal.type('\r')
    await terminal.until(/\*\r\n> $/)
    await leave(terminal)
    // The shell did wrap it: behind the last column it prints a space, which may be within the mask, and goes back.
    expect(terminal.text()).toMatch(/[ *]\r[^\n]/)
    expectNothingOf(token, terminal.text())
  })

  testWith(needs, 'pasted there', async () => {
    const token = secretToken()
    await using terminal = await shell(30)
    terminal.type(`printf '%s\\n' ${token}\r`)
    await terminal.until(/\*\r\n> $/)
    await leave(terminal)
    expectNothingOf(token, terminal.text())
  })

  testWith(needs, 'with wrong keys that are taken back', async () => {
    const token = secretToken()
    await using terminal = await shell(120)
    for (const key of `echo ${token.slice(0, 14)}XY\x7f\x7f${token.slice(14, 25)}Q\x7f${token.slice(25)}`) {
      terminal.type(key)
      await Bun.sleep(8)
    }
    terminal.type('\r')
    await terminal.until(/\*\r\n> $/)
    await leave(terminal)
    expectNothingOf(token, terminal.text())
  })

  testWith([...needs, tmux], 'on a screen of tmux, narrower than it', async () => {
    const token = secretToken()
    await using terminal = await shell(30)
    const socket = join(guarded.dir, 'painted')
    terminal.type(
      `t=${token}; clear; ${tmux} -S ${socket} -f /dev/null new-session "printf 'at %s end\\n' $t; sleep 2"\r`,
    )
    await terminal.until(/ end/)
    await terminal.until(/\[exited\]/)
    await leave(terminal)
    expectNothingOf(token, terminal.text())
  })

  testWith(needs, 'rests nowhere', () => {
    expect(tokens.length).toBeGreaterThanOrEqual(6)
    for (const token of tokens)
      for (const at of [10, 18, 26])
        expect(filesWith(guarded.data, token.slice(at, at + 8))).toEqual([])
    // It would find them: what stood beside one is in the journal.
    expect(filesWith(guarded.data, '\x1b[01;31m').length).toBeGreaterThan(0)
  })

  testWith(needs, 'and all of it verifies', async () => {
    await guarded.trust()
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  })
})
