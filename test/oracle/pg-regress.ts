/**
 * `bun run oracle [--keep DIR]`: PostgreSQL's own regression tests, all of them, twice: directly, and through a gateway
 * that masks nothing and permits everything. It lists each test that prints something else, with the rules by which the
 * gateway refused a part of it all the same, and exits 0 when every difference has such a reason. Some 5 minutes. `--keep` leaves what both printed in a folder.
 *
 * @module
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  makeRegressDatabase,
  pgRegress,
  type Regressed,
  regress_config,
  schedule,
} from '../fixture/pg-regress.ts'
import { startPostgres } from '../fixture/postgres.ts'
import { openWorld } from '../postgres/world.ts'

/** What the gateway adds to the words of a fault that its parser sees. */
const hints = /^HINT: {2}rule policy\.sql\.unparsed\n/gm

/** The tests are about the whole of PostgreSQL: files and programs of its server among it. */
const permits_all = 'permit (principal, action, resource);'

const { values } = parseArgs({ args: Bun.argv.slice(2), options: { keep: { type: 'string' } } })
const dir = values.keep ?? mkdtempSync(join(tmpdir(), 'sluice-regress-'))
// The server writes there too, as another user.
mkdirSync(dir, { recursive: true })
chmodSync(dir, 0o755)
const groups = schedule()
try {
  console.error('oracle: directly ...')
  const direct = await run('direct')
  console.error('oracle: through the gateway ...')
  const gateway = await run('gateway')
  process.exitCode = report(direct, gateway) ? 0 : 1
} finally {
  if (values.keep === undefined) rmSync(dir, { recursive: true })
}

async function run(way: 'direct' | 'gateway'): Promise<Regressed> {
  const folder = join(dir, way)
  await using database = await startPostgres({ config: regress_config })
  await makeRegressDatabase(database)
  const straight = { port: database.port, login: database.owner }
  // Awaited here: the database is gone behind this.
  if (way === 'direct') return await pgRegress(straight, folder, groups)
  await using world = await openWorld({ database, masking: { packs: [] }, policy: permits_all })
  const through = { port: world.gateway.postgres.port, login: world.login }
  return await pgRegress(through, folder, groups)
}

/** Whether every difference has a reason. */
function report(direct: Regressed, gateway: Regressed): boolean {
  const names = groups.flat().toSorted()
  const rows: string[] = []
  let [same, hinted, unexplained] = [0, 0, 0]
  for (const name of names) {
    const told = gateway.output(name)
    if (direct.passed.has(name) === gateway.passed.has(name)) same += 1
    else if (told.replace(hints, '') === direct.output(name)) hinted += 1
    else {
      const reasons = reasonsOf(told)
      if (reasons.length === 0) unexplained += 1
      rows.push(`  ${name.padEnd(20)} ${reasons.join(', ') || 'NO REASON'}`)
    }
  }
  console.log(`${names.length} tests: ${direct.passed.size} pass directly, ${same} come out alike`)
  console.log(
    `through the gateway, and ${hinted} with a hint more at faults of syntax. The others:`,
  )
  for (const row of rows) console.log(row)
  // A run that saw nothing proves nothing.
  return unexplained === 0 && direct.passed.size > 200
}

/** Rules by which a part of it was refused, with how often; what comes of that in the same test has no line. */
function reasonsOf(told: string): readonly string[] {
  const rules = new Map<string, number>()
  for (const [, rule = ''] of told.matchAll(/^HINT: +rule (\S+)$/gm))
    rules.set(rule, (rules.get(rule) ?? 0) + 1)
  return [...rules].map(([rule, count]) => `${rule} ${count}`)
}
