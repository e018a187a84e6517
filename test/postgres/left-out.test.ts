/** A target whose results go on record with their first rows alone: clients see all, the record has a digest of the rest. */
import { describe, expect } from 'bun:test'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { message } from '../../proxy/connector/postgres/message.ts'
import type { RecordHeader } from '../../storage/evidence/record.ts'
import { sluice } from '../fixture/gateway.ts'
import { recordsOf } from '../fixture/guarded.ts'
import { inWorld } from './in-world.ts'
import { bind, execute, logIn, parse, query, sync, type Wire } from './wire.ts'
import type { PostgresWorld } from './world.ts'

const kept = 3
const count = 5_000
const token = `glpat-${'ABCDEFGHIJKLMNOPQRST'}`
/** Row 4,321 has a secret, and so has row 2. */
const note = (n: number, hidden = token): string =>
  n === 2 || n === 4321 ? `see ${hidden}` : `note ${n} of many`
const stars = '*'.repeat(token.length)

let world: PostgresWorld
const holds = inWorld(
  {
    recorded_rows_max: kept,
    columns: { 'public.notes.pin': 'pin' },
    sql: `CREATE TABLE notes AS SELECT n, CASE WHEN n IN (2, 4321) THEN 'see ${token}' ELSE 'note ' || n || ' of many' END AS note,
      'pin' || n AS pin FROM generate_series(1, ${count}) n`,
  },
  (made) => {
    world = made
  },
)

/** Up to ReadyForQuery: the rows of each result, as messages, without those that go on record. */
async function behindKept(wire: Wire): Promise<Buffer[]> {
  const results: Buffer[][] = [[]]
  for (;;) {
    const { type, body } = await wire.next()
    if (type === 'Z') return results.slice(0, -1).map((rows) => Buffer.concat(rows.slice(kept)))
    if (type === 'D' || type === 'd') results.at(-1)?.push(Buffer.from(message(type, body)))
    if (type === 'C' || type === 's' || type === 'E') results.push([])
  }
}

/** The records of the newest session, once it has ended. */
async function newest(): Promise<{ headers: RecordHeader[]; text: string }> {
  const listed = await sluice(['sessions', '--data', world.data, '--json'])
  const [first] = JSON.parse(listed.stdout) as { id: string }[]
  const records = await recordsOf(world.data, first?.id ?? '')
  const text = Buffer.concat(records.map(({ payload }) => payload)).toString('latin1')
  return { headers: records.map(({ header }) => header), text }
}

type Result = Extract<RecordHeader, { kind: 'result' }>
const resultsIn = (headers: readonly RecordHeader[]): Result[] =>
  headers.filter((header) => header.kind === 'result')
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function verified(): Promise<void> {
  const trust_file = join(world.dir, `trust-${crypto.randomUUID()}.json`)
  const places = ['--config', world.config, '--data', world.data]
  expect((await sluice(['trust', 'export', ...places, '-o', trust_file])).code).toBe(0)
  const ran = await sluice(['verify', world.data, '--trust', trust_file])
  expect(ran.stdout).toEndWith('\nverified\n')
}

describe('the first rows of each result', () => {
  holds(
    'psql prints all, masked; the record has the first, and says how many it lacks',
    async () => {
      const { stdout, stderr } = await world.query('SELECT * FROM notes ORDER BY n')
      expect(stderr).toBe('')
      const rows = stdout.trimEnd().split('\n')
      expect(rows.length).toBe(count)
      expect(rows[4320]).toBe(`4321|${note(4321, stars)}|*******`)
      expect(rows[41]).toBe(`42|${note(42)}|*****`)
      const { headers, text } = await newest()
      expect(text).toContain(note(1))
      expect(text).toContain(note(3))
      expect(text).not.toContain(note(4))
      expect(text).not.toContain(note(count))
      const left_out = headers.filter((header) => header.kind === 'left_out')
      expect(left_out.reduce((sum, { rows: each }) => sum + each, 0)).toBe(count - kept)
      const masks = left_out.reduce((sum, each) => sum + (each.masks['column.pin'] ?? 0), 0)
      expect(masks).toBe(count - kept)
      expect(left_out.flatMap(({ masks: rules }) => Object.keys(rules))).toContain('gitlab-token')
      const [result] = resultsIn(headers)
      expect(result).toMatchObject({ rows: count, left_out: { rows: count - kept } })
      expect(result?.left_out?.digest).toBe(left_out.at(-1)?.digest ?? '')
      expect(await world.show()).toContain(`${count - kept} of them not on record`)
      const replayed = await sluice(['replay', 'last', '--instant', '--data', world.data])
      expect(replayed.stdout).toContain('3 | note 3 of many')
      expect(replayed.stdout.replaceAll('\r', '')).toContain(
        `(from here on rows are not on record)\n(${count - kept} rows of `,
      )
      await verified()
    },
  )
  holds('as many as the limit are all on record', async () => {
    await world.query(`SELECT note FROM notes WHERE n > ${count - kept}`)
    const { headers, text } = await newest()
    expect(text).toContain(note(count))
    expect(headers.some(({ kind }) => kind === 'left_out')).toBe(false)
    expect(resultsIn(headers)[0]?.left_out).toBeUndefined()
  })
  holds('the digest is of what the client was shown: several statements, a COPY', async () => {
    const wire = await logIn(world.gateway.postgres.port, world.login)
    wire.send(
      query(
        'SELECT note, pin FROM notes ORDER BY n; SELECT 1; SELECT n FROM notes ORDER BY n DESC LIMIT 10',
      ),
    )
    const [all, one, ten] = await behindKept(wire)
    wire.send(query('COPY (SELECT n, note FROM notes ORDER BY n) TO STDOUT'))
    const [copied] = await behindKept(wire)
    wire.send(query('COPY (SELECT n, note FROM notes ORDER BY n) TO STDOUT (FORMAT binary)'))
    const [binary] = await behindKept(wire)
    await wire[Symbol.asyncDispose]()
    expect(copied?.toString()).toContain(`4321\tsee ${stars}\n`)
    const results = resultsIn((await newest()).headers)
    const shown = [all, one, ten, copied, binary].map((rows = Buffer.of()) =>
      rows.length === 0 ? undefined : { length: rows.length, digest: sha256(rows) },
    )
    expect(shown[1]).toBeUndefined()
    expect(
      results.map(
        ({ left_out }) => left_out && { length: left_out.length, digest: left_out.digest },
      ),
    ).toEqual(shown)
    await verified()
  })
  holds('a portal in parts: each run counts for itself', async () => {
    const wire = await logIn(world.gateway.postgres.port, world.login)
    wire.send(
      ...[parse('SELECT note FROM notes ORDER BY n'), bind({ format: 1 })],
      ...[execute('', 10), execute('', 2), execute('', 100), sync()],
    )
    const [ten, two, hundred] = await behindKept(wire)
    await wire[Symbol.asyncDispose]()
    expect(two).toEqual(Buffer.of())
    const { headers, text } = await newest()
    expect(resultsIn(headers).map(({ left_out }) => left_out?.digest)).toEqual([
      sha256(ten ?? Buffer.of()),
      undefined,
      sha256(hundred ?? Buffer.of()),
    ])
    expect(text).toContain(note(13))
    expect(text).not.toContain(note(20))
    await verified()
  })
  holds('a client that leaves in the middle: what it may have seen is fixed', async () => {
    const wire = await logIn(world.gateway.postgres.port, world.login)
    wire.send(query("SELECT repeat('x', 1000) || n FROM generate_series(1, 200000) n"))
    for (let rows = 0; rows < 100; ) if ((await wire.next()).type === 'D') rows += 1
    wire.socket.destroy()
    await Bun.sleep(500)
    const { headers } = await newest()
    expect(headers.some(({ kind }) => kind === 'left_out')).toBe(true)
    await verified()
  })
})
