/**
 * A gateway in front of a real PostgreSQL, as a user starts it, and the clients that come through it.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtin_text } from '../../proxy/policy/cedar/builtin.ts'
import { type Certificates, makeCertificates } from '../fixture/certificate.ts'
import { type Gateway, gatewayConfig, sluice, startGateway } from '../fixture/gateway.ts'
import { clientEnv, type Login, type Postgres, psqlOn, startPostgres } from '../fixture/postgres.ts'
import type { Ran } from '../fixture/ran.ts'
import { openssl, postgres as postgres_file, psql as psql_file } from '../fixture/require.ts'

export const components: readonly string[] = [postgres_file, psql_file, openssl]

export interface PostgresWorld extends AsyncDisposable {
  readonly database: Postgres
  readonly gateway: Gateway
  /** Of `sluice.yaml`, its policy and the keys. */
  readonly dir: string
  readonly data: string
  readonly config: string
  readonly certificates: Certificates
  /** Ada, as the account `owner` of the target `orders`. */
  readonly login: Login
  /** psql through the gateway; unaligned, without headers. */
  psql(words: readonly string[], options?: Parameters<typeof psqlOn>[3]): Promise<Ran>
  /** ... one text of statements. */
  query(sql: string): Promise<Ran>
  /** For a program with options of its own: where to, and who. */
  readonly env: Record<string, string>
  /** What `sluice show` tells of the newest session. */
  show(): Promise<string>
}

export interface WorldOptions {
  /** Protected columns of the target. */
  readonly columns?: Readonly<
    Record<string, string | { readonly rule: string; readonly strategy: string }>
  >
  /** Of each result. */
  readonly recorded_rows_max?: number
  /** Statements that prepare the database. */
  readonly sql?: string
  readonly masking?: Readonly<Record<string, unknown>>
  /** Text of a policy, or `builtin`; without one it is the built-in policy in which no statement waits. */
  readonly policy?: string
  readonly database?: Postgres
  readonly tls?: 'verify-full' | 'off'
  readonly identity?: Readonly<Record<string, unknown>>
  /** Instead of the database's own: what stands in front of it. */
  readonly address?: string
  /** More words for the gateway's command line. */
  readonly arguments?: readonly string[]
}

/** Nobody is there to approve what a regression suite or a benchmark does. */
const nothing_waits = builtin_text.replace(/@id\("policy\.query\.high"\)[^;]*;/, '')

export async function openWorld(options: WorldOptions = {}): Promise<PostgresWorld> {
  await using started = new AsyncDisposableStack()
  const dir = mkdtempSync(join(tmpdir(), 'sluice-postgres-gateway-'))
  started.defer(() => rmSync(dir, { recursive: true, force: true }))
  const database = options.database ?? started.use(await startPostgres())
  if (options.sql !== undefined) await database.run(options.sql)
  const data = join(dir, 'data')
  const certificates = makeCertificates(dir, ['DNS:localhost', 'IP:127.0.0.1'])
  const ca_file = join(dir, 'target-ca.pem')
  writeFileSync(ca_file, await Bun.file(database.certificates.ca_file).text())
  const password_file = join(dir, 'owner.password')
  writeFileSync(password_file, database.owner.password, { mode: 0o600 })
  const { tls = 'verify-full', policy = nothing_waits } = options
  const config = gatewayConfig({
    dir,
    targets: [],
    keys: [],
    sections: {
      gateway: {
        name: 'edge-1',
        tls: { cert_file: certificates.cert_file, key_file: certificates.key_file },
      },
      listen: { ssh: '127.0.0.1:0', postgres: '127.0.0.1:0', api: '127.0.0.1:0' },
      ...(options.identity === undefined ? {} : { identity: options.identity }),
      targets: [
        {
          name: 'orders',
          protocol: 'postgres',
          address: options.address ?? database.address,
          tls,
          ...(tls === 'off' ? {} : { ca_file }),
          accounts: { owner: { password_file } },
          ...(options.columns === undefined ? {} : { columns: options.columns }),
          ...(options.recorded_rows_max === undefined
            ? {}
            : { recorded_rows_max: options.recorded_rows_max }),
        },
      ],
      ...(options.masking === undefined ? {} : { masking: options.masking }),
      ...(policy === 'builtin' ? {} : { policy: { files: ['./policy.cedar'] } }),
    },
    files: { 'policy.cedar': policy },
  })
  const gateway = started.use(
    await startGateway({ config, data, arguments: options.arguments ?? [] }),
  )
  const minted = await sluice(['token', '--database', '--subject', 'ada', '--data', data])
  if (minted.code !== 0) throw new Error(minted.stderr)
  const login = { user: 'owner@orders', password: minted.stdout.trim() }
  const { port } = gateway.postgres
  const psql: PostgresWorld['psql'] = (words, more) => psqlOn(port, login, words, more)
  const stack = started.move()
  return {
    database,
    gateway,
    dir,
    data,
    config,
    certificates,
    login,
    psql,
    query: (sql) => psql(['-d', 'postgres', '-c', sql]),
    env: clientEnv(login, {
      PGHOST: '127.0.0.1',
      PGPORT: `${port}`,
      PGUSER: login.user,
      PGDATABASE: 'postgres',
    }),
    async show() {
      const shown = await sluice(['show', 'last', '--data', data])
      if (shown.code !== 0) throw new Error(shown.stderr)
      return shown.stdout
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
