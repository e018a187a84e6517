/** Columns that show something all the same: the ends of a value, whether two are equal, or nothing. */
import { expect } from 'bun:test'
import { inWorld } from './in-world.ts'
import { bind, describe, execute, logIn, parse, query, sync } from './wire.ts'
import type { PostgresWorld } from './world.ts'

let world: PostgresWorld
const holds = inWorld(
  {
    sql: `CREATE TABLE people (id int PRIMARY KEY, card text, iban varchar(40), pin int, note text,
        phones text[], mails text[], other text, doc jsonb);
      INSERT INTO people VALUES
        (1, '4111-1111-1111-1234', 'DE02 1203', 4711, 'private', '{"030 123456",NULL,"a\\"b\\\\cdef"}',
         '{{a@example.com,b@example.com},{NULL,a@example.com}}', 'DE02 1203', '{"a": 1}'),
        (2, 'äöüßäöüß', 'DE02 1203', 4712, NULL, '{}', NULL, 'x', NULL),
        (3, '1234567', E'tab\\there', 1, '', '[2:3]={abcdefgh,x}', '{a@example.com}', 'y', NULL);
      CREATE TABLE younger () INHERITS (people);
      INSERT INTO younger (id, card) VALUES (4, '5500-0000-0000-0004');
      CREATE TABLE plain (a text); INSERT INTO plain VALUES ('a@example.com');
      CREATE VIEW ends AS SELECT id, card, right(card, 8) AS tail FROM people`,
    masking: { packs: [] },
    columns: {
      'public.people.card': { rule: 'card', strategy: 'partial(0,4)' },
      'public.people.iban': { rule: 'iban', strategy: 'hash' },
      'public.people.other': { rule: 'other', strategy: 'hash' },
      'public.people.pin': { rule: 'pin', strategy: 'hash' },
      'public.people.note': { rule: 'note', strategy: 'null' },
      'public.people.phones': { rule: 'phone', strategy: 'partial(1,2)' },
      'public.people.mails': { rule: 'mail', strategy: 'hash' },
      'public.people.doc': { rule: 'doc', strategy: 'partial(0,4)' },
    },
  },
  (made) => {
    world = made
  },
)

const rows = async (sql: string): Promise<string[]> => {
  const ran = await world.query(sql)
  expect(ran.stderr).toBe('')
  return ran.stdout.trimEnd().split('\n')
}

holds('the ends of a text, never more than half of it', async () => {
  expect(await rows('SELECT card FROM people ORDER BY id')).toEqual([
    '***************1234',
    // In characters: the stars are one for each byte.
    '********äöüß',
    '*******',
    '***************0004',
  ])
  expect(await rows('SELECT card FROM younger')).toEqual(['***************0004'])
})
holds('a digest, equal for equal values of one session', async () => {
  const [one = '', two, three] = await rows(
    'SELECT iban || $$$$, iban, other FROM people ORDER BY id',
  )
  // What was computed is stars, whatever becomes of the column itself.
  expect(one).toMatch(/^\*+\|hash:[0-9a-f]{16}\|hash:[0-9a-f]{16}$/)
  const [, iban, other] = one.split('|')
  expect(other).toBe(iban)
  expect(two?.split('|')[1]).toBe(iban)
  expect(three?.split('|')[1]).not.toBe(iban)
  const [again] = await rows('SELECT iban FROM people WHERE id = 1')
  expect(again).toMatch(/^hash:/)
  expect(again).not.toBe(iban)
})
holds('NULL, also for what is no text', async () => {
  expect(
    await rows('SELECT id, note IS NULL, note, pin, doc FROM people ORDER BY id LIMIT 2'),
  ).toEqual([
    // What is asked about a protected value is not answered either.
    '1||||',
    '2||||',
  ])
})
holds('each element of an array, in both formats', async () => {
  expect(await rows('SELECT phones FROM people ORDER BY id LIMIT 3')).toEqual([
    '{"0*******56",NULL,"**********"}',
    '{}',
    '[2:3]={a*****gh,*}',
  ])
  const [mails = ''] = await rows('SELECT mails FROM people WHERE id = 1')
  const [, a, b, c] =
    /^\{\{(hash:[0-9a-f]{16}),(hash:[0-9a-f]{16})\},\{NULL,(hash:[0-9a-f]{16})\}\}$/.exec(mails) ??
    []
  expect(a).toBe(c)
  expect(b).not.toBe(c)
  await using wire = await logIn(world.gateway.postgres.port, world.login)
  wire.send(parse('SELECT phones, mails, card, iban FROM people WHERE id = $1::int', 'a'))
  wire.send(bind({ name: 'a', values: ['1'], format: 1 }), describe('P'), execute(), sync())
  wire.send(bind({ name: 'a', values: ['1'], format: 0 }), execute(), sync())
  const [, , , binary = ''] = await wire.ready()
  const [, text = ''] = await wire.ready()
  const [phones = '', hashes = '', card, iban] = binary.replace(/^D /, '').split('|')
  const told = Buffer.from(phones.slice(2), 'hex').toString('latin1')
  expect(told).toContain('0*******56')
  expect(told).not.toContain('cdef')
  expect(card).toBe('***************1234')
  const found = Buffer.from(hashes.slice(2), 'hex')
    .toString('latin1')
    .match(/hash:[0-9a-f]{16}/g)
  expect(found).toHaveLength(3)
  // The same in both formats of one session.
  expect(text.match(/hash:[0-9a-f]{16}/g)?.slice(0, 3)).toEqual([...(found ?? [])])
  expect(text).toEndWith(`|${card}|${iban}`)
})
holds('COPY', async () => {
  const [one = '', , three = ''] = await rows(
    'COPY people (id, card, note, iban, phones) TO STDOUT',
  )
  expect(one).toMatch(/^1\t\*{15}1234\t\\N\thash:[0-9a-f]{16}\t\\N$/)
  // A value with an escape in it is not read.
  expect(three).toMatch(/^3\t\*{7}\t\t\*+\t\\N$/)
})
holds('a cursor in binary', async () => {
  await using wire = await logIn(world.gateway.postgres.port, world.login)
  wire.send(query('BEGIN; DECLARE c BINARY CURSOR FOR SELECT phones FROM people WHERE id = 1'))
  wire.send(query('FETCH ALL FROM c'))
  await wire.ready()
  const [, row = ''] = await wire.ready()
  const told = Buffer.from(row.replace(/^D 0x/, ''), 'hex').toString('latin1')
  expect(told).toContain('0*******56')
})

const evasions: readonly string[] = [
  'SELECT reverse(card), left(card, 10), substr(card, 1, 9) FROM people WHERE id = 1',
  'SELECT card FROM people WHERE id = 1 UNION SELECT $$x$$ ORDER BY 1 DESC',
  'SELECT tail FROM ends WHERE id = 1',
  'SELECT card FROM ends WHERE id = 1',
  'SELECT max(card), min(card) FROM people WHERE id = 1',
  'SELECT phones[1], phones[1:1], array_to_string(phones, $$$$), unnest(phones) FROM people WHERE id = 1',
  'SELECT card::varchar(9), card COLLATE "C" FROM people WHERE id = 1',
]
for (const sql of evasions)
  holds(`an end that is not the value's own is not shown: ${sql}`, async () => {
    const { stdout } = await world.query(sql)
    for (const shown of ['1234', '4321', '4111', '11-1', '030', '56'])
      expect(stdout).not.toContain(shown)
  })
const refused: readonly string[] = [
  'UPDATE people SET card = reverse(card)',
  'UPDATE people SET card = right(card, 8) WHERE id = 1',
  'UPDATE people SET card = iban',
  'UPDATE people SET iban = left(card, 1)',
  'INSERT INTO people (id, card) SELECT id + 10, substr(card, 3) FROM people',
]
for (const sql of refused)
  holds(`nothing is put where its end would be shown: ${sql}`, async () => {
    expect((await world.query(sql)).stderr).toContain('another name or place')
  })
