/**
 * The command line of `bun run proxy`.
 *
 * @module
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { workers_max } from './limits.ts'
import { Refusal } from './refusal.ts'

const usage = `usage: bun run proxy [--config sluice.yaml] [--data DIR] [--drain SECONDS] [--workers N] [--archive DIR]

  --config FILE    what to guard, and for whom; without one, a trial on loopback
  --data DIR       where the evidence is kept (default: as the configuration says, or ./data)
  --archive DIR    serve the sessions of this store, made from a bucket by sluice index; reading them is logged
                   in the data directory
  --drain SECONDS  how long sessions may go on when the gateway is told to end (default 5)
  --workers N      processes that share its ports, each with its own journal and log (default 1, at most ${workers_max})
`

export interface Options {
  readonly config: string | undefined
  readonly data: string | undefined
  readonly drain_ms: number
  /** Absolute. A store that the API serves instead of the gateway's own. */
  readonly archive: string | undefined
  readonly workers: number
  /** Set in a process that a gateway started: which of its workers it is, and the ports that it shares. */
  readonly worker: ({ readonly number: number } & WorkerPorts) | undefined
}

/** 0 for one of the system's choice; undefined where nothing listens. */
export interface WorkerPorts {
  readonly ssh: number | undefined
  readonly postgres: number | undefined
}

/** Throws {@link Refusal}. Prints the usage and exits for `--help`. */
export function readOptions(words: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        config: { type: 'string' },
        data: { type: 'string' },
        drain: { type: 'string', default: '5' },
        archive: { type: 'string' },
        workers: { type: 'string', default: '1' },
        worker: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(usage)
      process.exit(0)
    }
    const drain_s = Number(values.drain)
    if (!Number.isFinite(drain_s) || drain_s < 0 || drain_s > 3600)
      throw new Refusal(2, `--drain is 0 to 3600 seconds\n${usage}`)
    const workers = wholeNumber(values.workers)
    if (workers === undefined || workers < 1 || workers > workers_max)
      throw new Refusal(2, `--workers is 1 to ${workers_max}\n${usage}`)
    if (workers > 1 && values.config === undefined)
      throw new Refusal(2, `--workers needs --config: the trial is one process\n${usage}`)
    return {
      config: values.config,
      data: values.data,
      drain_ms: drain_s * 1000,
      archive: values.archive === undefined ? undefined : resolve(values.archive),
      workers,
      worker: values.worker === undefined ? undefined : workerOf(values.worker),
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(2, `${error instanceof Error ? error.message : 'wrong usage'}\n${usage}`)
  }
}

/** `NUMBER:SSH:POSTGRES`, as {@link workerWord} writes it. */
function workerOf(word: string): NonNullable<Options['worker']> {
  const [number, ssh, postgres, ...more] = word.split(':').map(wholeNumber)
  if (number === undefined || more.length > 0 || process.send === undefined)
    throw new Refusal(2, `--worker is for the gateway's own use\n${usage}`)
  return { number, ssh, postgres }
}

export const workerWord = (number: number, { ssh, postgres }: WorkerPorts): string =>
  `--worker=${number}:${ssh ?? ''}:${postgres ?? ''}`

const wholeNumber = (text: string): number | undefined =>
  /^\d{1,5}$/.test(text) ? Number(text) : undefined
