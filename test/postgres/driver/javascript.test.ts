/** node-postgres and Bun's own client, which both speak the protocol by themselves. */
import { expect } from 'bun:test'
import { SQL } from 'bun'
import { Client } from 'pg'
import { testWith } from '../../fixture/require.ts'
import { components, type PostgresWorld } from '../world.ts'
import { openDriverWorld } from './world.ts'

const asked = 'SELECT id, name, ssn, born FROM people WHERE id = $1'

async function nodePostgres({ gateway, login, certificates }: PostgresWorld): Promise<void> {
  const ca = await Bun.file(certificates.ca_file).text()
  const client = new Client({
    ...{ host: 'localhost', port: gateway.postgres.port, database: 'postgres' },
    ...{ ...login, ssl: { ca } },
  })
  await client.connect()
  try {
    for (let run = 0; run < 3; run++) {
      const { rows } = await client.query({ name: 'one', text: asked, values: [1] })
      expect(rows).toEqual([{ id: 1, name: 'ada', ssn: '***********', born: null }])
    }
    const binary = await client.query({
      ...{ text: 'SELECT 7::int4 AS n, $1::text AS t', values: ['x'], binary: true },
    })
    expect(binary.rows).toEqual([{ n: 7, t: 'x' }])
    const several = await client.query('SELECT 1 AS a; SELECT ssn FROM people')
    expect(several).toMatchObject([{ rows: [{ a: 1 }] }, { rows: [{ ssn: '***********' }] }])
    const heard = new Promise((resolve) => client.once('notification', resolve))
    await client.query('LISTEN news')
    await client.query("SELECT pg_notify('news', 'something')")
    expect(await heard).toMatchObject({ channel: 'news', payload: 'something' })
    const failed = (error: unknown): unknown => error
    const refused = await client.query('DROP DATABASE nothing').catch(failed)
    expect(refused).toMatchObject({ code: '42501' })
    const divided = await client.query('SELECT 1/0 WHERE $1', [true]).catch(failed)
    expect(divided).toMatchObject({ code: '22012' })
    expect((await client.query('SELECT 7 AS n')).rows).toEqual([{ n: 7 }])
  } finally {
    await client.end()
  }
}

async function bunSql({ gateway, login, certificates }: PostgresWorld): Promise<void> {
  const sql = new SQL({
    ...{ adapter: 'postgres', hostname: 'localhost', port: gateway.postgres.port, max: 1 },
    ...{ username: login.user, password: login.password, database: 'postgres' },
    tls: { ca: await Bun.file(certificates.ca_file).text() },
  })
  try {
    // Pipelined on one connection, prepared and in binary.
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => sql`SELECT ${n}::int4 AS n, ssn, born FROM people`),
    )
    // A number of the statement's own is none of the table's.
    expect(answers.map(([row]) => row)).toEqual(
      Array.from({ length: 50 }, (_, n) => ({ n, ssn: '***********', born: null })),
    )
    await sql.begin(async (transaction) => {
      await transaction`CREATE TEMP TABLE made (id int, name text)`
      const rows = [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ]
      await transaction`INSERT INTO made ${transaction(rows)}`
      expect([...(await transaction`SELECT count(*)::int AS n FROM made`)]).toEqual([{ n: 2 }])
    })
    const refused: unknown = await sql`DROP DATABASE nothing`.simple().catch((error) => error)
    expect(refused).toMatchObject({ errno: '42501' })
    expect([...(await sql`SELECT 7 AS n`)]).toEqual([{ n: 7 }])
  } finally {
    await sql.close()
  }
}

for (const [name, drive] of [
  ['node-postgres', nodePostgres],
  ["Bun's own client", bunSql],
] as const)
  testWith(
    components,
    `${name} does through the gateway what it does with a database`,
    async () => {
      await using world = await openDriverWorld()
      await drive(world)
    },
    60_000,
  )
