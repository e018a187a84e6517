/**
 * Stores as they are after years: a million commands of some hundred people, or a log of ten million entries. Made by
 * the store's own projection, out of the entries that a recorder writes; the same seed gives the same store.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { encodeLogEntry } from '../../storage/evidence/log-entry.ts'
import {
  leafHash,
  MerkleTree,
  storedHashes,
  storedHashIndex,
} from '../../storage/evidence/merkle.ts'
import { openDatabase } from '../../storage/store/database.ts'
import { Batch } from '../../storage/store/fold.ts'
import { database_name } from '../../storage/store/layout.ts'
import type { Statement } from '../../storage/store/libsql.ts'
import { batch_entries_max } from '../../storage/store/limits.ts'
import { Projector } from '../../storage/store/project.ts'

export const commands_of_session = 20
const began_ms = Date.UTC(2026, 0, 1)
/** Between two sessions. */
const step_ms = 20_000

/** When session `number` began: UTC, microseconds. */
export const startedOf = (number: number): number => (began_ms + number * step_ms) * 1000

const people = 400
const targets = 300
const groups: readonly string[] = [
  'staff',
  'ops',
  'dev',
  'dba',
  'contractors',
  'on-call',
  'audit',
  'support',
]

const programs: readonly string[] = [
  ...['ls', 'cat', 'grep', 'systemctl', 'sudo', 'tail', 'journalctl', 'vim', 'docker', 'kubectl'],
  ...['psql', 'curl', 'ps', 'df', 'find', 'rm', 'cp', 'chmod', 'tar', 'rsync', 'strace', 'gdb'],
]
const things: readonly string[] = Array.from({ length: 5_000 }, (_, at) => `thing${at}`)

/** Sessions of {@link commands_of_session} commands each; returns how many commands can be found. */
export function fillStore(data: string, sessions: number): number {
  const fill = new Fill(data)
  const random = randomOf(1)
  const pick = <Item>(from: readonly Item[]): Item => skewed(from, random)
  for (let number = 0; number < sessions; number++) {
    const id = `018bcfe5-6800-7000-8000-${number.toString(16).padStart(12, '0')}`
    const time_ms = startedOf(number) / 1000
    const document = documentOf('session.started', {
      session: id,
      time: new Date(time_ms).toISOString(),
      ...{ protocol: 'ssh', account: 'deploy', labels: { env: 'prod' }, source: '10.0.0.1:5000' },
      target: `web-${Math.floor(random() ** 2 * targets)}`,
      identity: {
        ...{ issuer: 'https://idp.example.com', method: 'oidc', credential: 'SHA256:x' },
        subject: `person-${Math.floor(random() ** 2 * people)}`,
        groups: [...new Set([groups[0], pick(groups)])],
      },
      envelope: 'e'.repeat(64),
    })
    fill.add({ kind: 'document', type: 'session.started', ...document })
    for (let seq = 0; seq < commands_of_session; seq++) {
      // A program that went out of use half way: only old sessions have it.
      const program = seq === 3 && number < sessions / 2 ? 'oldtool' : pick(programs)
      // One command in fifty thousand has the word that is looked for as a needle.
      const rare = Math.floor(random() * 50_000) === 0 ? ' needle' : ''
      const text = `${program} --of ${pick(things)} ${pick(things)}.service /var/log/${pick(things)}${rare}`
      const header = {
        ...{ v: 1, session: id, seq, t_us: (time_ms + seq) * 1000, channel: 1, kind: 'command' },
        ...{ bytes: text.length, confidence: 'exact', spans: [] },
      }
      const bytes = Buffer.from(`${JSON.stringify(header)}\n${text}`)
      fill.add({ kind: 'record', session: id, seq, bytes })
    }
    const ended = documentOf('session.ended', { session: id, end_reason: 'client' })
    fill.add({ kind: 'document', type: 'session.ended', ...ended })
  }
  return fill.close()
}

/** A log of so many entries, their times a tenth of a second apart: rows of the log's tables, many to a statement. */
export function fillLog(data: string, entries: number): Uint8Array {
  const { connection } = openDatabase(join(data, database_name))
  const tree = new LogTree()
  const statements: Partial<Record<'log_entry' | 'log_hash', Statement>> = {}
  const rows = { log_entry: [], log_hash: [] } as Record<'log_entry' | 'log_hash', Row[]>
  const flush = (table: 'log_entry' | 'log_hash', count: number): void => {
    const values = rows[table].splice(0, count)
    if (values.length === 0) return
    const places = (): string => values.map(() => '(?, ?)').join()
    const prepare = (): Statement => connection.prepare(`INSERT INTO ${table} VALUES ${places()}`)
    if (values.length === rows_of_statement) statements[table] ??= prepare()
    const statement = values.length === rows_of_statement ? statements[table] : prepare()
    statement?.run(...values.flat())
  }
  connection.exec('BEGIN')
  for (let index = 0; index < entries; index++) {
    const bytes = logEntryOf(index)
    rows.log_entry.push([index, bytes])
    rows.log_hash.push(...tree.append(bytes))
    for (const table of ['log_entry', 'log_hash'] as const)
      while (rows[table].length >= rows_of_statement) flush(table, rows_of_statement)
    if (index % 100_000 !== 99_999) continue
    connection.exec('COMMIT')
    connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
    connection.exec('BEGIN')
  }
  flush('log_entry', rows_of_statement)
  flush('log_hash', rows_of_statement)
  connection.exec('COMMIT')
  connection.close()
  return tree.root()
}

type Row = readonly [no: number, bytes: Uint8Array]

const rows_of_statement = 500

/** Every hash of a growing log at its place. */
class LogTree {
  readonly #lefts = new Map<number, Uint8Array>()
  readonly #tree = new MerkleTree()

  append(entry: Uint8Array): Row[] {
    const index = this.#tree.size
    const hashes = storedHashes(index, entry, (places) =>
      places.map((place) => {
        const hash = this.#lefts.get(place)
        if (hash === undefined) throw new Error('a left side was kept')
        this.#lefts.delete(place)
        return hash
      }),
    )
    const first = storedHashIndex(0, index)
    const last = hashes.at(-1)
    if (last !== undefined) this.#lefts.set(first + hashes.length - 1, last)
    this.#tree.append(leafHash(entry))
    return hashes.map((hash, at) => [first + at, hash])
  }

  root(): Uint8Array {
    return this.#tree.root()
  }
}

/** Entry number `index` of {@link fillLog}. */
export function logEntryOf(index: number): Uint8Array {
  return encodeLogEntry({
    ...{ v: 1, type: 'session.ended', time: timeOf(index) },
    id: `018bcfe5-6800-7000-8000-${index.toString(16).padStart(12, '0')}`,
    digest: digestOfEntry(index),
  })
}

const timeOf = (index: number): string => new Date(began_ms + index * 100).toISOString()

/** No document's: nobody asks for one. */
const digestOfEntry = (index: number): string => index.toString(16).padStart(64, '0')

class Fill {
  readonly #database: ReturnType<typeof openDatabase>
  readonly #projector: Projector
  readonly #batch = new Batch()
  #lsn = 0

  constructor(data: string) {
    this.#database = openDatabase(join(data, database_name))
    this.#projector = new Projector(this.#database)
  }

  add(entry: Parameters<Batch['add']>[1]): void {
    this.#batch.add(++this.#lsn, entry)
    if (this.#batch.entries >= batch_entries_max) this.#write()
  }

  close(): number {
    this.#write()
    const { connection } = this.#database
    const { count } = connection.prepare('SELECT count(*) AS count FROM command').get() as {
      count: number
    }
    connection.close()
    return count
  }

  #write(): void {
    this.#projector.apply(this.#batch)
    this.#batch.clear()
    if (this.#lsn % 64 === 0) return
    this.#database.connection.prepare('PRAGMA wal_checkpoint(PASSIVE)').all()
  }
}

function documentOf(
  type: string,
  facts: Readonly<Record<string, unknown>>,
): { digest: string; bytes: Uint8Array } {
  const salt = createHash('sha256').update(JSON.stringify(facts)).digest()
  const bytes = Buffer.concat([salt, Buffer.from(JSON.stringify({ v: 1, type, ...facts }))])
  return { digest: createHash('sha256').update(bytes).digest('hex'), bytes }
}

/** The first are the most frequent. */
function skewed<Item>(from: readonly Item[], random: () => number): Item {
  const item = from[Math.floor(random() ** 2 * from.length)]
  if (item === undefined) throw new Error('a list has its items')
  return item
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
