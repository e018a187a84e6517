/**
 * Starts a bash or zsh of the target that tells of each command: one channel without a terminal carries requests and
 * answers between two FIFOs there and the gateway, the other one is the terminal. The start file is written to a folder of
 * the account's own and removed by the shell before its first prompt.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import type { Endpoint, Wire } from '../../core/connector.ts'
import type { TellingShell, ToldEvents } from '../../core/telling.ts'
import { ChannelEndpoint } from './channel.ts'
import type { LibraryClient, SessionRequest } from './library.ts'
import { told_field_bytes_max, told_start_ms, told_waiting_max } from './limits.ts'
import { clean } from './line.ts'
import { openAt, type Side } from './open.ts'

/** No quote of its kind is in it. */
const begin = (): string => `exec /bin/sh -c '${sourceOf('begin.sh')}'`
const sourceOf = (name: string): string =>
  readFileSync(new URL(`shell/${name}`, import.meta.url), 'utf8').trim()

/** What the target says of itself goes into a command line of ours: nothing in it is more than a path. */
const is_path = /^\/[A-Za-z0-9._/-]{1,200}$/

type Starts = (dir: string, shell: string) => string
const shells: Readonly<Record<string, { readonly file: string; readonly starts: Starts }>> = {
  bash: { file: 'rc.bash', starts: (dir, shell) => `exec ${shell} --rcfile ${dir}/rc -i` },
  zsh: {
    file: 'rc.zsh',
    starts: (dir, shell) => `__gz=$ZDOTDIR __gdir=${dir} ZDOTDIR=${dir} exec ${shell} -i -l`,
  },
}

/** Undefined when the account's shell is none of these, or cannot be made to tell. Rejects with a `TargetError`. */
export async function openTellingShell(
  target: Side<LibraryClient>,
  terminal: Pick<SessionRequest, 'pty' | 'env' | 'agent'>,
): Promise<TellingShell | undefined> {
  const relay = new ChannelEndpoint('target')
  const asked = { kind: 'exec', command: Buffer.from(begin()), env: {}, agent: false } as const
  const fields = createFields()
  /** Of the terminal: then the relay has nothing more to say. */
  let is_over = false
  relay.start({
    wire: (wire) => fields.push(wire),
    closed: () => fields.end(),
  })
  try {
    // `MaxSessions 1` of sshd refuses a second one.
    await openAt<[boolean]>(target, relay, 'a channel for its shell', (opened) =>
      target.connection.session({ ...asked, receiver: relay.receiver }, opened),
    )
  } catch {
    return undefined
  }
  const send = (text: string): void =>
    relay.write({ kind: 'data', stream: 0, bytes: new TextEncoder().encode(text) })
  const give_up = (): undefined => {
    relay.close()
    return undefined
  }
  const late = setTimeout(() => fields.end(), told_start_ms)
  try {
    const dir = textOf(await fields.next())
    const path = textOf(await fields.next())
    const shell = shells[path.split('/').at(-1) ?? '']
    if (!is_path.test(dir) || !is_path.test(path) || shell === undefined) return give_up()
    const rc = sourceOf(shell.file)
    send(`${Buffer.byteLength(rc)}\n${rc}`)
    if (textOf(await fields.next()) !== 'ready') return give_up()
    const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString('hex')
    send(`${nonce}\n`)
    const far = new ChannelEndpoint('target')
    const command = Buffer.from(shell.starts(dir, path))
    await openAt<[boolean]>(target, far, 'to start a shell', (opened) =>
      target.connection.session(
        { ...terminal, kind: 'exec', command, receiver: far.receiver },
        opened,
      ),
    )
    const unanswered = { count: 0 }
    return {
      endpoint: closing(far, () => {
        is_over = true
        relay.close()
      }),
      listen: (on) =>
        void readTold(fields, nonce, unanswered, { ...on, lost: () => is_over || on.lost() }),
      answer(id, refusal) {
        unanswered.count -= 1
        send(refusal === undefined ? `${id} allow\n` : `${id} deny ${clean(refusal)}\n`)
      },
    }
  } catch (error) {
    relay.close()
    throw error
  } finally {
    clearTimeout(late)
  }
}

/** The relay is of no use without the terminal. */
function closing(endpoint: Endpoint, close: () => void): Endpoint {
  return {
    start: (on) =>
      endpoint.start({
        wire: (wire) => on.wire(wire),
        closed: (error) => {
          close()
          on.closed(error)
        },
      }),
    pause: () => endpoint.pause(),
    resume: () => endpoint.resume(),
    write: (wire, sent) => endpoint.write(wire, sent),
    close: () => endpoint.close(),
  }
}

interface Fields {
  push(wire: Wire): void
  end(): void
  /** Undefined once nothing comes any more. */
  next(): Promise<Uint8Array | undefined>
}

/** What ends with a NUL each. A field that is too long ends all. */
function createFields(): Fields {
  let rest = Buffer.alloc(0)
  let waiting: ((field: Uint8Array | undefined) => void)[] = []
  const found: Uint8Array[] = []
  let is_over = false
  const end = (): void => {
    is_over = true
    for (const resolve of waiting) resolve(undefined)
    waiting = []
  }
  return {
    push(wire) {
      if (is_over || wire.kind !== 'data' || wire.stream !== 1) return
      rest = Buffer.concat([rest, wire.bytes])
      for (let at = rest.indexOf(0); at >= 0; at = rest.indexOf(0)) {
        const field = new Uint8Array(rest.subarray(0, at))
        rest = rest.subarray(at + 1)
        const next = waiting.shift()
        if (next === undefined) found.push(field)
        else next(field)
      }
      if (rest.length > told_field_bytes_max || found.length > 64) end()
    },
    end,
    next: () =>
      new Promise((resolve) => {
        const field = found.shift()
        if (field !== undefined) resolve(field)
        else if (is_over) resolve(undefined)
        else waiting.push(resolve)
      }),
  }
}

/** Six fields each: what, nonce, number or code, folder, text, token. Resolves when nothing more is understood. */
async function readTold(
  fields: Fields,
  nonce: string,
  unanswered: { count: number },
  on: ToldEvents,
): Promise<void> {
  for (;;) {
    const message: Uint8Array[] = []
    for (let at = 0; at < 6; at += 1) {
      const field = await fields.next()
      if (field === undefined) break
      message.push(field)
    }
    const [what, of, number = '', cwd = '', , token = ''] = message.map(textOf)
    const [, , , , text] = message
    if (text === undefined || of !== nonce) break
    if (what === 'D') on.prompts(Number(number) & 0xff)
    else if (what === 'X') on.began()
    else if (what === 'R' && unanswered.count < told_waiting_max) {
      const id = `${token.replace(/[^\w-]/g, '')}.${number.replace(/\D/g, '')}`
      unanswered.count += 1
      on.asks({ id, text, cwd })
    } else break
  }
  on.lost()
}

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
