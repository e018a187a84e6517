/** The protocol itself: order, formats, names, and what no honest client says. */
import { describe as about, expect } from 'bun:test'
import { message } from '../../proxy/connector/postgres/message.ts'
import { columns, database_sql, secrets } from './columns.ts'
import { inWorld } from './in-world.ts'
import { bind, describe, execute, logIn, openWire, parse, query, start, sync } from './wire.ts'
import type { PostgresWorld } from './world.ts'

const forbidden =
  'policy forbids this statement: it drops a database (drop-database); a statement of the critical class never runs through the gateway'

let world: PostgresWorld
const holds = inWorld({ sql: database_sql, columns }, (made) => {
  world = made
})

const enter = () => logIn(world.gateway.postgres.port, world.login)
const clean = (answers: readonly string[]): void => {
  for (const secret of secrets) expect(answers.join('\n')).not.toContain(secret)
}

about('order', () => {
  holds(
    'a denied statement amid a pipeline fails in its place, and the rest of it is skipped',
    async () => {
      await using wire = await enter()
      wire.send(
        ...[parse('SELECT 1'), bind(), execute(), parse('DROP DATABASE x'), bind(), execute()],
        ...[
          parse('SELECT 2'),
          bind(),
          execute(),
          sync(),
          parse('SELECT 3'),
          bind(),
          execute(),
          sync(),
        ],
      )
      expect(await wire.ready()).toEqual([
        ...['1', '2', 'D 1', 'C SELECT 1'],
        ...[`E 42501 ${forbidden}`, 'Z I'],
      ])
      expect(await wire.ready()).toEqual(['1', '2', 'D 3', 'C SELECT 1', 'Z I'])
    },
  )
  holds('in a transaction its state is failed, as the target says', async () => {
    await using wire = await enter()
    wire.send(query('BEGIN'), query('DROP DATABASE x'), query('SELECT 1'), query('ROLLBACK'))
    expect(await wire.ready()).toEqual(['C BEGIN', 'Z T'])
    expect(await wire.ready()).toEqual([`E 42501 ${forbidden}`, 'Z E'])
    expect((await wire.ready())[0]).toStartWith('E 25P02')
    expect(await wire.ready()).toEqual(['C ROLLBACK', 'Z I'])
  })
  holds('several statements of one text each have their result', async () => {
    await using wire = await enter()
    wire.send(
      query(
        "SELECT name FROM people WHERE id = 1; ; SELECT ssn FROM people WHERE id = 1; SELECT 'x'",
      ),
    )
    expect(await wire.ready()).toEqual([
      ...['T', 'D ada', 'C SELECT 1', 'T', 'D ***********', 'C SELECT 1', 'T', 'D x', 'C SELECT 1'],
      'Z I',
    ])
    wire.send(query(''), query('-- nothing'))
    expect(await wire.ready()).toEqual(['I', 'Z I'])
    expect(await wire.ready()).toEqual(['I', 'Z I'])
  })
  holds('a portal is read in pieces', async () => {
    await using wire = await enter()
    wire.send(
      parse('SELECT ssn FROM people ORDER BY id'),
      bind({ portal: 'p' }),
      describe('P', 'p'),
    )
    wire.send(execute('p', 2), execute('p', 2), sync())
    expect(await wire.ready()).toEqual([
      ...[
        '1',
        '2',
        'T',
        'D ***********',
        'D ***********',
        's',
        'D ***********',
        'C SELECT 1',
        'Z I',
      ],
    ])
  })
  holds('a COPY with a Sync behind its request, as libpq sends it', async () => {
    await using wire = await enter()
    wire.send(query('CREATE TEMP TABLE t (a text)'))
    await wire.ready()
    wire.send(parse('COPY t FROM STDIN'), bind(), describe('P'), execute(), sync())
    for (;;) if ((await wire.next()).type === 'G') break
    wire.send(message('d', new TextEncoder().encode('one\n')), message('c'), sync())
    expect(await wire.ready()).toEqual(['C COPY 1', 'Z I'])
    wire.send(
      parse('COPY t FROM STDIN'),
      bind(),
      execute(),
      sync(),
      message('f', 'no more'),
      sync(),
    )
    expect(await wire.ready()).toEqual([
      '1',
      '2',
      'G',
      'E 57014 COPY from stdin failed: no more',
      'Z I',
    ])
    wire.send(query('SELECT count(*) FROM t'))
    expect(await wire.ready()).toEqual(['T', 'D 1', 'C SELECT 1', 'Z I'])
  })
  holds('a text that ends where settings say is not sent behind what may change them', async () => {
    await world.database.run(
      "CREATE OR REPLACE FUNCTION quiet() RETURNS text LANGUAGE sql AS $$SELECT set_config('standard_conforming_strings', 'off', false) FROM pg_sleep(0.2)$$; CREATE TABLE IF NOT EXISTS spared (a int)",
    )
    await using wire = await enter()
    wire.send(query('SELECT quiet()'), query(String.raw`SELECT 'a\', '; DROP TABLE spared; --'`))
    // That the setting changed is heard before the next answer.
    const answers = (await wire.rest()).join('\n')
    expect(answers).toContain('statements would be read in another way from here on')
    expect(answers).not.toContain('C DROP TABLE')
    // What was sent is run to its end there, although nobody hears of it.
    const busy =
      "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ~ 'quiet|spared'"
    while ((await world.database.run(busy)) !== '0\n') await Bun.sleep(10)
    expect(await world.database.run("SELECT to_regclass('spared')")).toBe('spared\n')
  })
  holds('the fast path is refused, and the session goes on', async () => {
    await using wire = await enter()
    wire.send(message('F', { u32: 1598 }, { u16: 0 }, { u16: 0 }, { u16: 0 }), query('SELECT 1'))
    expect((await wire.ready())[0]).toStartWith('E 42501 functions are called by SELECT')
    expect(await wire.ready()).toEqual(['T', 'D 1', 'C SELECT 1', 'Z I'])
  })
})

about('formats', () => {
  holds('in binary a text is stars, and all else of a protected column is NULL', async () => {
    await using wire = await enter()
    wire.send(
      parse('SELECT id, ssn, pin, born, tags, doc, name, upper(ssn) FROM people WHERE id = 1'),
    )
    wire.send(describe('S'), bind({ format: 1 }), execute(), sync())
    expect(await wire.ready()).toEqual([
      ...['1', 't', 'T', '2'],
      'D 0x00000001|***********|NULL|NULL|NULL|NULL|ada|***********',
      ...['C SELECT 1', 'Z I'],
    ])
  })
  holds('rows that the client did not ask to be described are masked alike', async () => {
    await using wire = await enter()
    wire.send(parse('SELECT ssn, name FROM people WHERE id = 1'), bind(), execute(), sync())
    expect(await wire.ready()).toEqual(['1', '2', 'D ***********|ada', 'C SELECT 1', 'Z I'])
  })
  holds('a statement that was described once is known whenever it runs', async () => {
    await using wire = await enter()
    wire.send(
      parse('SELECT ssn, name FROM people WHERE id = $1::int', 'a'),
      describe('S', 'a'),
      sync(),
    )
    expect(await wire.ready()).toEqual(['1', 't', 'T', 'Z I'])
    for (const format of [0, 1] as const) {
      wire.send(bind({ name: 'a', values: ['1'], format }), execute(), sync())
      expect(await wire.ready()).toEqual(['2', 'D ***********|ada', 'C SELECT 1', 'Z I'])
    }
    const shown = await world.show()
    expect(shown).toContain('prepared: SELECT ssn, name FROM people WHERE id = $1::int')
    expect(shown).toContain('with $1 = 1')
  })
  holds(
    'a value of a parameter is masked in the record, and reaches the target as it is',
    async () => {
      const token = `glpat-${'ABCDEFGHIJKLMNOPQRST'}`
      await using wire = await enter()
      wire.send(
        parse('SELECT length($1::text)'),
        bind({ values: [token] }),
        describe('P'),
        execute(),
        sync(),
      )
      expect(await wire.ready()).toContain('D 26')
      const shown = await world.show()
      expect(shown).not.toContain(token)
      expect(shown).toContain(`with $1 = ${'*'.repeat(token.length)}`)
    },
  )
})

about('names that mean something else later', () => {
  holds('a prepared statement that is planned anew is described anew', async () => {
    await world.database.run(
      "DROP SCHEMA IF EXISTS other CASCADE; CREATE SCHEMA other; CREATE TABLE other.people (ssn text); INSERT INTO other.people VALUES ('plain')",
    )
    // What is known of the catalogue is some seconds old.
    await Bun.sleep(5_100)
    await using wire = await enter()
    wire.send(
      query('SET search_path = other'),
      parse('SELECT ssn FROM people', 'a'),
      describe('S', 'a'),
    )
    wire.send(bind({ name: 'a' }), execute(), sync())
    await wire.ready()
    expect(await wire.ready()).toContain('D plain')
    wire.send(query('SET search_path = public'), bind({ name: 'a' }), execute(), sync())
    await wire.ready()
    const answers = await wire.ready()
    expect(answers).toContain('D ***********')
    clean(answers)
  })
  holds('a table of the session hides a protected one until it is dropped', async () => {
    await using wire = await enter()
    wire.send(query("CREATE TEMP TABLE people (ssn text); INSERT INTO people VALUES ('plain')"))
    wire.send(
      parse('SELECT ssn FROM people', 'a'),
      describe('S', 'a'),
      bind({ name: 'a' }),
      execute(),
      sync(),
    )
    wire.send(query('DROP TABLE pg_temp.people'), bind({ name: 'a' }), execute(), sync())
    await wire.ready()
    await wire.ready()
    await wire.ready()
    const answers = await wire.ready()
    expect(answers).toContain('D ***********')
    clean(answers)
  })
})

about('names that are used again', () => {
  const tainted = 'SELECT upper(ssn) FROM people WHERE id = 1'
  holds('a prepared statement that failed to be replaced is still the first one', async () => {
    await using wire = await enter()
    wire.send(parse(tainted, 'a'), sync(), parse("SELECT 'x'", 'a'), sync())
    wire.send(describe('S', 'a'), bind({ name: 'a' }), execute(), sync())
    await wire.ready()
    expect((await wire.ready())[0]).toStartWith('E 42P05')
    expect(await wire.ready()).toEqual(['t', 'T', '2', 'D ***********', 'C SELECT 1', 'Z I'])
  })
  holds('a close that was skipped closed nothing', async () => {
    await using wire = await enter()
    wire.send(parse(tainted, 'a'), sync())
    await wire.ready()
    wire.send(parse('SELECT nothing_of_that_name'), message('C', 'S'.charCodeAt(0), 'a'))
    wire.send(parse("SELECT 'x'", 'a'), sync())
    expect((await wire.ready())[0]).toStartWith('E 42703')
    wire.send(describe('S', 'a'), bind({ name: 'a' }), execute(), sync())
    expect(await wire.ready()).toContain('D ***********')
  })
  holds('a DEALLOCATE that was rolled back or failed', async () => {
    await using wire = await enter()
    wire.send(
      query(`PREPARE a AS ${tainted}`),
      query("SELECT 1/0; DEALLOCATE a; PREPARE a AS SELECT 'x'"),
    )
    wire.send(query('EXECUTE a'))
    expect(await wire.ready()).toEqual(['C PREPARE', 'Z I'])
    expect((await wire.ready()).at(-2)).toStartWith('E 22012')
    expect(await wire.ready()).toContain('D ***********')
    wire.send(query('EXECUTE a'))
    expect(await wire.ready()).toContain('D ***********')
  })
  holds(
    'one of the protocol, run by SQL; one of SQL, run by the protocol; a cursor as a portal',
    async () => {
      await using wire = await enter()
      wire.send(parse(tainted, 'a'), sync(), query('EXECUTE a'), query(`PREPARE b AS ${tainted}`))
      await wire.ready()
      expect(await wire.ready()).toContain('D ***********')
      await wire.ready()
      wire.send(bind({ name: 'b' }), describe('P'), execute(), sync())
      expect(await wire.ready()).toContain('D ***********')
      wire.send(
        query(`BEGIN; DECLARE c CURSOR FOR ${tainted}`),
        describe('P', 'c'),
        execute('c'),
        sync(),
      )
      await wire.ready()
      expect(await wire.ready()).toContain('D ***********')
      wire.send(
        parse('FETCH FIRST FROM c', 'd'),
        sync(),
        query('EXECUTE d'),
        query('FETCH FIRST FROM c'),
      )
      clean([...(await wire.ready()), ...(await wire.ready()), ...(await wire.ready())])
    },
  )
  holds('a cursor that takes the name of another', async () => {
    await using wire = await enter()
    wire.send(query(`BEGIN; DECLARE c CURSOR FOR ${tainted}; SAVEPOINT s`))
    wire.send(query("DECLARE c CURSOR FOR SELECT 'x'"), query('ROLLBACK TO s; FETCH ALL FROM c'))
    await wire.ready()
    expect((await wire.ready())[0]).toStartWith('E 42P03')
    expect(await wire.ready()).toContain('D ***********')
  })
})

about('what no honest client says', () => {
  const ends = async (...messages: readonly Uint8Array[]): Promise<string[]> => {
    await using wire = await enter()
    wire.send(...messages)
    // Before the connection is closed behind it.
    const answers = await wire.rest()
    return answers
  }
  const raw = (type: string, length: number, ...bytes: readonly number[]): Uint8Array => {
    const head = Buffer.alloc(5)
    head.write(type, 0, 'latin1')
    head.writeUInt32BE(length, 1)
    return Buffer.concat([head, Uint8Array.from(bytes)])
  }
  const ended = 'E 57P01 this is not PostgreSQL'
  const hostile: readonly (readonly [name: string, bytes: Uint8Array])[] = [
    ['a message of 1 GB', raw('Q', 0x40000000)],
    ['a length of 0', raw('Q', 0)],
    ['a length of 2^32 - 1', raw('Q', 0xffffffff)],
    ['an unknown type', raw('!', 4)],
    ['a Query with something behind its end', raw('Q', 8, 65, 0, 66, 0)],
    ['a Query without an end', raw('Q', 6, 65, 66)],
    ['a Bind with more values than bytes', raw('B', 12, 0, 0, 0, 0, 255, 255, 0, 0)],
    [
      'a Bind with a negative length',
      raw('B', 18, 0, 0, 0, 0, 0, 1, 255, 255, 255, 254, 0, 0, 0, 0),
    ],
    ['a Describe of nothing', raw('D', 6, 88, 0)],
    ['a password again', message('p', 'again')],
    ['a Parse with other types than it says', raw('P', 9, 0, 65, 0, 0, 9)],
  ]
  for (const [name, bytes] of hostile)
    holds(`${name} ends the session, with its reason`, async () => {
      const answers = await ends(bytes, query('SELECT 1'))
      expect(answers).toHaveLength(1)
      expect(answers[0]).toStartWith(ended)
    })
  holds('a start without a user, with one setting twice, of another version', async () => {
    for (const packet of [
      start(['database', 'postgres']),
      start(['user', 'a@b', 'user', 'owner@orders']),
      start(['user', 'owner@orders'], 0x20000),
      Uint8Array.of(0, 0, 0, 8, 0, 3, 0, 0),
      Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0),
    ]) {
      await using wire = await openWire(world.gateway.postgres.port)
      wire.send(packet)
      const answers = await wire.rest()
      expect(answers).toHaveLength(1)
      expect(answers[0]).toMatch(/^E (08P01|28000) /)
    }
  })
  holds('a minor version of the future is negotiated down', async () => {
    await using wire = await openWire(world.gateway.postgres.port)
    wire.send(start(['user', 'owner@orders', 'database', 'postgres', '_pq_.wish', '1'], 0x30002))
    wire.send(message('p', world.login.password))
    expect((await wire.ready()).slice(0, 3)).toEqual(['R', 'R', 'v'])
  })
  holds('bytes before TLS, and TLS that is asked for twice', async () => {
    const ssl = message(0, { u32: 80877103 })
    await using wire = await openWire(world.gateway.postgres.port)
    wire.send(ssl, start(['user', 'owner@orders']))
    const answers = await wire.rest()
    expect(answers.at(-1)).toStartWith('E 08P01 bytes came before TLS began')
  })
  holds('a cancel with a wrong key cancels nothing, one with the right key does', async () => {
    await using wire = await enter()
    wire.send(query('SELECT pg_sleep(30)'))
    const wrong = wire.key.slice()
    wrong[7] = (wrong[7] ?? 0) ^ 1
    const cancel = async (key: Uint8Array): Promise<void> => {
      await using other = await openWire(world.gateway.postgres.port)
      other.send(message(0, { u32: 80877102 }, key))
      expect(await other.rest()).toEqual([])
    }
    const busy =
      "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'"
    while ((await world.database.run(busy)).trim() !== '1') await Bun.sleep(10)
    await cancel(wrong)
    await Bun.sleep(200)
    expect((await world.database.run(busy)).trim()).toBe('1')
    await cancel(wire.key)
    expect(await wire.ready()).toContain('E 57014 canceling statement due to user request')
  })
})
