/**
 * `sluice requests`, `sluice approve ID`, `sluice deny ID`, `sluice cancel ID`: commands that wait, and decisions about
 * them, by the API of a running gateway.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { plainText } from '../../storage/replay/plain.ts'
import { formatAddress } from '../config/address.ts'
import { dataFolder, loadConfigured } from './configured.ts'
import { createGatewayClient } from './gateway-client.ts'
import { signIn } from './login.ts'
import { formatTable } from './table.ts'
import type { TokenMint } from './token.ts'
import {
  type Call,
  data_options,
  type ExitCode,
  json_option,
  type Option,
  UsageError,
  type Verb,
  VerbError,
} from './verb.ts'

/** Of every verb that asks a running gateway. */
export const api_options: Readonly<Record<string, Option>> = {
  url: {
    value: 'URL',
    help: 'where the API is (default: $SLUICE_GATEWAY, listen.api of --config, or http://127.0.0.1:7070)',
  },
  'token-file': {
    value: 'FILE',
    help: 'your bearer token (default: $SLUICE_TOKEN, or one made with the key in --data; without both, by a browser at --url)',
  },
  provider: { value: 'NAME', help: '... at this provider, if there are several' },
  as: {
    value: 'NAME',
    help: 'who you are, where the token is made here (default: your user name)',
  },
  group: { value: 'NAME', is_repeatable: true, help: '... and a group of yours' },
  json: json_option,
  ...data_options,
}

/** A decision is recorded before it is answered, and a worker that is busy answers late. */
const answer_ms = 30_000
const token_lifetime_s = 60

export function createRequests(mint: TokenMint): readonly Verb[] {
  return [
    {
      name: 'requests',
      summary: 'List what waits for an approval: commands, grants, releases of evidence',
      operands: '',
      operands_min: 0,
      operands_max: 0,
      options: api_options,
      run: (call) => list(call, mint),
    },
    decision('approve', 'Let a command run that waits', mint),
    decision('deny', 'Refuse a command that waits', mint),
    decision('cancel', 'Give up a command of your own that waits', mint),
  ]
}

function decision(name: 'approve' | 'deny' | 'cancel', summary: string, mint: TokenMint): Verb {
  return {
    name,
    summary,
    operands: 'ID',
    operands_min: 1,
    operands_max: 1,
    options: {
      ...(name === 'cancel'
        ? {}
        : { comment: { value: 'TEXT', help: 'why; the requester sees it' } as const }),
      ...api_options,
    },
    async run(call): Promise<ExitCode> {
      const [id = ''] = call.operands
      if (!/^[0-9a-z]{1,32}$/.test(id)) throw new UsageError('ID is as `sluice requests` shows it')
      const known = (await fetchRequests(call, mint)).find((request) => request['id'] === id)
      if (known === undefined) throw new VerbError(`no request ${id} waits`)
      const comment = call.text('comment')
      const answer = await ask(call, mint, `/api/requests/${id}/${name}`, {
        digest: known['digest'],
        ...(comment === undefined ? {} : { comment }),
      })
      const state = textOf(answer['state'])
      if (call.flag('json')) await call.console.json(answer)
      else
        await call.console.line(
          `${id}: ${state === 'waiting' ? 'approved; more approvals are needed' : state}: ${textOf(known['command'])}`,
        )
      return 0
    },
  }
}

async function list(call: Call, mint: TokenMint): Promise<ExitCode> {
  const requests = await fetchRequests(call, mint)
  if (call.flag('json')) {
    await call.console.json(requests)
    return 0
  }
  if (requests.length === 0) {
    call.console.note('nothing waits')
    return 0
  }
  const rows = requests.map((request) =>
    ['id', 'subject', 'account', 'target', 'risk', 'expires', 'command'].map((name) =>
      textOf(request[name]),
    ),
  )
  const head = ['ID', 'WHO', 'ACCOUNT', 'TARGET', 'RISK', 'EXPIRES', 'COMMAND']
  await call.console.line(formatTable([head, ...rows].map((row) => row.map((text) => ({ text })))))
  return 0
}

export type Json = Readonly<Record<string, unknown>>

/** A command is at most 128 KiB, and a page of it more than anybody reads. */
const text_characters_max = 2000

/** What a terminal would obey is written as an escape: a second line is not taken for a part of the first. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? plainText(value, text_characters_max) : ''

async function fetchRequests(call: Call, mint: TokenMint): Promise<readonly Json[]> {
  return listOf((await ask(call, mint, '/api/requests'))['requests'])
}

/** Throws a {@link VerbError}. */
export function listOf(value: unknown): readonly Json[] {
  if (!Array.isArray(value)) throw new VerbError('the answer is not that of a gateway')
  return value.filter((each): each is Json => typeof each === 'object' && each !== null)
}

/** `roles`: of a token that is made here. Throws a {@link VerbError} with what the gateway says. */
export async function ask(
  call: Call,
  mint: TokenMint,
  path: string,
  body?: Json,
  roles: readonly string[] = ['approver'],
): Promise<Json> {
  const url = await baseUrl(call)
  let response: Response
  let answer: unknown
  try {
    response = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${await token(call, mint, roles)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(answer_ms),
    })
    answer = await response.json()
  } catch (error) {
    if (error instanceof VerbError) throw error
    throw new VerbError(`no gateway answers at ${url}; --url names another`, { cause: error })
  }
  const json = typeof answer === 'object' && answer !== null ? ({ ...answer } as Json) : {}
  if (!response.ok)
    throw new VerbError(
      textOf(json['detail']) || textOf(json['title']) || `status ${response.status}`,
    )
  return json
}

/** A token goes to loopback in plaintext, and anywhere else by TLS only. */
async function baseUrl(call: Call): Promise<string> {
  const given =
    call.text('url') ??
    process.env['SLUICE_GATEWAY'] ??
    (await configured(call)) ??
    'http://127.0.0.1:7070'
  let url: URL
  try {
    url = new URL(given)
  } catch {
    throw new UsageError('--url must be a URL')
  }
  const is_loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && is_loopback))
    throw new UsageError('--url must be https, or http on loopback')
  return given.replace(/\/+$/, '')
}

async function configured(call: Call): Promise<string | undefined> {
  const path = call.text('config')
  if (path === undefined) return undefined
  const { api } = (await loadConfigured(path)).listen
  return api === undefined ? undefined : `http://${formatAddress(api)}`
}

/** Of who has signed in, for all that one verb asks. */
const signed_in = new WeakMap<Call, Promise<string>>()

async function token(call: Call, { mint }: TokenMint, roles: readonly string[]): Promise<string> {
  const file = call.text('token-file')
  const given = file === undefined ? process.env['SLUICE_TOKEN'] : read(file)
  if (given !== undefined && given.trim() !== '') return given.trim()
  const path = join(await dataFolder(call), 'keys', 'api.pem')
  const is_named = (call.text('url') ?? process.env['SLUICE_GATEWAY']) !== undefined
  if (is_named && !existsSync(path)) {
    const signing_in = signed_in.get(call) ?? signInAtGateway(call)
    signed_in.set(call, signing_in)
    return signing_in
  }
  const { uid, username } = userInfo()
  const subject = call.text('as') ?? (username === 'unknown' ? `uid-${uid}` : username)
  const made = await mint(read(path), subject, roles, token_lifetime_s, call.texts('group'))
  if (made === undefined) throw new VerbError(`${path} is not an Ed25519 key`)
  return made.jwt
}

const signInAtGateway = async (call: Call): Promise<string> =>
  signIn(call, createGatewayClient(await baseUrl(call)))

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new VerbError(
      `${path} cannot be read; --token-file or --data names another, and with --url you sign in by a browser`,
      {
        cause: error,
      },
    )
  }
}
