/**
 * `sluice request`, `sluice grants`, `sluice revoke`, `sluice review`: access for a time and access that is taken away, by the
 * API of a running gateway.
 *
 * @module
 */
import { api_options, ask, type Json, listOf, textOf } from './requests.ts'
import { formatTable } from './table.ts'
import type { TokenMint } from './token.ts'
import { type Call, type ExitCode, UsageError, type Verb } from './verb.ts'

const grant_id = /^[0-9a-z]{1,32}$/
const session_id = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function createGrants(mint: TokenMint): readonly Verb[] {
  return [
    {
      name: 'request',
      summary: 'Ask for access to a target for a time',
      operands: '',
      operands_min: 0,
      operands_max: 0,
      options: {
        target: { value: 'NAME', help: 'where to' },
        account: { value: 'NAME', help: 'as whom there (default: every account)' },
        for: { value: 'TIME', help: 'how long, from when it is given: 30m, 2h, 1d' },
        reason: { value: 'TEXT', help: 'what for; those who decide see it' },
        scope: {
          value: 'WHAT',
          is_repeatable: true,
          help: 'exec, query, shell, upload, download or forward; may be given more than once (default: all that policy permits)',
        },
        'break-glass': {
          help: 'take it now, without an approval: it is loud, and reviewed afterwards',
        },
        ...api_options,
      },
      run: (call) => request(call, mint),
    },
    {
      name: 'grants',
      summary: 'List grants: asked for, running, or to be reviewed',
      operands: '',
      operands_min: 0,
      operands_max: 0,
      options: api_options,
      run: (call) => grants(call, mint, () => true, 'there are none'),
    },
    {
      name: 'review',
      summary: 'List break-glass grants that nobody has reviewed, or say that one is',
      operands: '[ID]',
      operands_min: 0,
      operands_max: 1,
      options: { comment: { value: 'TEXT', help: 'what was found' }, ...api_options },
      run: (call) => review(call, mint),
    },
    {
      name: 'revoke',
      summary: 'Take access away: a grant, a session, a person, a credential; what runs ends',
      operands: '[ID]',
      operands_min: 0,
      operands_max: 1,
      options: {
        subject: { value: 'NAME', help: 'everything of this person' },
        issuer: { value: 'URL', help: '... whom this issuer vouches for (default: whoever does)' },
        credential: { value: 'NAME', help: "a key's SHA256:... fingerprint, or a token's name" },
        certificate: { value: 'SERIAL', help: 'one certificate, by its serial' },
        'key-id': { value: 'TEXT', help: 'all certificates with this key id' },
        authority: {
          value: 'NAME',
          help: "... that this authority signed: a name of identity.ssh_ca, or its key's SHA256:... (default: the gateway's own)",
        },
        reason: { value: 'TEXT', help: 'why; it goes on record' },
        list: { help: 'list what is revoked' },
        lift: { value: 'ID', help: 'take a revocation back' },
        ...api_options,
      },
      run: (call) => revoke(call, mint),
    },
  ]
}

async function request(call: Call, mint: TokenMint): Promise<ExitCode> {
  const target = call.text('target')
  const reason = call.text('reason')
  const account = call.text('account')
  const scope = call.texts('scope')
  if (target === undefined) throw new UsageError('--target is missing')
  if (reason === undefined) throw new UsageError('--reason is missing')
  const answer = await ask(
    call,
    mint,
    '/api/requests',
    {
      ...{ target, reason, minutes: minutesOf(call.text('for')) },
      ...(account === undefined ? {} : { account }),
      ...(scope.length === 0 ? {} : { scope }),
      ...(call.flag('break-glass') ? { break_glass: true } : {}),
    },
    ['user'],
  )
  if (call.flag('json')) await call.console.json(answer)
  else if (answer['state'] === 'given')
    await call.console.line(`${textOf(answer['id'])}: taken; it is reviewed afterwards`)
  else {
    await call.console.line(`${textOf(answer['id'])}: needs ${textOf(answer['says'])}`)
    call.console.note(`they approve it by: sluice approve ${textOf(answer['id'])}`)
  }
  return 0
}

const units = new Map([
  ['m', 1],
  ['h', 60],
  ['d', 1440],
])

function minutesOf(text: string | undefined): number {
  const found = /^(\d{1,4})([mhd])$/.exec(text ?? '')
  const minutes = Number(found?.[1]) * (units.get(found?.[2] ?? '') ?? 0)
  if (!(minutes >= 1)) throw new UsageError('--for is a time such as 30m, 2h or 1d')
  return minutes
}

async function grants(
  call: Call,
  mint: TokenMint,
  isShown: (grant: Json) => boolean,
  none: string,
): Promise<ExitCode> {
  const answer = await ask(call, mint, '/api/grants', undefined, ['approver'])
  const shown = listOf(answer['grants']).filter(isShown)
  if (call.flag('json')) await call.console.json(shown)
  else if (shown.length === 0) call.console.note(none)
  else {
    const rows = shown.map((grant) =>
      ['id', 'state', 'subject', 'account', 'target', 'ends', 'reason']
        .map((name) => textOf(grant[name]))
        .map((text, at) =>
          at === 1 && grant['break_glass'] === true ? `${text}, break-glass` : text,
        ),
    )
    const head = ['ID', 'STATE', 'WHO', 'ACCOUNT', 'TARGET', 'ENDS', 'REASON']
    await call.console.line(table([head, ...rows]))
  }
  return 0
}

async function review(call: Call, mint: TokenMint): Promise<ExitCode> {
  const [id] = call.operands
  if (id === undefined)
    return grants(call, mint, (grant) => grant['review_wanted'] === true, 'nothing to review')
  if (!grant_id.test(id)) throw new UsageError('ID is as `sluice review` shows it')
  const comment = call.text('comment')
  await ask(call, mint, `/api/grants/${id}/review`, comment === undefined ? {} : { comment }, [
    'approver',
  ])
  await call.console.line(`${id}: reviewed`)
  return 0
}

async function revoke(call: Call, mint: TokenMint): Promise<ExitCode> {
  const [id] = call.operands
  const reason = call.text('reason')
  const why = reason === undefined ? {} : { reason }
  const lift = call.text('lift')
  const match = Object.fromEntries(
    ['subject', 'issuer', 'credential'].flatMap((name) => {
      const value = call.text(name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const certificate = certificateOf(call)
  const named = [
    id,
    certificate,
    call.text('subject'),
    call.text('credential'),
    lift,
    call.flag('list') || undefined,
  ]
  if (named.filter((each) => each !== undefined).length !== 1)
    throw new UsageError(
      'one of ID, --subject, --credential, --certificate, --key-id, --list and --lift is needed',
    )
  if (call.flag('list')) return revocations(call, mint)
  if (lift !== undefined) {
    if (!grant_id.test(lift)) throw new UsageError('--lift takes an ID of `sluice revoke --list`')
    await ask(call, mint, `/api/revocations/${lift}/lift`, why, ['admin'])
    await call.console.line(`${lift}: lifted`)
    return 0
  }
  if (id !== undefined && grant_id.test(id)) {
    await ask(call, mint, `/api/grants/${id}/revoke`, why, ['approver'])
    await call.console.line(`${id}: revoked`)
    return 0
  }
  if (id !== undefined && !session_id.test(id))
    throw new UsageError('ID is that of a grant or of a session')
  const session = id === undefined ? {} : { session: id }
  const by_certificate = certificate === undefined ? {} : { certificate }
  const body = { ...match, ...session, ...by_certificate, ...why }
  const answer = await ask(call, mint, '/api/revocations', body, ['admin'])
  if (call.flag('json')) await call.console.json(answer)
  else await call.console.line(`${textOf(answer['id'])}: revoked; what runs ends now`)
  return 0
}

function certificateOf(call: Call): Json | undefined {
  const serial = call.text('certificate')
  const key_id = call.text('key-id')
  const authority = call.text('authority')
  if (serial === undefined && key_id === undefined) {
    if (authority !== undefined)
      throw new UsageError('--authority goes with --certificate or --key-id')
    return undefined
  }
  if (serial !== undefined && key_id !== undefined)
    throw new UsageError('--certificate and --key-id are two ways to name one')
  if (serial !== undefined && !/^[1-9]\d{0,19}$/.test(serial))
    throw new UsageError('SERIAL is a number, as `ssh-keygen -L` shows it, and not 0')
  return {
    ...(serial === undefined ? { key_id } : { serial }),
    ...(authority === undefined ? {} : { authority }),
  }
}

async function revocations(call: Call, mint: TokenMint): Promise<ExitCode> {
  const answer = await ask(call, mint, '/api/revocations', undefined, ['admin'])
  const all = listOf(answer['revocations'])
  if (call.flag('json')) await call.console.json(all)
  else if (all.length === 0) call.console.note('nothing is revoked')
  else {
    const names = ['id', 'subject', 'issuer', 'credential', 'session', 'revoked', 'reason']
    const rows = all.map((each) =>
      names.map((name) => textOf(name === 'credential' ? credentialOf(each) : each[name])),
    )
    await call.console.line(table([names.map((name) => name.toUpperCase()), ...rows]))
  }
  return 0
}

function credentialOf({ credential, certificate }: Json): unknown {
  if (typeof certificate !== 'object' || certificate === null) return credential
  const { authority, serial, key_id }: Json = { ...certificate }
  const which = serial === undefined ? `key id ${textOf(key_id)}` : textOf(serial)
  return `certificate ${which} of ${textOf(authority)}`
}

const table = (rows: readonly (readonly string[])[]): string =>
  formatTable(rows.map((row) => row.map((text) => ({ text }))))
