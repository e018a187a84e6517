/**
 * A canary: a session that the gateway has with itself, through the pipeline of every other session, with a secret that
 * was made up for it. What comes back has to be masked, and what is on record has to verify like anybody's.
 *
 * @module
 */
import { randomInt } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { canary_protocol } from '../../storage/evidence/canary.ts'
import { factsOf } from '../../storage/evidence/exchange.ts'
import { decodeRecord } from '../../storage/evidence/record.ts'
import { echoConnector } from '../connector/echo/connector.ts'
import type { Identify } from '../core/connector.ts'
import type { Policy, Recorder } from '../core/ports.ts'
import { createFlight } from '../session/flight.ts'
import { startSession } from '../session/session.ts'
import { duplexPair } from '../trial/pair.ts'
import { canary_session_ms } from './limits.ts'

/** For a retention rule of their own. */
export const canary_labels: Readonly<Record<string, string>> = { sluice: canary_protocol }

/** What a canary says. */
export interface Planted {
  /** A rule has to find it; undefined where there is none that is known here. */
  readonly secret: string | undefined
  readonly line: string
}

export type CanaryRun =
  | { readonly ok: true; readonly id: string; readonly planted: Planted }
  | { readonly ok: false; readonly reason: string }

/** @param rules names of those that mask */
export function plant(rules: readonly string[]): Planted {
  const secret = rules.includes('aws-access-key-id')
    ? `AKIA${ofAlphabet(base32, 16)}`
    : rules.includes('card-number')
      ? cardNumber()
      : undefined
  return { secret, line: `a canary says ${secret ?? 'nothing'}\n` }
}

/** Resolves when the session is over. Never rejects; reasons have nothing of what was planted. */
export async function runCanary(recorder: Recorder, planted: Planted): Promise<CanaryRun> {
  const [person, near] = duplexPair()
  let id: string | undefined
  let fault: string | undefined
  const shown = textOf(person)
  const connector = echoConnector({ dial: () => echo() })
  try {
    const greeted = connector.accept(
      near,
      'canary',
      identify,
      AbortSignal.timeout(canary_session_ms),
    )
    person.write(`canary canary@canary\n`)
    const greeting = await greeted
    if ('passage' in greeting) return failed('its session is none')
    const session = startSession(greeting, {
      policy: only_canaries,
      recorder: {
        async open(start, on) {
          const opened = await recorder.open(start, on)
          id = opened.id
          return opened
        },
      },
      flight: createFlight(() => performance.now()),
      now_ms: () => performance.now(),
      protocol: canary_protocol,
      labels: () => canary_labels,
      fault: (error) => {
        fault = error instanceof Error ? error.name : 'unknown'
      },
    })
    person.write(planted.line)
    person.end()
    const is_late = await Promise.race([
      session.ended.then(() => false),
      Bun.sleep(canary_session_ms).then(() => true),
    ])
    if (is_late) {
      session.end('failed', 'the canary took too long')
      return failed('its session did not end')
    }
    const text = await Promise.race([shown, Bun.sleep(canary_session_ms).then(() => '')])
    if (fault !== undefined) return failed(`a fault of the gateway (${fault})`)
    if (id === undefined) return failed('its session was not recorded')
    if (planted.secret !== undefined && text.includes(planted.secret))
      return failed('what it planted was shown, and not masked')
    // Masks are as long as what they hide.
    if (text.length !== planted.line.length) return failed('what it said was not shown')
    return { ok: true, id, planted }
  } catch (error) {
    return failed(
      `its session could not begin (${error instanceof Error ? error.name : 'unknown'})`,
    )
  } finally {
    person.destroy()
  }
}

/** Why these records are not those of a canary that was masked; undefined when they are. */
export function whyUnmasked(
  records: readonly Uint8Array[],
  { secret }: Planted,
): string | undefined {
  const bytes = Buffer.concat(records)
  if (secret !== undefined && bytes.includes(secret)) return 'what it planted is on record'
  const shown = records.flatMap((stored) => {
    const decoded = decodeRecord(stored)
    if (!decoded.ok) return []
    return factsOf(decoded).flatMap(({ header }) => (header.kind === 'output' ? header : []))
  })
  if (shown.length === 0) return 'what it said is not on record'
  const is_masked = shown.some(({ spans }) => spans.length > 0)
  return secret === undefined || is_masked ? undefined : 'what it planted has no mask on record'
}

const failed = (reason: string): CanaryRun => ({ ok: false, reason })

const identify: Identify = async () => ({
  ...{ issuer: 'gateway', subject: 'canary', groups: [], method: 'token', credential: 'canary' },
})

const granted = { allowed: true, rule: 'canary' } as const
const denied = { allowed: false, rule: 'canary', message: 'not for a canary' } as const

/** Nobody else's session has it: a policy of people need not know of canaries. */
const only_canaries: Policy = {
  hash: '',
  connect: () => granted,
  channel: () => granted,
  capability: () => denied,
  judgesTyped: () => false,
  demandsTelling: false,
  typed: () => ({ verdict: denied, is_partial: false }),
  statement: () => denied,
  epoch: 0,
}

/** A target that says what it is told. */
function echo(): Duplex {
  const [gateway_side, target] = duplexPair()
  target.on('error', () => {})
  target.pipe(target)
  return gateway_side
}

async function textOf(stream: Duplex): Promise<string> {
  const parts: Uint8Array[] = []
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  stream.on('data', (part: Uint8Array) => parts.push(part))
  stream.on('error', () => {})
  stream.once('end', resolve).once('close', resolve)
  await ended
  return Buffer.concat(parts).toString('utf8')
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const digits = '0123456789'

const ofAlphabet = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')

/** Of no bank: the digits after the 4 are random, the last one makes it right (ISO/IEC 7812-1, Luhn). */
function cardNumber(): string {
  const body = `4${ofAlphabet(digits, 14)}`
  const sum = [...body].reduce((total, digit, at) => {
    const value = Number(digit) * (at % 2 === 0 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return `${body}${(10 - (sum % 10)) % 10}`
}
