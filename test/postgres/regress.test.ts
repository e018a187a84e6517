/** PostgreSQL's own regression tests: those of them in which no statement is faulty, through a gateway that permits all. */
import { expect } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  makeRegressDatabase,
  pgRegress,
  regress_components,
  regress_config,
  schedule,
} from '../fixture/pg-regress.ts'
import { startPostgres } from '../fixture/postgres.ts'
import { testSlow } from '../fixture/require.ts'
import { components, openWorld } from './world.ts'

/** What they begin with, directly: it has a faulty statement. */
const prepared = [['test_setup'], ['create_index']]
/** Types in text, transactions, cursors, prepared statements, COPY, notifications, errors: what a wire is made for. */
const asked = new Set([
  ...['boolean', 'char', 'varchar', 'text', 'int8', 'numeric', 'uuid', 'enum', 'rangetypes'],
  ...['date', 'timestamptz', 'interval', 'inet', 'regex', 'multirangetypes'],
  ...['copydml', 'insert', 'insert_conflict', 'create_misc', 'create_procedure', 'typed_table'],
  ...['select_having', 'subselect', 'union', 'case', 'transactions', 'portals', 'portals_p2'],
  ...['update', 'delete', 'returning', 'truncate', 'prepared_xacts', 'prepare', 'plancache'],
  ...['temp', 'sequence', 'async', 'groupingsets', 'json', 'jsonpath', 'json_encoding', 'tsrf'],
  ...['identity', 'matview', 'rangefuncs', 'polymorphism', 'rowtypes', 'psql_crosstab'],
])

testSlow(
  [...components, ...regress_components],
  `${asked.size} regression tests of PostgreSQL pass through the gateway`,
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-regress-'))
    chmodSync(dir, 0o755)
    try {
      await using database = await startPostgres({ config: regress_config })
      await makeRegressDatabase(database)
      const straight = { port: database.port, login: database.owner }
      const before = await pgRegress(straight, join(dir, 'before'), prepared)
      expect([...before.passed]).toEqual(prepared.flat())
      const policy = 'permit (principal, action, resource);'
      await using world = await openWorld({ database, masking: { packs: [] }, policy })
      const { port } = world.gateway.postgres
      const through = { port, login: world.login }
      const ran = await pgRegress(through, join(dir, 'through'), schedule(asked))
      expect([...ran.failed]).toEqual([])
      expect(ran.passed).toEqual(asked)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  },
  600_000,
)
