/**
 * How long a search takes among a million commands, asked as the API asks: through the store's Worker, a page at a time.
 *
 * @module
 */
import { startStore } from '../../storage/store/client.ts'
import type { SessionQuery } from '../../storage/store/reader.ts'
import { startedOf } from './large-store.ts'

const page = 50

/** Kinds of searches: each filter, alone and beside others, frequent and seldom, of today and of long ago. */
function searchesOf(sessions: number): Readonly<Record<string, SessionQuery>> {
  const half = startedOf(sessions / 2)
  return {
    everything: {},
    subject: { subject: 'person-3' },
    'subject, seldom': { subject: 'person-399' },
    target: { target: 'web-7' },
    group: { group: 'ops' },
    time: { since: startedOf(sessions / 4), until: half },
    program: { program: 'ls' },
    'program, of long ago': { program: 'oldtool' },
    'program, subject': { program: 'gdb', subject: 'person-17' },
    'program, group, time': { program: 'sudo', group: 'ops', since: half },
    'subject, target': { subject: 'person-3', target: 'web-3' },
    'text, frequent': { text: 'ls' },
    'text, in every command': { text: 'var log' },
    'text, seldom': { text: 'needle' },
    'text, of long ago': { text: 'oldtool' },
    'text, of long ago, since': { text: 'oldtool', since: startedOf(sessions * 0.6) },
    'text, two words': { text: 'grep thing3' },
    'text, a path': { text: '/var/log/thing3' },
    'text, not there': { text: 'nowhere' },
    'text, subject': { text: 'grep', subject: 'person-3' },
    'text, seldom a subject': { text: 'grep', subject: 'person-399' },
    'text, program': { text: 'thing17', program: 'sudo' },
    'text, group, time': { text: 'sudo', group: 'dba', until: half },
  }
}

/** Milliseconds of each time, by kind; each kind with its first page and, where there is one, the next. */
export async function searchTimes(
  data: string,
  sessions: number,
  rounds: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const store = await startStore(data, { projected: () => {} })
  const times = new Map<string, number[]>()
  try {
    for (let round = 0; round < rounds; round++)
      for (const [kind, query] of Object.entries(searchesOf(sessions))) {
        const took = times.get(kind) ?? []
        times.set(kind, took)
        const asked = async (cursor?: string): Promise<string | undefined> => {
          const begun = performance.now()
          const found = await store.sessions({
            ...query,
            limit: page,
            ...(cursor === undefined ? {} : { cursor }),
          })
          took.push(performance.now() - begun)
          return found.cursor
        }
        const next = await asked()
        if (next !== undefined) await asked(next)
      }
  } finally {
    await store.stop()
  }
  return times
}
