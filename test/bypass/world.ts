/**
 * A person at a real shell behind the gateway: types, and sees; and what is on record of that.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openTerminal, type Terminal } from '../e2e/terminal.ts'
import type { Guarded } from '../fixture/guarded.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'

export interface Shell extends AsyncDisposable {
  readonly terminal: Terminal
  /** Key by key. */
  keys(text: string): Promise<void>
  /** At once. */
  send(text: string): void
  /** Resolves once a new prompt stands at the end. */
  prompt(): Promise<void>
}

/** What was recorded of commands that are not exact, of the newest session. */
export interface Told {
  readonly text: string
  readonly confidence: string
  readonly allowed: boolean
  readonly rule: string
  readonly cwd?: string
}

/** The prompt of a shell without start files. */
export const prompt = 'ready> '

/** A shell on a target; `command` as for an exec, none for the login shell. */
export function openShell(guarded: Guarded, command?: string, target = 'web-1'): Shell {
  const terminal = openTerminal(
    sshArguments({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@${target}`,
      identities: [guarded.client.file],
      options: ['-tt', '-o', 'LogLevel=ERROR'],
      ...(command === undefined ? {} : { command }),
    }),
    { columns: 100, rows: 30 },
  )
  const seen = (): number => terminal.text().split(prompt).length
  let prompts = 1
  return {
    terminal,
    keys: async (text) => {
      for (const key of text) {
        terminal.type(key)
        await Bun.sleep(8)
      }
    },
    send: (text) => {
      prompts = seen()
      terminal.type(text)
    },
    prompt: async () => {
      await until('a prompt', () => seen() > prompts && /ready> $/.test(plain(terminal.text())))
      prompts = seen()
    },
    [Symbol.asyncDispose]: () => terminal[Symbol.asyncDispose](),
  }
}

/** Without the sequences that paint nothing. */
export const plain = (text: string): string =>
  text.replace(/\u001b\[[?>\d;]*[a-zA-Z]|\u001b\][^\u0007]*\u0007|\u001b[=>]/g, '')

export async function toldOf(guarded: Guarded, session?: string): Promise<readonly Told[]> {
  const id = session ?? (await guarded.sessions())[0]?.id ?? ''
  const records = await guarded.records(id)
  return records.flatMap(({ header, payload }, index) => {
    if (header.kind !== 'command' || header.confidence === 'exact') return []
    const verdict = records
      .slice(index)
      .find((each) => each.header.kind === 'verdict' && each.header.channel === header.channel)
    if (verdict?.header.kind !== 'verdict') throw new Error('a command without a verdict')
    const { allowed, rule } = verdict.header
    const cwd = header.cwd === undefined ? {} : { cwd: header.cwd }
    const text = new TextDecoder().decode(payload)
    return [{ text, confidence: header.confidence, allowed, rule, ...cwd }]
  })
}

/** A folder for files that say that something ran. */
export function tracesIn(guarded: Guarded): string {
  const dir = join(guarded.dir, 'traces')
  mkdirSync(dir, { recursive: true })
  return dir
}
