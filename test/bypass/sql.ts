/**
 * Ways around rules about statements: what a rule forbids, said in another way. The database, the rules, and each way with
 * what becomes of it.
 *
 * @module
 */

/** `public.people` is out of bounds, rows are not deleted whole, and nobody defines anything. */
export const policy = `
@id("all") permit (principal, action, resource);
@id("people") forbid (principal, action == Action::"query", resource)
when { context.objects.contains("public.people") };
@id("rows") forbid (principal, action == Action::"query", resource)
when { context.findings.contains("all-rows") };
@id("defines") forbid (principal, action == Action::"query", resource)
when { context.findings.containsAny(["definition", "rights", "unguarded", "catalogue-change", "other-role"]) };
@id("opaque") forbid (principal, action == Action::"query", resource) when { context.opaque };
@id("large") forbid (principal, action == Action::"query", resource)
when { context.findings.containsAny(["large-object", "statistics", "credentials"]) };
@id("critical") forbid (principal, action == Action::"query", resource) when { context.risk == "critical" };
`

export const database_sql = `
CREATE TABLE people (id int PRIMARY KEY, name text, ssn text);
INSERT INTO people VALUES (1, 'ada', 'leaked-ada'), (2, 'bob', 'leaked-bob');
CREATE TABLE orders (id int PRIMARY KEY, person int, title text);
INSERT INTO orders VALUES (1, 1, 'tea'), (2, 2, 'ink');
CREATE SCHEMA sales; CREATE TABLE sales.people (id int); INSERT INTO sales.people VALUES (7);
CREATE TABLE child (more text) INHERITS (people);
CREATE VIEW everybody AS SELECT * FROM people;
CREATE VIEW twice AS SELECT o.title, e.ssn FROM orders o JOIN everybody e ON e.id = o.person;
CREATE MATERIALIZED VIEW kept AS SELECT ssn FROM everybody;
CREATE TABLE grandchild () INHERITS (child);
CREATE VIEW titles AS SELECT title FROM orders;
CREATE FUNCTION all_ssn() RETURNS SETOF text LANGUAGE sql AS 'SELECT ssn FROM people';
CREATE FUNCTION wipe() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN DELETE FROM orders; END$$;
CREATE FUNCTION hidden() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'PREPARE sneaky AS SELECT ssn FROM people'; END$$;
CREATE PROCEDURE wiping() LANGUAGE plpgsql AS $$BEGIN DELETE FROM orders; END$$;
SELECT lo_from_bytea(4711, 'leaked-ada');
ANALYZE;
`

export interface Way {
  /** Sent line by line to one session, by a real psql. */
  readonly sql: string
  /** The rule that stops it, in the last of its lines that fails; `passes`: a limit, with its reason. */
  readonly by: string
  readonly limit?: string
}

const by = (rule: string, ...ways: readonly string[]): readonly Way[] =>
  ways.map((sql) => ({ sql, by: rule }))
const passes = (limit: string, ...ways: readonly string[]): readonly Way[] =>
  ways.map((sql) => ({ sql, by: 'passes', limit }))

export const ways: readonly Way[] = [
  // The name of a table, written otherwise.
  ...by(
    'people',
    'SELECT * FROM public.people',
    'SELECT * FROM people',
    'select/**/ssn/*x*/from--\n people',
    'SELECT * FROM "people"',
    'SELECT * FROM "public" . "people" AS x',
    `SELECT * FROM U&"p\\0065ople"`,
    `SELECT * FROM U&"p!0065ople" UESCAPE '!'`,
    'SELECT * FROM PEOPLE',
    'SELECT * FROM ONLY people',
    'TABLE people',
    'SELECT * FROM postgres.public.people',
  ),
  // Another place in the tree.
  ...by(
    'people',
    'SELECT (SELECT ssn FROM people LIMIT 1)',
    'SELECT 1 WHERE EXISTS (SELECT 1 FROM people)',
    'SELECT * FROM orders o, LATERAL (SELECT ssn FROM people p WHERE p.id = o.person) x',
    'WITH q AS (SELECT * FROM people) SELECT * FROM q',
    'WITH people AS (SELECT * FROM people) SELECT * FROM people',
    'SELECT 1 FROM orders WHERE EXISTS (WITH people AS (SELECT 1) SELECT 1) AND (SELECT count(*) FROM people) > 0',
    'WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a, people WHERE n < 2) SELECT * FROM a',
    'SELECT 1 UNION SELECT id FROM people',
    'VALUES ((SELECT ssn FROM people LIMIT 1))',
    "SELECT 1; SELECT 'x'; SELECT ssn FROM people",
    'INSERT INTO orders SELECT id + 90, id, ssn FROM people',
    'WITH people AS (SELECT 1) INSERT INTO people VALUES (9)',
    'UPDATE orders SET title = ssn FROM people WHERE orders.person = people.id',
    'DELETE FROM orders USING people WHERE orders.person = people.id',
    'MERGE INTO orders o USING people p ON o.person = p.id WHEN MATCHED THEN UPDATE SET title = p.ssn',
    'COPY people TO STDOUT',
    'COPY (SELECT ssn FROM people) TO STDOUT',
    'EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM people',
    'SELECT * INTO TEMP x FROM people',
    'CREATE TEMP TABLE x (LIKE people INCLUDING ALL)',
    'CREATE TEMP TABLE x () INHERITS (people)',
    'CREATE TEMP VIEW x AS SELECT * FROM people',
    'LOCK TABLE people',
    'BEGIN; DECLARE c CURSOR FOR SELECT * FROM people; FETCH ALL FROM c',
    'PREPARE p AS SELECT * FROM people; EXECUTE p',
  ),
  // What stands for the table.
  ...by(
    'people',
    'SELECT ssn FROM everybody',
    'SELECT ssn FROM twice',
    'SELECT ssn FROM kept',
    'SELECT * FROM child',
    'SELECT * FROM public.grandchild',
    'COPY (TABLE everybody) TO STDOUT',
    'SELECT all_ssn() LIMIT 0\nSELECT ssn FROM everybody',
  ),
  // Where names are looked up.
  ...by(
    'people',
    'SET search_path = sales\nSET search_path = public\nSELECT * FROM people',
    "SELECT set_config('search_path', 'public', false)\nSELECT * FROM people",
    "SELECT set_config('search' || '_path', 'x, public', false)\nSELECT * FROM people",
    'BEGIN\nSET LOCAL search_path = sales\nROLLBACK\nSELECT ssn FROM people',
    'SET search_path = sales\nRESET search_path\nSELECT * FROM people',
    'SET search_path = sales\nDISCARD ALL\nSELECT * FROM people',
    // Prepared under one path, run under another: PostgreSQL reads the name anew.
    'SET search_path = sales\nPREPARE p AS SELECT * FROM people\nSET search_path = public\nEXECUTE p',
    'SELECT all_ssn() LIMIT 0\nSELECT * FROM people',
  ),
  // All rows, said otherwise.
  ...by(
    'rows',
    'DELETE FROM orders',
    'DELETE FROM orders WHERE true',
    'DELETE FROM orders WHERE 1 = 1',
    "DELETE FROM orders WHERE 'a' < 'b' OR id = 3",
    'DELETE FROM orders WHERE NOT false',
    'DELETE FROM orders WHERE id = id',
    'DELETE FROM orders WHERE EXISTS (SELECT 1)',
    'WITH d AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM d',
    'EXPLAIN ANALYZE DELETE FROM orders',
    'PREPARE d AS DELETE FROM orders',
    'TRUNCATE orders',
    'TRUNCATE TABLE ONLY sales.people, orders RESTART IDENTITY CASCADE',
    "UPDATE orders SET title = 'x'",
    'MERGE INTO orders o USING (SELECT 1) x ON true WHEN MATCHED THEN DELETE',
    'SELECT 1; DELETE FROM orders; SELECT 2',
    'BEGIN; DELETE FROM orders; COMMIT',
    'COPY (DELETE FROM orders RETURNING *) TO STDOUT',
  ),
  // Definitions, which would give a rule another table to look at.
  ...by(
    'defines',
    'ALTER TABLE orders OWNER TO pg_monitor',
    'ALTER TABLE sales.people RENAME TO x',
    'GRANT ALL ON orders TO PUBLIC',
    'GRANT pg_read_server_files TO owner',
    'CREATE VIEW sales.v AS SELECT 1',
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    'CREATE RULE r AS ON INSERT TO orders DO INSTEAD NOTHING',
    'ALTER TABLE orders DISABLE TRIGGER ALL',
    'SET session_replication_role = replica',
    "UPDATE pg_class SET relname = 'x' WHERE relname = 'orders'",
    'ALTER ROLE owner SET search_path = sales',
    'SET ROLE pg_monitor',
    "SELECT set_config('ro' || 'le', 'pg_monitor', false)",
    'ALTER FUNCTION wipe() SECURITY INVOKER',
    'CREATE SCHEMA owner CREATE TABLE mine (id int)',
    'ALTER SYSTEM SET log_statement = none',
  ),
  ...by('people', 'DROP TABLE people', 'DROP SCHEMA public CASCADE', 'DROP OWNED BY owner'),
  // Code that nobody has read.
  ...by(
    'opaque',
    "DO $$BEGIN EXECUTE 'DELETE FROM or' || 'ders'; END$$",
    "SELECT query_to_xml('SELECT ssn FROM public.people', true, true, '')",
    "SELECT * FROM ts_stat('SELECT to_tsvector(ssn) FROM people')",
    'SELECT hidden()\nEXECUTE sneaky',
  ),
  ...by(
    'large',
    'SELECT lo_get(4711)',
    "SELECT lo_export(4711, '/tmp/x')",
    "SELECT convert_from(loread(lo_open(4711, 262144), 100), 'UTF8')",
    "SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'people'",
    'SELECT rolpassword FROM pg_authid',
  ),
  ...by(
    'critical',
    "COPY orders TO PROGRAM 'cat'",
    "COPY orders FROM '/etc/passwd'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT * FROM dblink('dbname=postgres', 'SELECT ssn FROM people') AS t (s text)",
  ),
  ...by(
    'policy.sql.syntax',
    'SET standard_conforming_strings = off',
    "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
    "WITH s AS (UPDATE pg_catalog.pg_settings SET setting = 'replica' WHERE name ~ 'replication_role' RETURNING 1) SELECT 1",
  ),
  ...by('policy.sql.unparsed', 'SELECT * FROM people WHERE ('),
  // Limits: what the text does not say.
  ...passes(
    'what a function does is not in the text; its confidence is partial',
    'SELECT all_ssn()',
  ),
  ...passes('... nor what a procedure does', 'CALL wiping()'),
  ...passes('a condition that is true for every row', 'DELETE FROM orders WHERE id > -1'),
]

/** What looks like it and is something else. */
export const innocent: readonly string[] = [
  'SELECT * FROM orders',
  'SELECT * FROM titles',
  'SELECT * FROM sales.people',
  'SET search_path = sales\nSELECT * FROM sales.people',
  'WITH people AS (SELECT 1 AS x) SELECT * FROM people',
  "SELECT 'people', $$public.people$$ AS people",
  'SELECT o.person AS people FROM orders AS o ORDER BY people',
  'DELETE FROM orders WHERE id = 99',
  'BEGIN; UPDATE orders SET title = title WHERE id = 1; ROLLBACK',
  'CREATE TEMP TABLE mine (id int)\nINSERT INTO mine VALUES (1)\nSELECT * FROM mine',
  'PREPARE p AS SELECT title FROM orders WHERE id = $1\nEXECUTE p (1)\nEXPLAIN ANALYZE EXECUTE p (2)',
  'COPY orders TO STDOUT',
]
