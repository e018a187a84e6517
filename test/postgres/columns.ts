/**
 * A database with columns that are protected, and every way that is known to read them as something else.
 *
 * @module
 */

/** Values that must not come out, whatever is asked; the number and the date are shown in no other row. */
export const secrets: readonly string[] = [
  '123-45-6789',
  '987-65-4321',
  '6789',
  '4711',
  '1912-06-23',
  'enigma',
]

export const columns: Readonly<Record<string, string>> = {
  'public.people.ssn': 'ssn',
  'public.people.pin': 'pin',
  'public.people.born': 'birthday',
  'public.people.tags': 'tags',
  'public.people.doc': 'document',
  'public.unlike.ssn': 'ssn',
}

export const database_sql = `
CREATE TABLE people (id int PRIMARY KEY, name text, ssn text, pin int, born date, tags text[], doc jsonb,
  tail text GENERATED ALWAYS AS (right(ssn, 4)) STORED);
INSERT INTO people VALUES
  (1, 'ada', '123-45-6789', 4711, '1912-06-23', '{enigma,b}', '{"key": "enigma", "n": 4711}'),
  (2, 'bob', '987-65-4321', 4711, '1912-06-23', '{enigma}', '{"key": "enigma"}');
CREATE TABLE orders (id int PRIMARY KEY, person int, title text, value text, upper text, row_to_json int, body text UNIQUE);
INSERT INTO orders VALUES (1, 1, 'tea', 'v1', 'u1', 1, 'x'), (2, 2, 'ink', 'v2', 'u2', 2, 'y');
CREATE TABLE child () INHERITS (people);
INSERT INTO child (id, name, ssn) VALUES (3, 'eve', '123-45-6789');
CREATE VIEW everybody AS SELECT id, name, ssn AS code, upper(ssn) AS loud, length(name) AS size FROM people;
CREATE VIEW twice AS SELECT code AS c, size AS s, id FROM everybody;
CREATE MATERIALIZED VIEW kept AS SELECT id, ssn || '!' AS k FROM people;
CREATE FUNCTION get_ssn(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM people WHERE id = $1 ORDER BY 1 LIMIT 1';
CREATE FUNCTION get_people() RETURNS SETOF people LANGUAGE sql STABLE AS 'SELECT * FROM people';
CREATE FUNCTION fixed_ssn() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT '123-45-6789'::text$$;
CREATE FUNCTION upper(orders) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM people LIMIT 1';
CREATE VIEW by_function AS SELECT 1 AS id, get_ssn(1) AS title;
CREATE FUNCTION cursor_of(refcursor) RETURNS refcursor LANGUAGE plpgsql AS
  $$BEGIN OPEN $1 FOR SELECT upper(ssn) FROM people; RETURN $1; END$$;
CREATE PROCEDURE show_ssn(INOUT x text) LANGUAGE plpgsql AS
  $$BEGIN SELECT ssn INTO x FROM people LIMIT 1; RAISE NOTICE 'it is %', x; END$$;
CREATE SEQUENCE counter; CREATE TYPE pair AS (a text, b text);
CREATE TABLE guarded_notes (id int, ssn text);
CREATE TABLE unlike (id int PRIMARY KEY, ssn text UNIQUE DEFERRABLE INITIALLY DEFERRED);
INSERT INTO unlike VALUES (1, 'x'), (2, 'y');
ANALYZE;
`

export interface Evasion {
  /** A text of statements; each line is sent for itself. */
  readonly sql: string
  /** `refused`: with SQLSTATE 42501, and nothing of it runs. Otherwise what comes is masked. */
  readonly is: 'masked' | 'refused'
}

const masked = (...list: readonly string[]): readonly Evasion[] =>
  list.map((sql) => ({ sql, is: 'masked' }))
const refused = (...list: readonly string[]): readonly Evasion[] =>
  list.map((sql) => ({ sql, is: 'refused' }))

export const evasions: readonly Evasion[] = [
  // The column itself, under other names.
  ...masked(
    'SELECT * FROM people',
    'TABLE people',
    'SELECT ssn FROM people',
    'SELECT ssn AS title FROM people',
    'SELECT p.ssn x FROM public.people AS p',
    'SELECT "ssn" FROM ONLY "people"',
    'SELECT p.x FROM people AS p (id, n, x)',
    'SELECT upper(p.id) FROM people AS p (a, b, id)',
    'SELECT c FROM (SELECT ssn AS c FROM people) q',
    'SELECT c || $$$$ FROM (SELECT ssn FROM people) AS q (c)',
    'WITH q AS (SELECT ssn AS z FROM people) SELECT z FROM q',
    'WITH q (z) AS (SELECT ssn FROM people) SELECT upper(z) FROM q',
    'WITH RECURSIVE q AS (SELECT 1 AS n, ssn AS s FROM people UNION ALL SELECT n + 1, s FROM q WHERE n < 2) SELECT * FROM q',
    'WITH orders AS (SELECT ssn AS title FROM people) SELECT lower(title) FROM orders',
    'SELECT o.title, p.ssn FROM orders o JOIN people p ON p.id = o.person',
    'SELECT * FROM orders o NATURAL JOIN people p',
    'SELECT * FROM people a FULL JOIN people b USING (ssn)',
    'SELECT ssn FROM people UNION ALL SELECT title FROM orders',
    'SELECT title FROM orders UNION SELECT ssn FROM people',
    'SELECT ssn FROM people EXCEPT SELECT $$x$$',
    'VALUES ((SELECT ssn FROM people WHERE id = 1))',
    'SELECT ssn FROM child',
    'SELECT pin, born, tags, doc FROM people',
    'SELECT DISTINCT ON (id) ssn FROM people ORDER BY id',
    'SELECT min(ssn) OVER () FROM people',
    'SELECT tail FROM people',
    'SELECT p FROM people p',
    'SELECT (p).ssn FROM people p',
    'SELECT (p.*)::text FROM people p',
    'SELECT ROW(p.*) FROM people p',
    'SELECT people FROM people',
    'WITH RECURSIVE t AS (SELECT ssn AS s FROM people UNION ALL SELECT s FROM t WHERE false) SEARCH DEPTH FIRST BY s SET title SELECT t.title::text FROM t, orders',
    'WITH RECURSIVE t AS (SELECT ssn AS s FROM people UNION ALL SELECT s FROM t WHERE false) CYCLE s SET body USING title SELECT t.title::text FROM t, orders',
    'SELECT (SELECT 1 AS j), j::text FROM people a JOIN people b USING (ssn) AS j',
    'SELECT g::text FROM people g, (SELECT 1 FROM generate_series(1, 1) g) x',
    'SELECT title FROM people p, unnest(ARRAY[p.ssn]) title',
    'SELECT v.b FROM people p, LATERAL (VALUES (1, p.ssn)) AS v (a, b)',
    'SELECT q.max FROM (SELECT max(id) FROM orders) o, LATERAL (SELECT max(ssn) FROM people) q (max)',
    'WITH RECURSIVE t (a, b) AS (SELECT 1, $$$$ UNION ALL SELECT a + 1, (SELECT max(ssn) FROM people) FROM t WHERE a < 3) SELECT b || $$$$ FROM t',
    'SELECT ctid FROM (SELECT ssn || $$$$ FROM people) AS q (ctid)',
  ),
  // Functions, operators and constructs over it.
  ...masked(
    'SELECT upper(ssn), left(ssn, 3), right(ssn, 4), reverse(reverse(ssn)) FROM people',
    "SELECT ssn || '' FROM people",
    'SELECT ssn::varchar(99), CAST(ssn AS name), pin::text, pin + 0 FROM people',
    "SELECT concat(name, ':', ssn), format('%s', ssn) FROM people",
    "SELECT string_agg(ssn, ','), array_agg(ssn), json_agg(ssn), max(ssn) FROM people",
    'SELECT ARRAY(SELECT ssn FROM people), (SELECT ssn FROM people LIMIT 1)',
    "SELECT regexp_replace(ssn, '-', '/', 'g'), translate(ssn, '-', '_') FROM people",
    "SELECT CASE WHEN ssn LIKE '1%' THEN ssn END, coalesce(ssn, name), greatest(ssn, name) FROM people",
    'SELECT row_to_json(p), to_jsonb(p), json_build_object($$s$$, ssn) FROM people p',
    'SELECT p.row_to_json FROM people p',
    'SELECT p.row_to_json FROM people p, orders',
    'SELECT q.row_to_json FROM (SELECT * FROM people) q, orders o',
    'SELECT to_jsonb(q) FROM (SELECT ssn FROM people) q',
    'SELECT e.value FROM people p, jsonb_each_text(to_jsonb(p)) e',
    'SELECT e.value FROM people p, orders o, jsonb_each_text(to_jsonb(p)) e',
    'SELECT value FROM people p, jsonb_each_text(to_jsonb(p))',
    'SELECT j.title FROM people p, jsonb_to_record(to_jsonb(p)) AS j (ssn text, title text), unnest(ARRAY[j.ssn]) AS u (body)',
    'SELECT u.body FROM people p, unnest(ARRAY[p.ssn]) AS u (body)',
    'SELECT unnest FROM people p, unnest(ARRAY[p.ssn])',
    "SELECT x.title FROM people p, XMLTABLE('/r' PASSING xmlelement(name r, p.ssn) COLUMNS title text PATH '.') x",
    'SELECT xmlforest(ssn), xmlelement(name e, ssn)::text FROM people',
    'SELECT q.upper FROM (SELECT upper(ssn) FROM people) q, orders',
    'SELECT q.title FROM (SELECT ssn || $$!$$ AS title FROM people) q JOIN orders o ON true',
    "SELECT convert_to(ssn, 'UTF8'), encode(ssn::bytea, 'hex'), md5(ssn), to_char(pin, '9999') FROM people",
    'SELECT ascii(ssn), chr(ascii(ssn)), octet_length(ssn) FROM people',
    'SELECT doc->>$$key$$, doc#>>$${key}$$, tags[1], born + 0, extract(year from born) FROM people',
    'SELECT p.ssn FROM orders o, LATERAL (SELECT ssn FROM people WHERE id = o.person) p',
    'SELECT ssn FROM people GROUP BY GROUPING SETS ((ssn), ())',
    'SELECT nullif(ssn, $$$$), ssn COLLATE "C" FROM people',
    'SELECT (ROW(ssn, name)::pair).a FROM people',
    'SELECT jsonb_populate_record(NULL::people, to_jsonb(p)) FROM people p',
  ),
  // Views, functions of the database, cursors and prepared statements.
  ...masked(
    'SELECT * FROM everybody',
    'SELECT lower(loud) FROM everybody',
    'SELECT c FROM twice',
    'SELECT * FROM twice',
    'SELECT k FROM kept',
    'SELECT get_ssn(1)',
    'SELECT public.get_ssn(id) FROM orders',
    'SELECT * FROM get_people()',
    'SELECT (get_people()).ssn',
    'SELECT title FROM by_function',
    'SELECT o.upper FROM orders o JOIN people p ON true',
    'SELECT upper(o) FROM orders o',
    'EXPLAIN (VERBOSE, COSTS OFF) SELECT fixed_ssn()',
    'BEGIN; DECLARE c CURSOR FOR SELECT upper(ssn) FROM people; FETCH ALL FROM c; COMMIT',
    "BEGIN; SELECT cursor_of('c'); FETCH ALL FROM c; COMMIT",
    'PREPARE a AS SELECT upper(ssn) FROM people; EXECUTE a; DEALLOCATE a',
    "CALL show_ssn('')",
    "SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'people'",
    "SELECT stavalues1::text FROM pg_statistic WHERE starelid = 'people'::regclass",
    'BEGIN; INSERT INTO people (id, ssn) VALUES (77, $$x$$) ON CONFLICT DO NOTHING RETURNING ssn, upper(ssn); ROLLBACK',
    'UPDATE people SET name = name RETURNING *',
    'BEGIN; DELETE FROM people WHERE id = 1 RETURNING ssn || $$$$; ROLLBACK',
    'WITH d AS (UPDATE people SET name = name RETURNING ssn AS s) SELECT s, upper(s) FROM d',
  ),
  // Words of the target that repeat a value.
  ...masked(
    'SELECT ssn::int FROM people',
    'SELECT (ssn || $$x$$)::date FROM people',
    'INSERT INTO people (id, name, ssn) SELECT id, name, ssn FROM people WHERE id = 1',
    'SELECT 1 / (pin - 4710 - 1) FROM people',
    'SELECT tags::int[] FROM people',
    "SELECT jsonb_path_query(doc, 'strict $.key.x') FROM people",
  ),
  // ... in errors that are otherwise about the text alone.
  ...masked(
    'SELECT ssn::regclass FROM people',
    'SELECT ssn::regtype FROM people',
    'SELECT ssn::regnamespace FROM people',
    'SELECT ssn::regprocedure FROM people',
    'SELECT ssn::jsonpath FROM people',
    'SELECT to_tsquery(ssn || $$ & ($$) FROM people',
    'SELECT ssn::xml, (ssn || $$<$$)::xml FROM people',
    'SELECT current_setting(ssn) FROM people',
    'SELECT nextval(ssn) FROM people',
    'SELECT to_tsvector(ssn::regconfig, name) FROM people',
    "SELECT has_table_privilege(ssn, 'select') FROM people",
    'SELECT convert_to(name, ssn) FROM people',
    'SELECT timezone(ssn, now()) FROM people',
  ),
  // ... of what looks at a whole table, or at the end of a transaction.
  ...masked(
    'CREATE INDEX ON people ((ssn::int))',
    'CREATE INDEX ON people (id) WHERE ssn::int > 0',
    'CREATE UNIQUE INDEX ON people (pin)',
    'CREATE INDEX ON kept ((k::int))',
    'BEGIN; UPDATE unlike SET ssn = (SELECT min(ssn) FROM people); COMMIT',
    'BEGIN; UPDATE unlike SET ssn = (SELECT min(ssn) FROM people); SET CONSTRAINTS ALL IMMEDIATE',
    'UPDATE unlike SET ssn = (SELECT min(ssn) FROM people)',
  ),
  // COPY.
  ...masked(
    'COPY people TO STDOUT',
    'COPY people (id, name, ssn, pin) TO STDOUT',
    'COPY child TO STDOUT',
  ),
  ...refused(
    'COPY people TO STDOUT (FORMAT csv)',
    'COPY people TO STDOUT WITH BINARY',
    "COPY people TO STDOUT (DELIMITER '|')",
    'COPY (SELECT ssn FROM people) TO STDOUT',
    'COPY (SELECT * FROM people) TO STDOUT',
    'COPY (SELECT get_ssn(1)) TO STDOUT',
    'CREATE TEMP TABLE mine (a text); INSERT INTO mine SELECT ssn FROM people; SELECT * FROM mine',
    'CREATE TEMP TABLE mine (a text); UPDATE mine SET a = (SELECT ssn FROM people LIMIT 1); SELECT a FROM mine',
    'CREATE TEMP TABLE mine (LIKE people); INSERT INTO mine (id, name, ssn) SELECT id, name, ssn FROM people; TABLE mine',
    'COPY (UPDATE people SET name = name RETURNING ssn) TO STDOUT',
  ),
  // Into another place, under another name.
  ...refused(
    'CREATE TABLE copy AS SELECT ssn FROM people',
    'CREATE TEMP TABLE copy AS TABLE people',
    'SELECT ssn INTO copy FROM people',
    'CREATE VIEW w AS SELECT ssn AS x FROM people',
    'CREATE OR REPLACE VIEW everybody AS SELECT id, name, name AS code, ssn AS loud, 1 AS size FROM people',
    'CREATE MATERIALIZED VIEW w AS SELECT upper(ssn) FROM people',
    'INSERT INTO orders (id, title) SELECT id + 10, ssn FROM people',
    'INSERT INTO orders (id, title) VALUES (9, (SELECT ssn FROM people LIMIT 1))',
    'INSERT INTO orders (id, title) SELECT 9, get_ssn(1)',
    'INSERT INTO orders (id, person) SELECT id + 10, pin FROM people',
    'INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET title = (SELECT ssn FROM people LIMIT 1)',
    'UPDATE orders SET title = p.ssn FROM people p WHERE p.id = person',
    'UPDATE people SET name = ssn',
    'UPDATE orders SET (title, value) = (SELECT ssn, name FROM people LIMIT 1)',
    'WITH i AS (INSERT INTO orders (id, title) SELECT 9, ssn FROM people RETURNING title) SELECT title FROM i',
    'MERGE INTO orders o USING people p ON p.id = o.person WHEN MATCHED THEN UPDATE SET title = p.ssn',
    'MERGE INTO orders o USING people p ON false WHEN NOT MATCHED THEN INSERT (id, title) VALUES (p.id + 50, p.ssn)',
    'PREPARE c AS INSERT INTO orders (id, title) SELECT id, ssn FROM people',
    'ALTER TABLE people RENAME COLUMN ssn TO x',
    'ALTER TABLE people RENAME TO persons',
    'ALTER TABLE people SET SCHEMA pg_temp',
    'ALTER TABLE people ADD COLUMN y text GENERATED ALWAYS AS (ssn) STORED',
    'ALTER SCHEMA public RENAME TO other',
    'ALTER TABLE orders ADD COLUMN y text DEFAULT get_ssn(1)',
    'CREATE RULE r AS ON SELECT TO orders DO INSTEAD SELECT 1',
    'CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE SCHEMA s CREATE VIEW v AS SELECT ssn AS x FROM public.people',
    'BEGIN; CREATE TABLE v (a int); ROLLBACK; CREATE SCHEMA s CREATE VIEW v AS SELECT ssn AS x FROM public.people; SELECT x FROM s.v',
    'CREATE SCHEMA s CREATE TABLE t (a text DEFAULT public.get_ssn(1))',
    'PREPARE d AS SELECT upper(ssn) AS u FROM people; CREATE TEMP TABLE t AS EXECUTE d; SELECT u FROM t',
    'PREPARE d AS SELECT upper(ssn) AS u FROM people; EXPLAIN ANALYZE CREATE TEMP TABLE t AS EXECUTE d; SELECT u FROM t',
    'PREPARE e (text) AS INSERT INTO orders (id, title) VALUES (99, $1); EXECUTE e (get_ssn(1)); SELECT title FROM orders WHERE id = 99',
    "LISTEN c; PREPARE f (text) AS SELECT pg_notify('c', $1); EXECUTE f (get_ssn(1)); SELECT 1",
    'PREPARE b (text) AS SELECT $1; EXECUTE b (get_ssn(1))',
  ),
  // Past the tree.
  ...refused(
    'DO $$BEGIN RAISE NOTICE $x$%$x$, (SELECT ssn FROM people LIMIT 1);END$$',
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM people'",
    "SELECT query_to_xml('SELECT ssn FROM people', true, false, '')",
    "SELECT * FROM ts_stat('SELECT to_tsvector(ssn) FROM people')",
    "SELECT pg_notify('c', ssn) FROM people",
    "SELECT set_config('a.b', ssn, false) FROM people",
    "SELECT setval('counter', pin) FROM people",
    'SELECT lo_from_bytea(0, ssn::bytea) FROM people',
    'SELECT pg_advisory_lock(pin) FROM people',
    'SELECT lo_create(pin::oid) FROM people LIMIT 1; SELECT oid FROM pg_largeobject_metadata',
    'BEGIN; SELECT lo_create(999); SELECT lo_open(999, 131072); SELECT lo_lseek(0, pin, 0) FROM people LIMIT 1; SELECT lo_tell(0); ROLLBACK',
    'SELECT setseed(pin / 10000.0) FROM people LIMIT 1; SELECT random()',
    "SELECT ts_rewrite('a'::tsquery, $$SELECT 'a'::tsquery, to_tsquery('simple', ssn) FROM people$$)",
    "CREATE DOMAIN told AS text CHECK (pg_notify('c', VALUE) IS NOT NULL); LISTEN c; SELECT ssn::told FROM people; SELECT 1",
    "CREATE DOMAIN set_to AS text CHECK (set_config('a.b', VALUE, false) IS NOT NULL); SELECT count(ssn::set_to) FROM people; SHOW a.b",
    "CREATE DOMAIN plain AS text; ALTER DOMAIN plain ADD CHECK (set_config('a.b', VALUE, false) IS NOT NULL); SELECT count(ssn::plain) FROM people; SHOW a.b",
    "SELECT table_to_xml('people', true, false, '')",
    "SELECT schema_to_xml('public', true, false, '')",
    'CREATE EXTENSION dblink',
    'CREATE FOREIGN TABLE f (a text) SERVER s',
  ),
]

/** What is not about them goes on as before. */
export const ordinary: readonly (readonly [sql: string, stdout: string])[] = [
  ['SELECT id, name FROM people ORDER BY id', '1|ada\n2|bob\n3|eve\n'],
  ['SELECT initcap(name) FROM people WHERE id = 1', 'Ada\n'],
  ['SELECT count(*), count(ssn), max(p.id) FROM people p', '3|3|3\n'],
  [
    'SELECT p.name || $$ $$ || o.title FROM people p JOIN orders o ON o.person = p.id ORDER BY 1',
    'ada tea\nbob ink\n',
  ],
  ['SELECT size, name FROM everybody WHERE id = 1', '3|ada\n'],
  ['SELECT s FROM twice WHERE id = 1', '3\n'],
  ['SELECT title, value, upper FROM orders ORDER BY id', 'tea|v1|u1\nink|v2|u2\n'],
  ['SELECT lower(title) FROM orders ORDER BY id', 'tea\nink\n'],
  ['SELECT q.name FROM (SELECT id, name FROM people) q ORDER BY id', 'ada\nbob\neve\n'],
  ['SELECT EXISTS (SELECT FROM people WHERE id = 1), 1 + 1, now() > $$2000-01-01$$', 't|2|t\n'],
  ['COPY (SELECT id, name FROM people ORDER BY id) TO STDOUT', '1\tada\n2\tbob\n3\teve\n'],
  ['SELECT ssn FROM people WHERE id = 1', '***********\n'],
  ['SELECT pin, born, name FROM people WHERE id = 1', '||ada\n'],
  ['COPY people (id, ssn, pin) TO STDOUT', '1\t***********\t\\N\n2\t***********\t\\N\n'],
  [
    "CREATE TEMP TABLE mine AS SELECT title, id FROM orders; SELECT * FROM mine ORDER BY id; INSERT INTO mine VALUES ('new', 9) RETURNING title, id; SELECT m.title, p.ssn FROM mine m JOIN people p USING (id) WHERE id = 1; COPY mine TO STDOUT",
    'SELECT 2\ntea|1\nink|2\nnew|9\nINSERT 0 1\ntea|***********\ntea\t1\nink\t2\nnew\t9\n',
  ],
  [
    'CREATE TEMP VIEW v AS SELECT title FROM orders; SELECT * FROM v ORDER BY 1',
    'CREATE VIEW\nink\ntea\n',
  ],
  ['SELECT last_value FROM counter', '1\n'],
  [
    "SELECT data_type FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'title'",
    'text\n',
  ],
  ["UPDATE people SET ssn = '000' WHERE id = 99", 'UPDATE 0\n'],
  ['UPDATE people SET ssn = upper(ssn) WHERE id = 99', 'UPDATE 0\n'],
]
