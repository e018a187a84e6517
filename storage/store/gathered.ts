/**
 * A gateway's data directory and those of its workers, read as one: a session is in one of them, a list
 * of sessions is merged, and each has a log of its own.
 *
 * @module
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { database_name, journal_name, workers_name } from './layout.ts'
import { sessions_page_default, sessions_page_max } from './limits.ts'
import {
  type FileReader,
  type LogReader,
  openReader,
  type Reader,
  type SessionPage,
  type SessionQuery,
  type SessionRow,
} from './reader.ts'

/** One of the directories. */
export interface Part {
  /** Absolute. */
  readonly data: string
  readonly reader: Reader
}

export type GatheredReader = Omit<Reader, keyof LogReader>

/** Absolute path of a worker's data directory. */
export const workerData = (data: string, number: number): string =>
  join(data, workers_name, String(number))

/** The directories that are there: `data` itself, and those of workers, of today and of earlier days. */
export function dataDirectories(data: string): readonly string[] {
  const folder = join(data, workers_name)
  if (!existsSync(folder)) return [data]
  const numbers = readdirSync(folder)
    .filter((name) => /^[1-9]\d{0,4}$/.test(name))
    .map(Number)
    .filter((number) => isStore(workerData(data, number)))
    .toSorted((a, b) => a - b)
  return [data, ...numbers.map((number) => workerData(data, number))]
}

/** A worker that never came to writing has left a folder and nothing in it. */
const isStore = (data: string): boolean =>
  existsSync(join(data, database_name)) || existsSync(join(data, journal_name))

/** As `openReader`, of all of {@link dataDirectories}. */
export function openGathered(
  data: string,
  key?: Uint8Array,
): GatheredReader & { readonly parts: readonly (Part & { reader: FileReader })[]; close(): void } {
  const parts: (Part & { reader: FileReader })[] = []
  const close = (): void => {
    for (const { reader } of parts) reader.close()
  }
  try {
    for (const directory of dataDirectories(data))
      parts.push({ data: directory, reader: openReader(directory, key) })
  } catch (error) {
    close()
    throw error
  }
  return { ...gather(parts), parts, close }
}

export function gather(parts: readonly Part[]): GatheredReader {
  const readers = parts.map(({ reader }) => reader)
  return {
    due: async (query) => (await Promise.all(readers.map((reader) => reader.due(query)))).flat(),
    erasedBy: (id) => first(readers, (reader) => reader.erasedBy(id)),
    sessions: (query) => mergedSessions(readers, query),
    session: (id) => first(readers, (reader) => reader.session(id)),
    async records(id, from_seq, limit_bytes) {
      const holder = await first(readers, async (reader) =>
        (await reader.session(id)) === undefined ? undefined : reader,
      )
      return (await holder?.records(id, from_seq, limit_bytes)) ?? { records: [] }
    },
    documents: async (type) =>
      (await Promise.all(readers.map((reader) => reader.documents(type)))).flat(),
    document: (digest) => first(readers, (reader) => reader.document(digest)),
  }
}

async function first<T>(
  readers: readonly Reader[],
  ask: (reader: Reader) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const reader of readers) {
    const found = await ask(reader)
    if (found !== undefined) return found
  }
  return undefined
}

/** How far a merged list has come in one directory: nothing yet, up to a cursor of its own, or all. */
type Progress = { readonly cursor?: string } | 'over'

interface Candidate {
  readonly at: number
  readonly row: SessionRow
}

async function mergedSessions(
  readers: readonly Reader[],
  query: SessionQuery,
): Promise<SessionPage> {
  const [only] = readers
  if (readers.length === 1 && only !== undefined) return only.sessions(query)
  const { cursor, limit: asked = sessions_page_default, ...rest } = query
  const limit = Math.min(Math.max(Math.floor(asked), 1), sessions_page_max)
  const progress = readProgress(cursor, readers.length)
  const pages = await Promise.all(
    readers.map(async (reader, at): Promise<SessionPage> => {
      const so_far = progress[at] ?? {}
      return so_far === 'over' ? { sessions: [] } : reader.sessions({ ...rest, ...so_far, limit })
    }),
  )
  const candidates: readonly Candidate[] = pages.flatMap(({ sessions }, at) =>
    sessions.map((row) => ({ at, row })),
  )
  const merged = candidates.toSorted(newestFirst).slice(0, limit)
  const next = await Promise.all(
    readers.map(async (reader, at): Promise<Progress> => {
      const page = pages[at]
      const so_far = progress[at] ?? {}
      if (page === undefined || so_far === 'over') return 'over'
      const taken = merged.filter((candidate) => candidate.at === at).length
      if (taken === 0) return page.sessions.length === 0 ? 'over' : so_far
      // A page of exactly what was taken has the cursor behind it.
      const { cursor: behind } =
        taken === limit ? page : await reader.sessions({ ...rest, ...so_far, limit: taken })
      return behind === undefined ? 'over' : { cursor: behind }
    }),
  )
  const sessions = merged.map(({ row }) => row)
  return next.every((one) => one === 'over') ? { sessions } : { sessions, cursor: written(next) }
}

/** Of the same microsecond, by id: any order will do that is the same each time. */
function newestFirst({ row: a, at: a_at }: Candidate, { row: b, at: b_at }: Candidate): number {
  if (a.started_us !== b.started_us) return b.started_us - a.started_us
  // Within a directory the order is its own.
  return a_at - b_at
}

/** `-` all, `+` nothing yet, or the directory's own cursor. */
const written = (progress: readonly Progress[]): string =>
  progress.map((one) => (one === 'over' ? '-' : (one.cursor ?? '+'))).join('_')

function readProgress(cursor: string | undefined, count: number): readonly Progress[] {
  if (cursor === undefined) return []
  const parts = cursor.split('_')
  // A directory that was added since has newer sessions only, which this list began without.
  if (parts.length > count) throw new RangeError('a cursor comes from the page before')
  return Array.from({ length: count }, (_, at): Progress => {
    const part = parts[at] ?? '-'
    return part === '-' ? 'over' : part === '+' ? {} : { cursor: part }
  })
}
