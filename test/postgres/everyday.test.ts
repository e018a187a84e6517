/** What people ask all day, where columns are protected and none of them is touched: it is shown as the target shows it. */
import { describe, expect } from 'bun:test'
import { psqlOn } from '../fixture/postgres.ts'
import type { Ran } from '../fixture/ran.ts'
import { testWith } from '../fixture/require.ts'
import { inWorld } from './in-world.ts'
import { components, type PostgresWorld } from './world.ts'

const statements: readonly string[] = [
  'SELECT 1 AS x',
  "SELECT 'a' AS ssn, NULL AS pin",
  "VALUES (1, 'a'), (2, 'b')",
  'SELECT version(), current_user, current_database(), current_schema',
  'SELECT now() IS NULL, random() < 2, gen_random_uuid() IS NULL, pg_backend_pid() > 0',
  "SELECT to_char(DATE '2026-01-02', 'YYYY'), extract(year FROM DATE '2026-01-02'), pg_size_pretty(1024::bigint)",
  'SHOW server_version',
  "SELECT name, setting FROM pg_settings WHERE name = 'work_mem'",
  'SELECT n FROM generate_series(1, 3) n',
  'SELECT * FROM generate_series(1, 3)',
  'SELECT g.n FROM generate_series(1, 3) AS g (n)',
  "SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS t (a, b)",
  `SELECT key, value, '{"a": 1}'::jsonb -> 'a' FROM jsonb_each('{"a": 1}')`,
  "SELECT string_agg(title, ',' ORDER BY id), sum(person), avg(person)::int, min(title) FROM orders",
  'SELECT grouping(person), person, count(*) FROM orders GROUP BY ROLLUP (person) ORDER BY 2',
  'SELECT o.id, l.x FROM orders o, LATERAL (SELECT upper(o.title) AS x) l ORDER BY 1',
  "INSERT INTO orders (id, person, title) VALUES (9, 1, 'nib') RETURNING id, title, upper(title) AS loud",
  "UPDATE orders SET title = title || '!' WHERE id = 9 RETURNING *, lower(title) AS new",
  'DELETE FROM orders WHERE id = 9 RETURNING title',
  'EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF) SELECT * FROM orders',
  // Beside a table that has protected columns.
  'SELECT count(*) FROM people',
  'SELECT id, name, length(name) AS len, upper(name), name || $$!$$ AS label, id + 1 FROM people ORDER BY id',
  "SELECT 1 AS one, 'x' AS two, coalesce(name, 'none'), CASE WHEN id = 1 THEN 'one' ELSE 'more' END AS kind FROM people ORDER BY id",
  'SELECT ctid, p.tableoid::regclass, tableoid::regclass FROM people p ORDER BY id',
  'SELECT n, name FROM people, generate_series(1, 2) n ORDER BY 1, 2',
  'SELECT generate_series, name FROM people, generate_series(1, 2) ORDER BY 1, 2',
  'SELECT g.n + 1, p.name FROM people p, generate_series(1, 2) AS g (n) ORDER BY 1, 2',
  'SELECT n, count(p.id) FROM generate_series(1, 3) n LEFT JOIN people p ON p.id = n GROUP BY n ORDER BY n',
  "SELECT d::date FROM people, generate_series(DATE '2026-01-01', '2026-01-02', '1 day') d WHERE id = 1",
  'SELECT u FROM people p, unnest(ARRAY[1, 2]) AS u WHERE p.id = 1',
  "SELECT v.a, upper(v.a), p.name FROM people p JOIN (VALUES (1, 'x'), (2, 'y')) AS v (id, a) ON v.id = p.id ORDER BY 1",
  'SELECT q.c, c + 1 FROM (SELECT count(*) AS c FROM people) q',
  'SELECT count, max FROM (SELECT count(*), max(id) FROM people) q',
  'SELECT q.total FROM (SELECT o.person, count(*) AS total FROM orders o GROUP BY o.person) q JOIN people p ON p.id = q.person',
  'WITH t (a, b) AS (SELECT person, upper(title) FROM orders) SELECT b, lower(b), p.name FROM t JOIN people p ON p.id = t.a ORDER BY 1',
  'WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n, name FROM t JOIN people ON id = n ORDER BY 1',
  'SELECT p.id, row_number() OVER (ORDER BY p.id) AS rank, o.title FROM people p JOIN orders o ON o.person = p.id ORDER BY 1',
  'SELECT name, (SELECT count(*) FROM orders o WHERE o.person = p.id) AS n FROM people p ORDER BY 1',
  'SELECT title AS t, count(*) AS c FROM orders WHERE EXISTS (SELECT FROM people) GROUP BY t ORDER BY t',
  // Of the catalogue.
  'SELECT relname, reltuples FROM pg_class WHERE relnamespace = $$public$$::regnamespace ORDER BY 1',
  'SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = $$public$$ ORDER BY 1',
  'SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = $$public$$ ORDER BY 1, 2',
  'SELECT constraint_name, constraint_type FROM information_schema.table_constraints WHERE table_schema = $$public$$ ORDER BY 1',
  'SELECT kcu.table_name, kcu.column_name FROM information_schema.key_column_usage kcu ORDER BY 1, 2',
  'SELECT routine_name, routine_definition FROM information_schema.routines WHERE routine_schema = $$public$$ ORDER BY 1',
  'SELECT schema_name, schema_owner FROM information_schema.schemata ORDER BY 1',
  'SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $$public$$ ORDER BY 1',
  'SELECT viewname, definition FROM pg_views WHERE schemaname = $$public$$ ORDER BY 1',
  'SELECT pg_get_viewdef($$names$$), pg_get_functiondef($$twice$$::regproc)',
  'SELECT relname, last_vacuum FROM pg_stat_user_tables ORDER BY 1',
  'SELECT datname FROM pg_stat_activity WHERE pid = pg_backend_pid()',
  // What psql asks to complete a name.
  "SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'v') AND (c.relname) LIKE 'o%' AND pg_catalog.pg_table_is_visible(c.oid) UNION ALL SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'o%' LIMIT 1000",
  "SELECT pg_catalog.quote_ident(attname) FROM pg_catalog.pg_attribute a, pg_catalog.pg_class c WHERE c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped AND substring(pg_catalog.quote_ident(attname), 1, 2) = 'ti' AND (c.relname = 'orders') ORDER BY 1",
]

const commands: readonly string[] = [
  ...['\\d', '\\d+', '\\d people', '\\d+ people', '\\d orders', '\\d+ names', '\\dt', '\\dt+'],
  ...[
    '\\l',
    '\\l+',
    '\\df',
    '\\df+ twice',
    '\\dfS lower',
    '\\dv',
    '\\dv+',
    '\\dm',
    '\\ds',
    '\\di+',
  ],
  ...['\\dn', '\\dn+', '\\du', '\\dp', '\\z', '\\dx', '\\dT', '\\dD', '\\db', '\\dC', '\\da count'],
  ...[
    '\\do',
    '\\dO',
    '\\dL',
    '\\dE',
    '\\dP',
    '\\dRp',
    '\\dy',
    '\\dF',
    '\\drds',
    '\\ddp',
    '\\dX',
    '\\dl',
  ],
  ...['\\des', '\\dew', '\\det', '\\dconfig work_mem', '\\dS pg_class', '\\sf twice', '\\sv names'],
  ...['\\encoding', '\\timing off', '\\x on', '\\x off', '\\copy orders TO STDOUT'],
  ...['\\copy (SELECT id, name FROM people ORDER BY id) TO STDOUT', 'SELECT 1 AS one \\gx'],
  ...['SELECT title FROM orders \\gdesc', "SELECT 'SELECT 7' \\gexec", 'SELECT 5 AS five \\gset'],
  ...["SELECT n, title, 'x' FROM orders, generate_series(1, 2) n \\crosstabview n title"],
]

const mark = '--- next'
const script = ['BEGIN;', ...statements.map((sql) => `${sql};`), ...commands, 'ROLLBACK;'].join(
  `\n\\echo '${mark}'\n`,
)

let world: PostgresWorld
let direct: Ran
let through: Ran
inWorld(
  {
    masking: { packs: [] },
    columns: { 'public.people.ssn': 'ssn', 'public.people.pin': 'pin' },
    sql: `CREATE TABLE people (id int PRIMARY KEY, name text, ssn text, pin int);
      INSERT INTO people VALUES (1, 'ada', '123-45-6789', 4711), (2, 'bob', '987-65-4321', 4712);
      CREATE TABLE orders (id int PRIMARY KEY, person int, title text);
      INSERT INTO orders VALUES (1, 1, 'tea'), (2, 2, 'ink');
      CREATE VIEW names AS SELECT id, name FROM people;
      CREATE SEQUENCE counter; CREATE INDEX ON orders (title);
      CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'; ANALYZE`,
  },
  async (made) => {
    world = made
    const { database } = world
    const words = ['-d', 'postgres']
    direct = await psqlOn(database.port, database.owner, words, { stdin: script })
    through = await world.psql(words, { stdin: script })
  },
)

describe('shown as the target shows it', () => {
  for (const [index, asked] of [...statements, ...commands].entries())
    testWith(components, asked.slice(0, 120), async () => {
      const [wanted, found] = [direct, through].map(
        ({ stdout }) => stdout.split(`${mark}\n`)[index + 1],
      )
      expect(wanted).toBeDefined()
      expect(found).toBe(wanted)
    })
  testWith(components, 'without an error of any', async () => {
    expect(direct.stderr).not.toContain('ERROR')
    expect(through.stderr).toBe(direct.stderr)
  })
})
