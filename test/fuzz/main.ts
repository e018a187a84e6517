/**
 * `bun run fuzz masking [--seed N] [--minutes 20] [--fragments 10000000] [--workers 2]`: the masking core with all rules
 * against the oracle, one stream in eight a terminal's against a naive screen, until the fragments or the minutes are used up. It prints the seed and how far it is, keeps each find in
 * `test/fuzz/corpus/`, which `bun test` runs again, and exits 0 when there was none and the fragments were all made in time.
 *
 * `bun run fuzz crash [--seed N] [--rounds 100]`: a gateway under load is killed at random moments, a hundred times. It exits 0
 * when nothing was lost.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crashRounds } from '../fault/rounds.ts'
import type { Find, Tally } from './masking.ts'
import type { ScreenFind, ScreenTally } from './screen.ts'
import type { Begin, Progress } from './worker.ts'

const usage = `usage: bun run fuzz masking [--seed N] [--minutes 20] [--fragments 10000000] [--workers 2]
       bun run fuzz crash [--seed N] [--rounds 100]`

const { values, positionals } = parseArgs({
  args: Bun.argv.slice(2),
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    minutes: { type: 'string', default: '20' },
    fragments: { type: 'string', default: '10000000' },
    workers: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '100' },
  },
})
const numbers = [values.seed, values.minutes, values.fragments, values.workers, values.rounds].map(
  Number,
)
const isSound = numbers.every((value) => Number.isFinite(value) && value >= 0)
const [subject = ''] = positionals
if (!isSound || positionals.length !== 1 || !['masking', 'crash'].includes(subject)) {
  console.error(usage)
  process.exit(2)
}
const [seed_given = 0, minutes_max = 0, fragments_due = 0, threads_of_ours = 0, rounds_due = 0] =
  numbers
process.exit(
  subject === 'crash'
    ? await crash(seed_given, rounds_due)
    : await fuzz(seed_given, minutes_max, fragments_due, threads_of_ours),
)

async function crash(seed: number, due: number): Promise<number> {
  console.log(`seed ${seed}: ${due} rounds of kill -9`)
  const found = await crashRounds({
    ...{ seed, rounds: due, budget_ms: Number.POSITIVE_INFINITY, say: console.log },
  })
  console.log(JSON.stringify(found, null, 2))
  return found.losses.length === 0 && found.rounds === due && found.ran > 0 ? 0 : 1
}

async function fuzz(
  seed: number,
  minutes: number,
  fragments: number,
  workers: number,
): Promise<number> {
  console.log(`seed ${seed}: ${fragments} fragments in ${minutes} minutes, ${workers} workers`)
  const began = performance.now()
  const finds: (Find | ScreenFind)[] = []
  const tallies = new Map<number, Tally>()
  const screens = new Map<number, ScreenTally>()
  const { promise: over, resolve: end, reject } = Promise.withResolvers<void>()
  const threads = Array.from({ length: workers }, (_, stream) => {
    const thread = new Worker(new URL('./worker.ts', import.meta.url).href)
    thread.onmessage = ({ data }: MessageEvent<Progress>) => {
      tallies.set(stream, data.tally)
      screens.set(stream, data.screens)
      for (const find of data.finds) {
        finds.push(find)
        console.log(`${keep(find)}: ${find.reason}`)
      }
      if (made() >= fragments || finds.length >= 20) end()
    }
    thread.onerror = ({ message }) => reject(new Error(message))
    const begin: Begin = { seed, stream }
    thread.postMessage(begin)
    return thread
  })
  const sum = (member: keyof Tally): number =>
    [...tallies.values()].reduce((total, tally) => total + tally[member], 0)
  const onScreens = (member: keyof ScreenTally): number =>
    [...screens.values()].reduce((total, tally) => total + tally[member], 0)
  const made = (): number => sum('fragments') + onScreens('fragments')
  const seconds = (): number => (performance.now() - began) / 1000
  const busySeconds = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  const line = (): string =>
    `${Math.round(seconds())} s: ${made()} fragments (${Math.round(made() / busySeconds())} a second of processor time), ` +
    `${sum('streams')} streams, ${(sum('bytes') / 1e6).toFixed(0)} MB, ${sum('spans')} spans due, ` +
    `${sum('crowded')} streams crowded; on terminals ${onScreens('fragments')} fragments, ${onScreens('streams')} streams, ` +
    `${onScreens('exact')} of them nowhere written over, ${onScreens('spans')} spans due; ${finds.length} finds`
  const progress = setInterval(() => console.log(line()), 30_000)
  const timeout = setTimeout(end, minutes * 60_000)
  try {
    await over
  } finally {
    clearInterval(progress)
    clearTimeout(timeout)
    for (const thread of threads) thread.terminate()
  }
  const isEnough = made() >= fragments && sum('spans') > 0 && onScreens('spans') > 0
  const leaks = finds.filter(({ reason }) => reason.startsWith('leak')).length
  console.log(line())
  console.log(
    `${made()} of ${fragments} fragments in ${Math.round(seconds())} s: ${finds.length - leaks} differences, ${leaks} leaks` +
      (isEnough || finds.length > 0 ? '' : '; too few fragments, or nothing in them'),
  )
  return finds.length === 0 && isEnough ? 0 : 1
}

/** By its content, so that one that comes again is the same file. */
function keep(find: Find | ScreenFind): string {
  const text = `${JSON.stringify(find, null, 2)}\n`
  const name = `${createHash('sha256').update(find.stream).digest('hex').slice(0, 16)}.json`
  const path = join(import.meta.dir, 'corpus', name)
  writeFileSync(path, text)
  return path
}
