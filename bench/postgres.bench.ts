/**
 * PostgreSQL through the gateway, every statement judged, masked and durable, against pgbouncer in session mode and the
 * server itself: pgbench's SELECT in three protocols, a COPY out, one query at a time; and what an idle connection costs in
 * memory. Rounds alternate.
 *
 * @module
 */

import { dialTarget } from '../proxy/connector/postgres/dial.ts'
import { startPgbouncer } from '../test/fixture/pgbouncer.ts'
import { clientEnv, type Login, startPostgres } from '../test/fixture/postgres.ts'
import {
  bind,
  describe,
  execute,
  logIn,
  parse,
  sync,
  type Wire,
  wireOver,
} from '../test/postgres/wire.ts'
import { openWorld } from '../test/postgres/world.ts'
import type { Options } from './main.ts'
import { idleConnections } from './measure/idle-database.ts'
import { startUnrecorded } from './measure/unrecorded.ts'
import { type Figure, figure, type Goal, median, quantile, type Report } from './report.ts'
import { startRelay } from './rival/relay.ts'

type Path = 'direct' | 'pgbouncer' | 'gateway'

interface Way {
  readonly port: number
  readonly login: Login
}

const modes = ['simple', 'extended', 'prepared'] as const
const client_counts = [8, 64]
/** Longer with many clients: pgbench counts the time in which they log in. */
const run_s = { few: 2, many: 5 } as const
type SslMode = 'disable' | 'require'
/** What a gateway that keeps nothing should reach of pgbouncer, which is asked without TLS. */
const unrecorded_runs: readonly (readonly [mode: string, sslmode: SslMode, at_least: number])[] = [
  ['simple', 'disable', 0.9],
  ['extended', 'disable', 1],
  ['prepared', 'disable', 1],
  ['simple', 'require', 0.8],
]
const latency_queries = 2_000
const idle_connections = 1_000

export async function bench(options: Options): Promise<Report> {
  await using database = await startPostgres()
  await using pooler = await startPgbouncer(database)
  await using world = await openWorld({ database, tls: 'off' })
  const { owner } = database
  const ways: Readonly<Record<Path, Way>> = {
    direct: { port: database.port, login: owner },
    pgbouncer: { port: pooler.port, login: owner },
    gateway: { port: world.gateway.postgres.port, login: world.login },
  }
  await pgbench(ways.direct, ['-i', '-q', '-n', '-s', '10'])
  const figures: Figure[] = []
  const goals: Goal[] = []
  const wanted = (part: string): boolean =>
    options.parts.length === 0 || options.parts.includes(part)
  const paths: readonly Path[] = ['direct', 'pgbouncer', 'gateway']

  /** Each path once in a round, in turns; returns the measures of each. */
  const alternate = async (
    measure: (way: Way) => Promise<number>,
  ): Promise<Record<Path, number[]>> => {
    const found: Record<Path, number[]> = { direct: [], pgbouncer: [], gateway: [] }
    for (let round = 0; round < options.rounds; round++)
      for (const path of round % 2 === 0 ? paths : paths.toReversed())
        found[path].push(await measure(ways[path]))
    return found
  }
  const ratio = (found: Record<Path, number[]>, rival: Path): number[] =>
    found.gateway.map((value, round) => value / (found[rival][round] ?? Number.NaN))

  for (const clients of client_counts)
    for (const mode of modes) {
      if (!wanted('select')) continue
      console.error(`postgres: ${clients} clients, ${mode} ...`)
      const found = await alternate((way) => selects(way, clients, mode, options.scale))
      for (const path of paths)
        figures.push(figure(`select ${mode} c${clients} ${path}`, 'tps', found[path]))
      const ratios = ratio(found, 'pgbouncer')
      figures.push(figure(`select ${mode} c${clients} gateway / pgbouncer`, 'ratio', ratios))
      if (clients === 64)
        goals.push({
          name: `select ${mode}, 64 clients, of pgbouncer`,
          ...{ value: median(ratios), unit: '', at_least: 0.6 },
        })
    }

  if (wanted('unrecorded')) {
    await using unrecorded = await startUnrecorded(world.config, world.data)
    await using relay = await startRelay(database.port)
    const bare: Way = { port: unrecorded.port, login: world.login }
    const unread: Way = { port: relay.port, login: owner }
    for (const [mode, sslmode, at_least] of unrecorded_runs) {
      const name = sslmode === 'require' ? `${mode}, TLS` : mode
      console.error(`postgres: nothing recorded, ${name} ...`)
      const found: Record<'rival' | 'unread' | 'ours', number[]> = {
        ...{ rival: [], unread: [], ours: [] },
      }
      const runs = [
        async () => found.rival.push(await selects(ways.pgbouncer, 64, mode, options.scale)),
        async () => found.ours.push(await selects(bare, 64, mode, options.scale, sslmode)),
      ]
      if (sslmode === 'disable')
        runs.push(async () => found.unread.push(await selects(unread, 64, mode, options.scale)))
      for (let round = 0; round < options.rounds; round++)
        for (const run of round % 2 === 0 ? runs : runs.toReversed()) await run()
      const ofRival = (all: readonly number[]): number[] =>
        all.map((tps, round) => tps / (found.rival[round] ?? Number.NaN))
      const ratios = ofRival(found.ours)
      if (sslmode === 'disable')
        figures.push(
          figure(`nothing read, ${name} c64 relay`, 'tps', found.unread),
          figure(`nothing read, ${name} c64 relay / pgbouncer`, 'ratio', ofRival(found.unread)),
        )
      figures.push(
        figure(`nothing recorded, ${name} c64 pgbouncer`, 'tps', found.rival),
        figure(`nothing recorded, ${name} c64 gateway`, 'tps', found.ours),
        figure(`nothing recorded, ${name} c64 gateway / pgbouncer`, 'ratio', ratios),
      )
      goals.push({
        name: `nothing recorded, ${name}, of pgbouncer`,
        ...{ value: median(ratios), unit: '', at_least },
      })
    }
  }

  if (wanted('copy')) {
    console.error('postgres: copy ...')
    const rows = Math.round(options.size_mib * 1024 * 10.24)
    await database.run(
      `CREATE TABLE lines AS SELECT rpad('line ' || n || ' of a log: nothing to see, ', 95, 'move along ') AS line
        FROM generate_series(1, ${rows}) n`,
    )
    await database.run('VACUUM lines')
    const found = await alternate(copy)
    for (const path of paths)
      figures.push(
        figure(
          `copy ${path}`,
          'MiB/s',
          found[path].map((seconds) => options.size_mib / seconds),
        ),
      )
    const ratios = ratio(found, 'direct').map((each) => 1 / each)
    figures.push(figure('copy gateway / direct', 'ratio', ratios))
    goals.push({ name: 'COPY out, of direct', value: median(ratios), unit: '', at_least: 0.5 })
  }

  if (wanted('latency')) {
    console.error('postgres: latency ...')
    const times: Record<Path, { p50: number[]; p99: number[] }> = {
      direct: { p50: [], p99: [] },
      pgbouncer: { p50: [], p99: [] },
      gateway: { p50: [], p99: [] },
    }
    await alternate(async (way) => {
      const taken = await latency(way, Math.max(100, Math.round(latency_queries * options.scale)))
      const path = paths.find((each) => ways[each] === way) ?? 'direct'
      times[path].p50.push(quantile(taken, 0.5))
      times[path].p99.push(quantile(taken, 0.99))
      return 0
    })
    for (const path of paths)
      figures.push(
        figure(`query ${path} p50`, 'ms', times[path].p50),
        figure(`query ${path} p99`, 'ms', times[path].p99),
      )
    const over = times.gateway.p99.map((value, round) => value - (times.direct.p99[round] ?? 0))
    figures.push(figure('query gateway p99 over direct', 'ms', over))
    goals.push({ name: 'a query, p99 over direct', value: median(over), unit: 'ms', at_most: 1 })
  }

  if (wanted('idle')) {
    console.error('postgres: idle connections ...')
    const count = Math.max(50, Math.round(idle_connections * options.scale))
    const each = await idleConnections(count, options.rounds)
    figures.push(figure('idle connection', 'KiB', each))
    goals.push({
      name: `each of ${count} idle connections`,
      ...{ value: median(each), unit: 'KiB', at_most: 60 },
    })
  }

  const method = {
    select: `pgbench -S, scale 10, ${run_s.few} s a round with 8 clients, ${run_s.many} with 64, without TLS`,
    copy: `${options.size_mib} MiB of text in rows of 96 bytes, psql to /dev/null`,
    query: `${latency_queries} prepared queries one after the other`,
    rounds: options.rounds,
    gateway: 'default packs, every record durable, one process',
    unrecorded:
      'a process of the benchmark alone: judged and masked, and nothing kept; TLS to the gateway alone',
    unread: 'a process of the same runtime that passes bytes as they come, and reads none of them',
    server: (await database.run('SHOW server_version')).trim(),
  }
  return { figures, goals, method, detail: {} }
}

async function selects(
  way: Way,
  clients: number,
  mode: string,
  scale: number,
  sslmode: SslMode = 'disable',
): Promise<number> {
  const seconds = Math.max(2, Math.round((clients > 16 ? run_s.many : run_s.few) * scale))
  const said = await pgbench(
    way,
    [...['-S', '-n', '-M', mode, '-c', `${clients}`, '-j', '2', '-T', `${seconds}`]],
    sslmode,
  )
  const tps = Number(/^tps = ([\d.]+)/m.exec(said)?.[1])
  if (!(tps > 0)) throw new Error(`pgbench said nothing of its speed: ${said}`)
  return tps
}

async function pgbench(
  { port, login }: Way,
  words: readonly string[],
  sslmode: SslMode = 'disable',
): Promise<string> {
  const child = Bun.spawn(
    ['pgbench', '-h', '127.0.0.1', '-p', `${port}`, '-U', login.user, ...words, 'postgres'],
    {
      env: clientEnv(login, { PGSSLMODE: sslmode }),
      ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    },
  )
  const [stdout, stderr, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ])
  if (code !== 0) throw new Error(`pgbench: ${stderr}`)
  return stdout
}

/** Wall time in s. */
async function copy({ port, login }: Way): Promise<number> {
  const start = performance.now()
  const child = Bun.spawn(
    [
      ...['psql', '-X', '-h', '127.0.0.1', '-p', `${port}`, '-U', login.user, '-d', 'postgres'],
      ...['-c', 'COPY lines TO STDOUT'],
    ],
    {
      env: clientEnv(login, { PGSSLMODE: 'disable' }),
      ...{ stdin: 'ignore', stdout: Bun.file('/dev/null'), stderr: 'pipe' },
    },
  )
  if ((await child.exited) !== 0) throw new Error(`psql: ${await child.stderr.text()}`)
  return (performance.now() - start) / 1000
}

/** Times in ms. */
async function latency(way: Way, count: number): Promise<number[]> {
  await using wire = await enter(way)
  wire.send(parse('SELECT abalance FROM pgbench_accounts WHERE aid = $1::int', 'q'))
  wire.send(describe('S', 'q'), sync())
  await wire.ready()
  const times: number[] = []
  for (let n = 0; n < count; n++) {
    const start = performance.now()
    wire.send(bind({ name: 'q', values: [`${1 + (n % 100_000)}`] }), execute(), sync())
    await wire.ready()
    times.push(performance.now() - start)
  }
  return times
}

/** The gateway asks for a token; the others for a proof, as it is asked itself. */
async function enter({ port, login }: Way): Promise<Wire> {
  const { user, password } = login
  if (user.includes('@')) return logIn(port, login)
  const { stream } = await dialTarget(
    {
      ...{ name: 'rival', host: '127.0.0.1', port, tls: { kind: 'off' } },
      ...{ password: () => password, columns: new Map() },
    },
    user,
    new Map([
      ['user', user],
      ['database', 'postgres'],
    ]),
  )
  return wireOver(stream)
}
