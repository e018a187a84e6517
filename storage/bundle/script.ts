/**
 * `commands.sh`: repeats the commands of a session in a sandbox, and its statements by one `psql` for each channel. Whatever
 * was typed is quoted, so that the script does what its own text says and no more; what cannot be repeated is a comment.
 *
 * @module
 */
import type { Manifest } from '../evidence/manifest.ts'
import { plainText } from '../replay/plain.ts'
import type { Step } from './commands.ts'
import { text_characters_max } from './limits.ts'

/** What a program may be told by its caller without doing something else: locale, terminal, time zone. */
const env_allowed = /^(?:LANG|LC_[A-Z]{1,20}|TERM|TZ)$/
/** Quoted as they are; any other byte is written as an escape. */
const plain_bytes = /^[\x20-\x7e]*$/

export async function* scriptOf(
  steps: AsyncIterable<Step>,
  manifest: Manifest,
): AsyncGenerator<string, void> {
  const { session, identity, account, target, time, ended, end_reason } = manifest
  yield `#!/bin/bash
# The commands of a recorded session, to be repeated in a sandbox. Read them first: they are what somebody
# else ran. What was masked has to be given: SLUICE_MASKED_N, where the script stops and says so.
`
  yield comment(`session ${session}, ${time} to ${ended}, ended by ${end_reason}`)
  yield comment(
    `${identity.subject}, by ${identity.method} of ${identity.issuer}, as ${account} on ${target}`,
  )
  yield `# A program that ssh starts is started in the home directory; no other working directory is on record.
cd -- "\${SLUICE_HOME:-$HOME}" || exit 1
`
  let masks = 0
  /** What each open channel is for, and whether policy let it run. */
  const channels = new Map<number, Step>()
  /** Waits for what policy says of it. */
  const waiting = new Map<number, Step>()
  /** Channels with statements that are repeated. */
  const asking = new Set<number>()
  const repeat = (step: Step, command: Command): string => {
    const { parts, masks: after } = wordOf(command, step.seq, masks)
    masks = after
    const begin = asking.has(step.channel) ? '' : `statements_${step.channel}=()\n`
    asking.add(step.channel)
    return `${begin}statements_${step.channel}+=(-c ${parts})\n`
  }
  for await (const step of steps) {
    const { channel, kind, time: at, text, seq } = step
    const head = `${at} #${channel}`
    switch (kind) {
      case 'channel':
        channels.set(channel, step)
        yield `\n${comment(`${head} ${text}`)}`
        break
      case 'command':
        waiting.set(channel, step)
        break
      case 'verdict': {
        yield comment(`${head} ${text}`)
        const asked = waiting.get(channel)
        waiting.delete(channel)
        if (asked === undefined) break
        if (asked.kind === 'statement') {
          if (step.allowed === true && asked.command !== undefined)
            yield repeat(asked, asked.command)
          break
        }
        const opened = channels.get(channel)
        if (step.allowed === true && opened?.request === 'exec' && asked.command !== undefined) {
          const { text: line, masks: after } = runnable(asked.command, asked.seq, opened.env, masks)
          masks = after
          yield line
        } else yield comment(`not repeated, record ${asked.seq}: ${asked.text}`)
        break
      }
      case 'statement': {
        waiting.delete(channel)
        const { command, allowed, asked } = step
        yield comment(
          `${head} ${allowed === true ? 'allowed' : 'denied'} by ${asked?.rule ?? ''}, record ${seq}: ${text}`,
        )
        const why = command === undefined ? '' : whyNotRepeated(step, command)
        if (why !== '') yield comment(`not repeated, record ${seq}: ${why}`)
        // One that was denied may wait for a person.
        else if (allowed !== true) waiting.set(channel, step)
        else if (command !== undefined) yield repeat(step, command)
        break
      }
      case 'run':
        yield comment(
          `${head} not repeated, record ${seq}: statement ${step.statement} with ${text}`,
        )
        break
      case 'result':
        yield comment(`${head} statement ${step.statement}: ${text}`)
        break
      case 'typed':
        yield comment(`${head} typed, record ${seq}: ${text}`)
        break
      case 'hold':
      case 'approval':
      case 'grant':
      case 'file':
      case 'exit':
      case 'failed':
        yield comment(`${head} ${kind}: ${text}`)
        break
    }
  }
  for (const { kind, seq, text } of waiting.values())
    if (kind === 'command') yield comment(`not decided, record ${seq}: ${text}`)
  if (asking.size > 0)
    yield `
# One connection for each channel, as there was one. The database is that of psql's own settings: PGHOST, PGDATABASE, PGUSER.
`
  for (const channel of asking) yield `psql -X "\${statements_${channel}[@]}" < /dev/null\n`
}

type Command = NonNullable<Step['command']>

/** Empty for a statement that psql sends as it was: a simple query, with all that is asked in its text (psql(1), `-c`). */
function whyNotRepeated({ asked }: Step, { bytes }: Command): string {
  if (asked?.name !== undefined) return 'it was prepared, and run with values of its own protocol'
  if (asked?.length !== undefined)
    return `${bytes.length} of its ${asked.length} bytes are on record`
  if (asked?.kinds.includes('copy') === true) return 'what was copied is not in it'
  if (bytes.includes(0)) return 'it has a NUL'
  // psql would take it for one of its own commands.
  return bytes[0] === backslash ? 'it begins with a backslash' : ''
}

const backslash = 0x5c

/** As sshd starts it (sshd(8), "Login process"): the user's shell with `-c`, in an environment of its own. */
function runnable(
  command: Command,
  seq: number,
  env: Readonly<Record<string, string>> | undefined,
  masks_before: number,
): { readonly text: string; readonly masks: number } {
  // No program can be given one, so it never ran like this.
  if (command.bytes.includes(0))
    return { text: comment(`not repeated, record ${seq}: it has a NUL`), masks: masks_before }
  const { parts, masks } = wordOf(command, seq, masks_before)
  const pairs = Object.entries(env ?? {}).map(([name, value]) =>
    env_allowed.test(name)
      ? { set: `${name}=${quoted(new TextEncoder().encode(value))} ` }
      : { left: comment(`environment, not set: ${name}=${value}`) },
  )
  const set = pairs.map(({ set: text }) => text ?? '').join('')
  const left = pairs.map(({ left: text }) => text ?? '').join('')
  return { text: `${left}env -- ${set}bash -c ${parts}\n`, masks }
}

/** One word for bash, what was masked to be given from outside. */
function wordOf(
  { bytes, spans }: Command,
  seq: number,
  masks_before: number,
): { readonly parts: string; readonly masks: number } {
  const parts: string[] = []
  let masks = masks_before
  let at = 0
  for (const span of spans) {
    if (span.at > at) parts.push(quoted(bytes.subarray(at, span.at)))
    masks++
    const what = `record ${seq}, ${span.length} bytes, rule ${span.rule.replaceAll(/[^a-z0-9-]/g, '')}`
    parts.push(`"\${SLUICE_MASKED_${masks}:?${what}}"`)
    at = span.at + span.n
  }
  if (at < bytes.length || parts.length === 0) parts.push(quoted(bytes.subarray(at)))
  return { parts: parts.join(''), masks }
}

/** One word for bash, in which nothing is special (bash(1), "Quoting"). */
function quoted(bytes: Uint8Array): string {
  const text = new TextDecoder('latin1').decode(bytes)
  if (plain_bytes.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`
  const escaped = Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte)
    return /[A-Za-z0-9 _./=:,@%+-]/.test(character)
      ? character
      : `\\${byte.toString(8).padStart(3, '0')}`
  })
  return `$'${escaped.join('')}'`
}

/** A line that stays one, whatever is in it. */
const comment = (text: string): string => `# ${plainText(text, text_characters_max)}\n`
