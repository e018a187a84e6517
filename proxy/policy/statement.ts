/**
 * Statements of databases: all run but for the critical ones of the catalogue, and what cannot be read.
 *
 * @module
 */
import type { Statement, StatementRisk } from '../core/statement.ts'
import type { Verdict } from '../core/verdict.ts'

/** Why each of them is denied; those that are not here run, and are recorded. */
const critical: Readonly<Partial<Record<StatementRisk, string>>> = {
  unparsed: 'this statement cannot be read by the gateway, so it is not let through',
  drop_database: 'dropping a database is forbidden',
  program: 'programs and libraries of the database server are out of bounds',
  server_file: 'files of the database server are out of bounds',
  server_config: "the database server's own configuration is out of bounds",
  replication: 'changes cannot be read past the tables: that is replication',
  network: 'going on from the database to another one is forbidden',
  syntax: 'how statements are read must not change in a session',
}

export function statementVerdict({ risks }: Statement): Verdict {
  for (const risk of risks) {
    const message = critical[risk]
    if (message !== undefined) return { allowed: false, rule: `policy.sql.${risk}`, message }
  }
  return { allowed: true, rule: 'policy.sql' }
}
