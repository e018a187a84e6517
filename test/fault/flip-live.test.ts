/**
 * One bit of every byte, at a stride, of a data directory that a gateway left when it was killed: whatever changes of what
 * can be read of it is named by verification, and where that is of one session, with the session.
 *
 * @module
 */
import { expect } from 'bun:test'
import { createHash } from 'node:crypto'
import {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { decodeLogEntry } from '../../storage/evidence/log-entry.ts'
import { storedHashCount } from '../../storage/evidence/merkle.ts'
import { parseTrust, type Trust } from '../../storage/evidence/trust.ts'
import { listSegments } from '../../storage/journal/directory.ts'
import { JournalError } from '../../storage/journal/errors.ts'
import { endOf } from '../../storage/journal/read.ts'
import { openDatabase } from '../../storage/store/database.ts'
import { StoreError } from '../../storage/store/errors.ts'
import { database_name, journal_name } from '../../storage/store/layout.ts'
import { Projection } from '../../storage/store/projection.ts'
import { type FileReader, openReader, type SessionQuery } from '../../storage/store/reader.ts'
import type { Report } from '../../storage/verify/report.ts'
import { verify } from '../../storage/verify/verify.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, sshd, testSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const flips_each_file = 60
const segment_bytes = 4 * 2 ** 20

/** What a reader can see: each part by its name, as a digest. */
type Seen = ReadonlyMap<string, string>

const searches: readonly SessionQuery[] = [
  { subject: 'ann' },
  { group: 'staff' },
  { target: 'web-1' },
  { program: 'echo' },
  { text: 'listed' },
  { text: 'others' },
]

async function look(data: string): Promise<Seen> {
  const seen = new Map<string, string>()
  const put = (name: string, value: unknown): void => {
    const text = JSON.stringify(value ?? null, (_, each: unknown) =>
      each instanceof Uint8Array ? Buffer.from(each).toString('base64') : each,
    )
    seen.set(name, createHash('sha256').update(text).digest('hex'))
  }
  let reader: FileReader | undefined
  try {
    reader = openReader(data)
    const { sessions } = await reader.sessions({})
    put(
      'list',
      sessions.map(({ id }) => id),
    )
    for (const session of sessions) {
      put(`list of ${session.id}`, session)
      put(`records of ${session.id}`, await reader.records(session.id))
      for (const digest of [session.start_digest, session.envelope_digest, session.manifest_digest])
        if (digest !== undefined)
          put(`document ${digest} of ${session.id}`, (await reader.document(digest))?.bytes)
    }
    for (const query of searches)
      put(`search ${JSON.stringify(query)}`, (await reader.sessions(query)).sessions)
    const { size, checkpoint } = await reader.log()
    put('log', { size, checkpoint })
    const entries = await reader.logEntries(0, size)
    put('entries', entries)
    for (const entry of entries) {
      const digest = decodeLogEntry(entry)?.digest ?? ''
      put(`document ${digest}`, await reader.document(digest))
    }
    put('hashes', await reader.logHashes([...Array(storedHashCount(size)).keys()]))
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof JournalError)) throw error
    put('nothing more', error.code)
  } finally {
    reader?.close()
  }
  return seen
}

/** A digest is longer, and no session. */
const sessionIn = (name: string): string | undefined => / of ([0-9a-f-]{36})$/.exec(name)?.[1]

interface Flip {
  readonly file: string
  readonly at: number
}

/** The last one of a file is where its entries end, or its size. */
function placesIn(data: string): readonly Flip[] {
  const journal = join(data, journal_name)
  const ends = [
    ...[database_name, `${database_name}-wal`].map((name) => {
      const file = join(data, name)
      return { file, end: existsSync(file) ? statSync(file).size : 0 }
    }),
    ...listSegments(journal).segments.map(({ path: file, header }) => {
      return { file, end: endOf(journal, header, undefined).at }
    }),
  ]
  return ends.flatMap(({ file, end }) => {
    const stride = Math.max(1, Math.floor(end / flips_each_file))
    return Array.from({ length: Math.floor(end / stride) }, (_, n) => {
      // Not always the same place of a page or a frame.
      return { file, at: n * stride + ((n * 97) % stride) }
    })
  })
}

async function flipped<T>({ file, at }: Flip, run: () => Promise<T>): Promise<T> {
  const fd = openSync(file, 'r+')
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  const bit = 1 << (at % 8)
  const put = (value: number): number => writeSync(fd, Buffer.of(value), 0, 1, at)
  try {
    put((byte[0] ?? 0) ^ bit)
    return await run()
  } finally {
    put(byte[0] ?? 0)
    closeSync(fd)
  }
}

/** Sessions that ended, one that runs, and what was signed of all of them; then the gateway is killed. */
async function leave(guarded: Guarded): Promise<Trust> {
  const secret = `ghp_${'A1b2C3d4E5'.repeat(4).slice(0, 36)}`
  await guarded.run(`echo a listed command; echo ${secret}`)
  await guarded.run('seq 1 50000; echo others >&2; exit 3')
  const client = Bun.spawn([...guarded.ssh(), 'while read n; do echo "<$n>"; done'], {
    ...{ stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' },
  })
  for (let n = 0; n < 30; n++) {
    void client.stdin.write(`${n}\n`)
    void client.stdin.flush()
    await Bun.sleep(20)
  }
  await until('all of it is signed', async () => {
    const { stdout } = await guarded.verify()
    const { findings } = JSON.parse(stdout) as { readonly findings: readonly { code: string }[] }
    return findings.map(({ code }) => code).join() === 'session_open'
  })
  rmSync(join(guarded.dir, 'trust.json'))
  await guarded.trust()
  await guarded.gateway.kill9()
  await client.exited
  const parsed = parseTrust(readFileSync(join(guarded.dir, 'trust.json')))
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.trust
}

/** Copies of what was left, each with one of the places alone that evidence lies in. */
const places = {
  'as it was left, where one place makes up for another': () => {},
  'the journal alone': (data: string) => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(data, `${database_name}${suffix}`))
  },
  'the database alone': (data: string) => {
    // As a gateway does that starts and stops, and has been idle.
    const database = openDatabase(join(data, database_name))
    const projection = new Projection(database, data, { projected: () => {}, lagging: () => {} })
    projection.recover()
    projection.close()
    database.connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
    database.connection.close()
    rmSync(join(data, journal_name), { recursive: true })
  },
} as const

testSlow(
  [ssh, sshd],
  'every flip that changes what can be read is named, and with its session',
  async () => {
    await using guarded = await openGuarded({ sections: { journal: { segment_bytes } } })
    await guarded.trust()
    const trust = await leave(guarded)
    for (const [name, prepare] of Object.entries(places)) {
      const data = join(guarded.dir, name)
      cpSync(guarded.data, data, { recursive: true })
      prepare(data)
      const { unnamed, changed, flips } = await flipAll(data, trust)
      expect(unnamed, name).toEqual([])
      if (name.endsWith('alone')) expect(changed, name).toBeGreaterThan(flips / 4)
    }
  },
  1_200_000,
)

async function flipAll(data: string, trust: Trust) {
  const check = async (): Promise<Pick<Report, 'verdict' | 'findings'>> => {
    let reader: FileReader | undefined
    try {
      reader = openReader(data)
      return await verify(reader, trust)
    } catch (error) {
      // It does not open: so says the CLI, which has nothing else to say then.
      if (error instanceof StoreError && error.code === 'store_damaged')
        return { verdict: 'failed', findings: [] }
      throw error
    } finally {
      reader?.close()
    }
  }
  const before = await look(data)
  expect([...before.keys()]).not.toContain('nothing more')
  const sound = await check()
  expect(sound.verdict, JSON.stringify(sound.findings)).toBe('verified')
  const unnamed: string[] = []
  const flips = placesIn(data)
  let changed = 0
  for (const flip of flips)
    await flipped(flip, async () => {
      const after = await look(data)
      const other = [...before].flatMap(([name, digest]) =>
        after.get(name) === digest ? [] : name,
      )
      if (other.length === 0 && after.size === before.size) return
      changed++
      const { verdict, findings } = await check()
      const failures = findings.filter(({ severity }) => severity === 'failure')
      const where = `${flip.file} ${flip.at}: ${other.join(', ')}: ${JSON.stringify(failures)}`
      if (verdict !== 'failed') unnamed.push(where)
      // A store that does not open is damaged as a whole. Behind a damaged entry the journal has ended: what came after
      // is told by the checkpoint that it lacks.
      if (failures.length === 0 || failures.some(({ code }) => code === 'log_rolled_back')) return
      // Where more than one session is gone the store is.
      const sessions = new Set(other.flatMap((name) => sessionIn(name) ?? []))
      if (sessions.size === 1 && !failures.some(({ session }) => sessions.has(session ?? '')))
        unnamed.push(`without its session: ${where}`)
    })
  expect((await check()).verdict).toBe('verified')
  return { unnamed, changed, flips: flips.length }
}
