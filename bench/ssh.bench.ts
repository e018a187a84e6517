/**
 * SSH through the gateway, masked and recorded, against OpenSSH: bulk with its CPU and memory, a second
 * session's echo meanwhile, a keystroke's echo, connect and exec, idle sessions. Rounds alternate
 * between the paths, so that a busy moment of the machine meets all of them.
 *
 * @module
 */
import { join } from 'node:path'
import type { Options } from './main.ts'
import { typeTogether } from './measure/active.ts'
import { maskedOf, receiveBulk, timeBulk } from './measure/bulk.ts'
import { timeDurable } from './measure/durable.ts'
import { type Idle, openIdle, openIdleSsh } from './measure/idle.ts'
import { writeInput } from './measure/input.ts'
import { cpuBetween, cpuOf, forgetPeak, peakOf, rssOf, sampleRss } from './measure/process.ts'
import { echo_command, typeKeys } from './measure/terminal.ts'
import { type Figure, figure, type Goal, median, quantile, type Report } from './report.ts'
import { cipher, key_exchange, openPaths, type Path, type Paths } from './rival/paths.ts'

/** Bun names every Worker alike: they are told apart by the order in which main.ts starts them. */
const stages: Readonly<Record<string, string>> = { Worker: 'store', 'Worker 2': 'recorder' }

type Part = (paths: Paths, options: Options) => Promise<Partial<Report>>

const parts: Readonly<Record<string, Part>> = {
  bulk,
  competing,
  keys,
  connect,
  idle,
  active,
  crowd,
}

export async function bench(options: Options): Promise<Report> {
  await using paths = await openPaths(options.paths)
  const figures: Figure[] = []
  const goals: Goal[] = []
  const detail: Record<string, unknown> = {}
  for (const [name, part] of Object.entries(parts)) {
    if (options.parts.length > 0 && !options.parts.includes(name)) continue
    console.error(`ssh: ${name} ...`)
    try {
      const found = await part(paths, options)
      figures.push(...(found.figures ?? []))
      goals.push(...(found.goals ?? []))
      Object.assign(detail, found.detail)
    } catch (error) {
      // The other parts are still worth having.
      console.error(`ssh: ${name} failed: ${String(error)}`)
      detail[name] = { failed: String(error) }
    }
  }
  const method = {
    input: `${options.size_mib} MiB, log text and random bytes in alternating pieces of 1 MiB`,
    cipher,
    key_exchange,
    rounds: options.rounds,
    scale: options.scale,
    paths: paths.names,
  }
  return { figures, goals, method, detail }
}

/** 1 GiB from the target to the client. */
async function bulk(paths: Paths, options: Options): Promise<Partial<Report>> {
  const file = join(paths.dir, 'input')
  writeInput(file, options.size_mib)
  const gib = options.size_mib / 1024
  const speeds = perPath()
  const cpu = new Map<string, number[]>()
  const peaks: number[] = []
  const rss: number[][] = []

  // Once through each path, unmeasured but checked: it also warms caches and compilers.
  const received: Record<string, string> = {}
  for (const path of paths.names) received[path] = await checkBulk(paths, path, file, options)
  for (let round = 0; round < options.rounds; round++)
    for (const path of rotated(paths.names, round)) {
      const pid = path === 'gateway' ? paths.gateway?.pid : undefined
      const before = pid === undefined ? undefined : cpuOf(pid)
      const sampler = pid === undefined ? undefined : sampleRss(pid, 200)
      if (pid !== undefined) await forgetPeak(pid)
      speeds[path].push(options.size_mib / (await timeBulk(paths.ssh(path), file)))
      if (pid === undefined || before === undefined) continue
      rss.push(sampler?.stop() ?? [])
      peaks.push(peakOf(pid) / 2 ** 20)
      const spent = cpuBetween(before, cpuOf(pid))
      for (const [thread, seconds] of [['all', sum(spent)] as const, ...spent])
        cpu.set(thread, [...(cpu.get(thread) ?? []), seconds / gib])
    }

  const ratios = speeds.gateway.map((speed, round) => speed / (speeds.jump[round] ?? Number.NaN))
  const figures = paths.names.map((path) => figure(`bulk ${path}`, 'MiB/s', speeds[path]))
  if (paths.gateway === undefined) return { figures, detail: { received } }
  figures.push(figure('bulk gateway / jump', 'ratio', ratios))
  // A thread that takes less than 1 % of a core is noise in the table.
  for (const [thread, seconds] of cpu)
    if (median(seconds) >= 0.02)
      figures.push(figure(`cpu ${stages[thread] ?? thread}`, 's/GiB', seconds))
  figures.push(figure('peak RSS in bulk', 'MiB', peaks))
  const goals: Goal[] = [
    { name: 'peak RSS in bulk', value: Math.max(...peaks), unit: 'MiB', at_most: 400 },
  ]
  if (speeds.jump.length > 0)
    goals.unshift({ name: 'bulk, of ProxyJump', value: median(ratios), unit: '', at_least: 0.5 })
  return { figures, goals, detail: { received, rss_mib_each_200_ms: rss } }
}

/** Whether what arrived is what was sent, but for what the gateway masked and recorded as masked. */
async function checkBulk(
  paths: Paths,
  path: Path,
  file: string,
  options: Options,
): Promise<string> {
  const { bytes, differing } = await receiveBulk(paths.ssh(path), file)
  const masked = path === 'gateway' ? await maskedOf(paths.data) : []
  const unexplained = differing.filter(
    ([at, length]) => !masked.some(([from, n]) => from <= at && at + length <= from + n),
  )
  if (bytes !== options.size_mib * 2 ** 20 || unexplained.length > 0) {
    console.error(
      `ssh: bulk ${path}: WRONG BYTES: ${bytes} bytes, ${unexplained.length} runs differ`,
    )
    return `wrong: ${bytes} bytes, ${unexplained.length} runs differ without a mask on record`
  }
  return masked.length === 0 ? 'equal' : `equal but for ${masked.length} masked spans`
}

/** Somebody types in a second session while the first carries bulk. */
async function competing(paths: Paths, options: Options): Promise<Partial<Report>> {
  const file = join(paths.dir, 'input')
  if (!(await Bun.file(file).exists())) writeInput(file, options.size_mib)
  const p50 = perPath()
  const p99 = perPath()
  for (let round = 0; round < options.rounds; round++)
    for (const path of rotated(paths.names, round)) {
      // The keys begin before the bulk ends even where logging in is slow.
      const done = Bun.sleep(1000).then(() => timeBulk(paths.ssh(path), file))
      const typed = typeKeys([...paths.ssh(path, '-tt'), echo_command], {
        keys: 5000,
        pause_ms: [2, 10],
        until: done,
      })
      const [times] = await Promise.all([typed, done])
      p50[path].push(quantile(times, 0.5))
      p99[path].push(quantile(times, 0.99))
    }
  const figures = paths.names.flatMap((path) => [
    figure(`echo during bulk ${path} p50`, 'ms', p50[path]),
    figure(`echo during bulk ${path} p99`, 'ms', p99[path]),
  ])
  if (paths.gateway === undefined) return { figures }
  const name = 'second session echo p99'
  return { figures, goals: [{ name, value: median(p99.gateway), unit: 'ms', at_most: 15 }] }
}

/** A keystroke's echo with nothing else to do. */
async function keys(paths: Paths, options: Options): Promise<Partial<Report>> {
  const names = paths.names.filter((path) => path !== 'jump')
  const p50 = perPath()
  const p99 = perPath()
  const durable: number[] = []
  const pause_ms = [4, 12] as const
  for (let round = 0; round < options.rounds; round++) {
    for (const path of rotated(names, round)) {
      const times = await typeKeys([...paths.ssh(path, '-tt'), echo_command], {
        keys: Math.ceil(1000 * options.scale),
        pause_ms,
      })
      p50[path].push(quantile(times, 0.5))
      p99[path].push(quantile(times, 0.99))
    }
    durable.push(quantile(await timeDurable(paths.dir, 200, pause_ms), 0.5))
  }
  const figures = [
    ...names.flatMap((path) => [
      figure(`echo ${path} p50`, 'ms', p50[path]),
      figure(`echo ${path} p99`, 'ms', p99[path]),
    ]),
    // A key and its echo are one each, and neither is passed on before.
    figure('one durable write p50', 'ms', durable),
  ]
  if (p50.gateway.length === 0 || p50.direct.length === 0) return { figures }
  const over = (q: typeof p50): number => median(q.gateway) - median(q.direct)
  return {
    figures,
    goals: [
      { name: 'echo over direct p50', value: over(p50), unit: 'ms', at_most: 1 },
      { name: 'echo over direct p99', value: over(p99), unit: 'ms', at_most: 5 },
    ],
  }
}

/** Connect, run nothing, leave: one after another, the paths in turn. */
async function connect(paths: Paths, options: Options): Promise<Partial<Report>> {
  const count = Math.ceil(100 * options.scale)
  const times = perPath()
  for (let n = 0; n < count; n++)
    for (const path of rotated(paths.names, n)) {
      const start = performance.now()
      const child = Bun.spawn([...paths.ssh(path), 'true'], { stdin: 'ignore', stderr: 'pipe' })
      if ((await child.exited) !== 0)
        throw new Error(`connect ${path}: ${await child.stderr.text()}`)
      times[path].push(performance.now() - start)
    }
  const rate = (path: Path): number =>
    (1000 * times[path].length) / times[path].reduce((a, b) => a + b, 0)
  const figures = paths.names.flatMap((path) => [
    { name: `connect + exec ${path}`, unit: '1/s', value: rate(path), rounds: [] },
    { ...figure(`connect + exec ${path} p50`, 'ms', times[path]), rounds: [] },
  ])
  if (times.gateway.length === 0 || times.direct.length === 0) return { figures }
  const value = rate('gateway') / rate('direct')
  return {
    figures,
    goals: [{ name: 'connect + exec, of direct', value, unit: '', at_least: 0.9 }],
    detail: { connect_ms: times },
  }
}

/** What a session costs that does nothing. */
async function idle(paths: Paths, options: Options): Promise<Partial<Report>> {
  const { gateway } = paths
  if (gateway === undefined) return {}
  const many = Math.ceil(500 * options.scale)
  const real = Math.ceil(100 * options.scale)
  const growth = async (count: number, open: () => Promise<Idle>): Promise<number> => {
    const before = await settled(gateway.pid)
    const sessions = await open()
    const after = await settled(gateway.pid)
    await sessions.close()
    return (after - before) / 1000 / count
  }
  // What the first sessions load and compile is no session's cost.
  await growth(20, () => openIdle(paths.through, 20))
  const ssh = await growth(real, () => openIdleSsh(paths.ssh('gateway'), real))
  // So many of these live in the memory that the real ones left, and cost nothing: the others bear it all.
  const light = await growth(many - real, () => openIdle(paths.through, many))
  return {
    figures: [
      figure(`idle, ${many} sessions`, 'KB each', [light]),
      figure(`idle, ${real} of the real ssh`, 'KB each', [ssh]),
    ],
    goals: [{ name: 'RSS of an idle session', value: light, unit: 'KB', at_most: 200 }],
  }
}

/** Two hundred people who type ten keys a second each. */
async function active(paths: Paths, options: Options): Promise<Partial<Report>> {
  if (paths.gateway === undefined) return {}
  const count = Math.ceil(200 * options.scale)
  const hops = { direct: paths.direct, jump: paths.jump, gateway: paths.through } as const
  const names = (['direct', 'jump', 'gateway'] as const).filter((path) =>
    paths.names.includes(path),
  )
  const p50 = perPath()
  const p99 = perPath()
  const cores = new Map<string, number[]>()
  for (let round = 0; round < options.rounds; round++)
    for (const path of rotated(names, round)) {
      const pid = path === 'gateway' ? paths.gateway.pid : undefined
      const typing = await typeTogether(hops[path], count, 15, pid)
      p50[path].push(quantile(typing.times, 0.5))
      p99[path].push(quantile(typing.times, 0.99))
      for (const [thread, used] of typing.cores) {
        const name = thread.replace(/^gateway (.*)$/, (_, it) => `gateway's ${stages[it] ?? it}`)
        cores.set(`${name}, ${path}`, [...(cores.get(`${name}, ${path}`) ?? []), used])
      }
    }
  const figures = names.flatMap((path) => [
    figure(`echo, ${count} type, ${path} p50`, 'ms', p50[path]),
    figure(`echo, ${count} type, ${path} p99`, 'ms', p99[path]),
  ])
  // What takes less than 1 % of a core is noise in the table.
  for (const [name, used] of cores)
    if (median(used) >= 0.01) figures.push(figure(`cores, ${count} type, ${name}`, '', used))
  const name = `echo p99, ${count} type`
  return { figures, goals: [{ name, value: median(p99.gateway), unit: 'ms', at_most: 10 }] }
}

/** Two thousand sessions that do nothing, and one person who types beside them. */
async function crowd(paths: Paths, options: Options): Promise<Partial<Report>> {
  const { gateway } = paths
  if (gateway === undefined) return {}
  const count = Math.ceil(2_000 * options.scale)
  const before = await settled(gateway.pid)
  const sessions = await openIdle(paths.through, count)
  const each = ((await settled(gateway.pid)) - before) / 1000 / count
  const times = await typeKeys([...paths.ssh('gateway', '-tt'), echo_command], {
    keys: Math.ceil(500 * options.scale),
    pause_ms: [4, 12],
  })
  await sessions.close()
  return {
    figures: [
      figure(`idle, ${count} sessions`, 'KB each', [each]),
      figure(`echo beside ${count} idle p50`, 'ms', [quantile(times, 0.5)]),
      figure(`echo beside ${count} idle p99`, 'ms', [quantile(times, 0.99)]),
    ],
    goals: [{ name: `RSS of one of ${count} idle`, value: each, unit: 'KB', at_most: 200 }],
  }
}

/** RSS once it no longer moves much, or after 10 s. */
async function settled(pid: number): Promise<number> {
  let last = rssOf(pid)
  for (let attempt = 0; attempt < 10; attempt++) {
    await Bun.sleep(1000)
    const now = rssOf(pid)
    if (Math.abs(now - last) < last / 200) return now
    last = now
  }
  return last
}

function perPath(): Record<Path, number[]> {
  return { direct: [], jump: [], gateway: [], workers: [] }
}

/** Starts with another path in each round: whoever is first in a pair gains or loses by it. */
function rotated<Name>(names: readonly Name[], by: number): Name[] {
  return names.map((_, index) => names[(index + by) % names.length] as Name)
}

function sum(spent: readonly (readonly [string, number])[]): number {
  return spent.reduce((total, [, seconds]) => total + seconds, 0)
}
