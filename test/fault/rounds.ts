/**
 * Rounds of kill -9 at random moments under load, all on one data directory. After each: what a client saw is on record, what
 * ran on the target is on record, the sessions ended as crashed, and verification passes.
 *
 * @module
 */
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openReader } from '../../storage/store/reader.ts'
import { type Guarded, openGuarded, outputOf } from '../fixture/guarded.ts'
import { until } from '../fixture/until.ts'
import { Random } from '../fuzz/random.ts'

export interface RoundsOptions {
  /** The same seed gives the same moments, as far as a machine can. */
  readonly seed: number
  readonly rounds: number
  /** No round begins after so long. */
  readonly budget_ms: number
  readonly say?: (line: string) => void
}

export interface RoundsReport {
  readonly rounds: number
  /** Sessions of which something was seen, and bytes of it. */
  readonly sessions: number
  readonly seen_bytes: number
  /** Commands that ran on the target. */
  readonly ran: number
  /** One line each: what was lost, or did not verify. */
  readonly losses: readonly string[]
}

const talkers = 3
/** For hangs alone: on a machine that is busy with other things a start has taken 40 s, of which it computed for one. */
const ready_ms = 180_000
/** Across a checkpoint or two. */
const moment_ms_max = 2_500
/** One round in so many is counted from the start of the load, others from when something is seen of it. */
const early_of = 4

interface Client {
  readonly tag: string
  /** Resolves with the first byte, or when there is none. */
  readonly first: Promise<void>
  readonly seen: Promise<Uint8Array>
}

export async function crashRounds(options: RoundsOptions): Promise<RoundsReport> {
  const { seed, rounds, budget_ms, say = () => {} } = options
  const random = new Random(seed, 0)
  const begun_ms = performance.now()
  const losses: string[] = []
  let [done, sessions, seen_bytes, ran] = [0, 0, 0, 0]
  await using guarded = await openGuarded({ ready_ms })
  await guarded.trust()
  while (done < rounds && performance.now() - begun_ms < budget_ms) {
    const number = done + 1
    const moment_ms = random.below(moment_ms_max)
    const is_early = random.below(early_of) === 0
    const clients = Array.from({ length: talkers }, (_, at) => talk(guarded, `t${number}x${at}`))
    const touching = touch(guarded, number)
    if (!is_early) await Promise.race(clients.map(({ first }) => first))
    await Bun.sleep(moment_ms)
    await guarded.gateway.kill9()
    const seen = await Promise.all(clients.map((client) => client.seen))
    await touching
    const gone_ms = performance.now()
    await guarded.restart()
    const recovery_ms = performance.now() - gone_ms
    const lose = (what: string): number =>
      losses.push(`round ${number}, ${moment_ms} ms, seed ${seed}: ${what}`)

    for (const [at, { tag }] of clients.entries()) {
      const bytes = seen[at] ?? new Uint8Array()
      if (bytes.length === 0) continue
      sessions++
      seen_bytes += bytes.length
      const why = await whyLost(guarded, tag, bytes)
      if (why !== undefined) lose(`${tag}: ${why}`)
    }
    for (const tag of touchedBy(guarded, number)) {
      ran++
      if ((await sessionOf(guarded, tag)) === undefined)
        lose(`${tag} ran on the target, and is not on record`)
    }
    // What the crash left open is ended by the next gateway within a second.
    await until('every session has ended', async () => (await openSessions(guarded)) === 0)
    const verified = await guarded.verify()
    if (verified.code !== 0) lose(`verification: ${verified.stdout.slice(0, 2_000)}`)
    done++
    say(
      `round ${number}: ${moment_ms} ms, ready after ${Math.round(recovery_ms)} ms, ${seen_bytes} bytes seen, ${losses.length} losses`,
    )
  }
  return { rounds: done, sessions, seen_bytes, ran, losses }
}

/** Follows a file that grows in bursts, with pauses in which an idle flush may come. */
function talk(guarded: Guarded, tag: string): Client {
  const file = join(guarded.dir, `talk-${tag}`)
  let line = 0
  const grow = (): void =>
    appendFileSync(file, Array.from({ length: 200 }, () => `${tag} line ${line++}\n`).join(''))
  grow()
  const timer = setInterval(grow, 30)
  const client = Bun.spawn([...guarded.ssh(), `tail -n +1 -f ${file}`], {
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' },
  })
  const { promise: first, resolve } = Promise.withResolvers<void>()
  const read = async (): Promise<Uint8Array> => {
    const parts: Uint8Array[] = []
    for await (const part of client.stdout) {
      parts.push(part)
      resolve()
    }
    resolve()
    clearInterval(timer)
    client.kill('SIGKILL')
    await client.exited
    rmSync(file)
    return Buffer.concat(parts)
  }
  return { tag, first, seen: read() }
}

const touchedFile = (guarded: Guarded, round: number): string =>
  join(guarded.dir, `touched-${round}`)

/** Runs short commands, one after the other, until the gateway is gone: each leaves its tag on the target. */
async function touch(guarded: Guarded, round: number): Promise<void> {
  const file = touchedFile(guarded, round)
  for (let n = 0; ; n++) {
    const { code } = await guarded.run(`echo c${round}x${n} >> ${file}`)
    if (code !== 0) return
  }
}

function touchedBy(guarded: Guarded, round: number): readonly string[] {
  const file = touchedFile(guarded, round)
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}

async function sessionOf(guarded: Guarded, tag: string): Promise<string | undefined> {
  const reader = openReader(guarded.data)
  try {
    return (await reader.sessions({ text: tag })).sessions[0]?.id
  } finally {
    reader.close()
  }
}

async function openSessions(guarded: Guarded): Promise<number> {
  const reader = openReader(guarded.data)
  try {
    const { sessions } = await reader.sessions({ limit: 1_000 })
    return sessions.filter(({ manifest_digest }) => manifest_digest === undefined).length
  } finally {
    reader.close()
  }
}

async function whyLost(
  guarded: Guarded,
  tag: string,
  seen: Uint8Array,
): Promise<string | undefined> {
  const id = await sessionOf(guarded, tag)
  if (id === undefined) return 'was seen, and is no session on record'
  const recorded = Buffer.from(outputOf(await guarded.records(id), 1))
  if (recorded.length < seen.length)
    return `${seen.length} bytes were seen, and ${recorded.length} are on record`
  return recorded.subarray(0, seen.length).equals(seen) ? undefined : 'other bytes are on record'
}
