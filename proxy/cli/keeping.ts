/**
 * `sluice hold` and `sluice retention`: what is kept although its time has come, and what is let go because it has. By the API
 * of a running gateway; in a bucket by its owner.
 *
 * @module
 */
import { isSessionId } from '../../storage/evidence/bytes.ts'
import { openBucketSource } from '../../storage/replicate/bucket-source.ts'
import { type Pruned, prune } from '../../storage/replicate/prune.ts'
import { verifyGathered } from '../../storage/verify/gathered.ts'
import { bucket_options, isBucketAddress, openNamedBucket } from './bucket.ts'
import { api_options, ask, type Json, listOf, textOf } from './requests.ts'
import { formatTable } from './table.ts'
import type { TokenMint } from './token.ts'
import { readTrust } from './trust-file.ts'
import { type Call, type ExitCode, UsageError, type Verb, VerbError } from './verb.ts'

const hold_id = /^[0-9a-z]{1,32}$/

export function createKeeping(mint: TokenMint): readonly Verb[] {
  return [
    {
      name: 'hold',
      summary: 'Set, lift or list legal holds: what they are over is kept, whatever the retention',
      operands: 'set|lift|list [ID]',
      operands_min: 1,
      operands_max: 2,
      completions: ['set', 'lift', 'list'],
      options: {
        session: { value: 'ID', help: 'this session' },
        subject: { value: 'NAME', help: 'sessions of this person' },
        issuer: { value: 'URL', help: '... whom this issuer vouches for (default: whoever does)' },
        target: { value: 'NAME', help: 'sessions on this target' },
        since: { value: 'TIME', help: 'that started at or after: RFC 3339, or a date' },
        until: { value: 'TIME', help: 'that started before' },
        reason: { value: 'TEXT', help: 'why; it goes on record' },
        ...api_options,
      },
      run: (call) => hold(call, mint),
    },
    {
      name: 'retention',
      summary: 'Show what is let go because its time has come, let it go now, or shred a session',
      operands: '[plan|apply|shred ID|s3://BUCKET]',
      operands_min: 0,
      operands_max: 2,
      completions: ['plan', 'apply', 'shred'],
      options: {
        reason: { value: 'TEXT', help: 'why a session is shredded; it goes on record' },
        apply: { help: 'of a bucket, by its owner: remove what the log says was erased' },
        trust: { value: 'FILE', help: '... once the log verifies with this trust file' },
        ...bucket_options,
        ...api_options,
      },
      run: (call) => retention(call, mint),
    },
  ]
}

async function hold(call: Call, mint: TokenMint): Promise<ExitCode> {
  const [what, id] = call.operands
  const reason = call.text('reason')
  if (what === 'list') return list(call, mint)
  if (what !== 'set' && what !== 'lift') throw new UsageError('expected set, lift or list')
  if (reason === undefined) throw new UsageError('--reason is missing')
  if (what === 'lift') {
    if (id === undefined || !hold_id.test(id))
      throw new UsageError('ID is as `sluice hold list` shows it')
    const answer = await ask(call, mint, `/api/holds/${id}/lift`, { reason }, ['admin'])
    return told(call, answer, id, 'lifted')
  }
  if (id !== undefined) throw new UsageError('what to hold is told by options: --session ID')
  const scope = Object.fromEntries(
    ['session', 'subject', 'issuer', 'target', 'since', 'until'].flatMap((name) => {
      const value = call.text(name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
  if (Object.keys(scope).every((name) => name === 'issuer'))
    throw new UsageError('one of --session, --subject, --target, --since and --until is needed')
  const answer = await ask(call, mint, '/api/holds', { ...scope, reason }, ['admin'])
  if (call.flag('json')) await call.console.json(answer)
  else await call.console.line(`${textOf(answer['id'])}: holds until it is lifted`)
  return 0
}

async function list(call: Call, mint: TokenMint): Promise<ExitCode> {
  const holds = listOf((await ask(call, mint, '/api/holds', undefined, ['admin']))['holds'])
  if (call.flag('json')) {
    await call.console.json(holds)
    return 0
  }
  if (holds.length === 0) call.console.note('there are none')
  else {
    const rows = holds.map((each) => [
      textOf(each['id']),
      scopeOf(each['scope']),
      textOf(each['set']),
      textOf(Object(each['by'])['subject']),
      textOf(each['reason']),
    ])
    await call.console.line(table([['ID', 'OVER', 'SINCE', 'BY', 'REASON'], ...rows]))
  }
  return 0
}

const scopeOf = (scope: unknown): string =>
  Object.entries({ ...(typeof scope === 'object' ? scope : {}) })
    .map(([name, value]) => `${name} ${textOf(value)}`)
    .join(', ')

async function retention(call: Call, mint: TokenMint): Promise<ExitCode> {
  const [what = 'plan', id] = call.operands
  if (what === 'shred') return shred(call, mint, id)
  if (id !== undefined) throw new UsageError(`${what} takes no ID`)
  if (isBucketAddress(what)) return retainBucket(call, what)
  if (what === 'apply') {
    const answer = await ask(call, mint, '/api/retention/apply', {}, ['admin'])
    if (call.flag('json')) await call.console.json(answer)
    else await call.console.line(`${Number(answer['sessions'])} sessions were erased`)
    return 0
  }
  if (what !== 'plan') throw new UsageError('expected plan, apply, shred or s3://BUCKET')
  const answer = await ask(call, mint, '/api/retention', undefined, ['admin'])
  if (call.flag('json')) {
    await call.console.json(answer)
    return 0
  }
  const due = listOf(answer['sessions'])
  if (due.length === 0) {
    const has_rules = listOf(answer['rules']).length > 0
    call.console.note(has_rules ? "no session's time has come" : 'everything is kept for ever')
    return 0
  }
  const rows = due.map((each) => [
    textOf(each['session']),
    textOf(each['subject']),
    textOf(each['target']),
    textOf(each['ended']),
    String(Number(each['days'])),
    fateText(each),
  ])
  await call.console.line(table([['SESSION', 'WHO', 'TARGET', 'ENDED', 'DAYS', 'WHAT'], ...rows]))
  return 0
}

async function shred(call: Call, mint: TokenMint, session = ''): Promise<ExitCode> {
  const reason = call.text('reason')
  if (!isSessionId(session)) throw new UsageError('ID is that of a session, in full')
  if (reason === undefined) throw new UsageError('--reason is missing')
  const answer = await ask(call, mint, '/api/retention/shred', { session, reason }, ['admin'])
  return told(call, answer, session, 'shredded')
}

/** It is done, or waits for somebody else. */
async function told(call: Call, answer: Json, what: string, done: string): Promise<ExitCode> {
  const request = textOf(answer['request'])
  if (call.flag('json')) await call.console.json(answer)
  else if (request === '') await call.console.line(`${what}: ${done}`)
  else
    await call.console.line(
      `${what}: waits for an approval by somebody else: sluice approve ${request}`,
    )
  return 0
}

function fateText(due: Json): string {
  const fate = textOf(due['fate'])
  if (fate === 'held') return `held by ${textOf(due['hold'])}`
  return fate === 'kept' ? `kept until ${textOf(due['until'])}` : 'goes'
}

/** The gateway's credential may delete nothing: its owner does, and believes a log that verifies. */
async function retainBucket(call: Call, given: string): Promise<ExitCode> {
  const trust = readTrust(call)
  if (trust === undefined) throw new UsageError('--trust FILE is missing: whose log is believed')
  const { bucket, origins } = await openNamedBucket(call, given)
  const is_applied = call.flag('apply')
  const done: (Pruned & { origin: string })[] = []
  for (const logs of Map.groupBy(origins, (origin) => origin.split('/')[0] ?? '').values()) {
    const own = logs.toSorted((a, b) => Number(isTrusted(b)) - Number(isTrusted(a)))
    const sources = await Promise.all(own.map((origin) => openBucketSource(bucket, origin)))
    const report = await verifyGathered(sources, trust, () => {})
    if (report.verdict !== 'verified')
      throw new VerbError(`${own[0] ?? given} does not verify, so nothing was removed`)
    for (const [at, source] of sources.entries()) {
      const origin = own[at] ?? ''
      done.push({ origin, ...(await prune(bucket, origin, source, Date.now(), is_applied)) })
    }
  }
  if (call.flag('json')) await call.console.json(done)
  else
    for (const { origin, sessions, removed, locked } of done)
      await call.console.line(
        `${origin}: ${sessions} erased sessions have objects left; ${removed} versions ${is_applied ? 'were' : 'can be'} removed, ${locked} are locked`,
      )
  return 0

  function isTrusted(origin: string): boolean {
    return trust?.logs.some(({ name }) => name === origin) ?? false
  }
}

const table = (rows: readonly (readonly string[])[]): string =>
  formatTable(rows.map((row) => row.map((text) => ({ text }))))
