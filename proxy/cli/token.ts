/**
 * `sluice token`: a bearer token for the API, signed by the key of a data directory. Whoever may read that
 * key may be anyone there, so this is for the gateway's administrator.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { formatTime } from '../../storage/replay/time.ts'
import { certificateThumbprint } from './client-certificate.ts'
import { dataFolder } from './configured.ts'
import {
  data_options,
  json_option,
  numberOption,
  UsageError,
  type Verb,
  VerbError,
} from './verb.ts'

interface Minted {
  readonly jwt: string
  readonly token: string
  readonly expires_s: number
}

/** Makes the token; identity is wired by `main.ts`. */
export interface TokenMint {
  readonly roles: readonly string[]
  readonly lifetime_s_max: number
  readonly database_lifetime_s_max: number
  /** Undefined when the file is not such a key. */
  mint(
    key_pem: string,
    subject: string,
    roles: readonly string[],
    lifetime_s: number,
    groups?: readonly string[],
  ): Promise<Minted | undefined>
  /** ... one that is a password for databases. */
  mintDatabase(
    key_pem: string,
    subject: string,
    groups: readonly string[],
    lifetime_s: number,
    certificate?: string,
  ): Promise<Minted | undefined>
}

/** Who asks. Bun takes the name from the environment, which in a container often has none. */
function userName(): string {
  const { uid, username } = userInfo()
  return username === 'unknown' ? `uid-${uid}` : username
}

const lifetime_s_default = 3600

export function createToken(port: TokenMint): Verb {
  return {
    name: 'token',
    summary: 'Make a bearer token for the API, or a password for databases',
    operands: '',
    operands_min: 0,
    operands_max: 0,
    options: {
      subject: { value: 'NAME', help: 'who it is for (default: your user name)' },
      role: {
        value: 'ROLE',
        is_repeatable: true,
        help: `${port.roles.join(', ')}; may be given more than once (default auditor)`,
      },
      group: { value: 'NAME', is_repeatable: true, help: 'a group of theirs' },
      database: { help: 'one that is a password for databases, and for nothing else' },
      certificate: {
        value: 'FILE',
        help: 'with --database: good only for who connects with this client certificate (sslcert)',
      },
      ttl: { value: 'SECONDS', help: `how long it lives (default ${lifetime_s_default})` },
      json: json_option,
      ...data_options,
    },
    async run(call) {
      const subject = call.text('subject') ?? userName()
      if (!/^[^\s\p{C}]{1,128}$/u.test(subject))
        throw new UsageError('--subject must be a name without spaces')
      const is_database = call.flag('database')
      const groups = call.texts('group')
      const given = call.texts('role')
      if (is_database && given.length > 0) throw new UsageError('--role is for the API')
      if (groups.some((group) => !/^[^\p{C}]{1,128}$/u.test(group)))
        throw new UsageError('--group must be one line')
      const file = call.text('certificate')
      if (file !== undefined && !is_database)
        throw new UsageError('--certificate is for --database')
      const certificate = file === undefined ? undefined : certificateThumbprint(file)
      const roles = given.length === 0 ? ['auditor'] : given
      const unknown = roles.find((role) => !port.roles.includes(role))
      if (unknown !== undefined)
        throw new UsageError(`--role must be one of ${port.roles.join(', ')}`)
      const lifetime_s = numberOption(
        ...([call, 'ttl', lifetime_s_default, 1] as const),
        is_database ? port.database_lifetime_s_max : port.lifetime_s_max,
      )
      const path = join(await dataFolder(call), 'keys', 'api.pem')
      let pem: string
      try {
        pem = readFileSync(path, 'utf8')
      } catch (error) {
        throw new VerbError(`${path} cannot be read: the gateway makes it at its first start`, {
          cause: error,
        })
      }
      const made = is_database
        ? await port.mintDatabase(pem, subject, groups, lifetime_s, certificate)
        : await port.mint(pem, subject, roles, lifetime_s, groups)
      if (made === undefined) throw new VerbError(`${path} is not an Ed25519 key`)
      const { jwt, token, expires_s } = made
      const expires = formatTime(expires_s * 1_000_000)
      const facts = { subject, ...(is_database ? { groups } : { roles }), token, expires }
      if (call.flag('json')) await call.console.json({ ...facts, jwt })
      else await call.console.line(jwt)
      // Not part of the result: `$(sluice token)` is the token alone.
      if (!call.flag('json') && call.console.columns !== undefined)
        call.console.note(
          `for ${subject}${is_database ? ', for databases' : ` as ${roles.join(', ')}`}, until ${expires}`,
        )
      return 0
    },
  }
}
