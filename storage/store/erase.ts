/**
 * Takes a session out of the store: its records, what was derived from them, and its documents. What is left is a line that
 * says which document of the log ordered it. Part of the transaction of whoever calls, so that a crash leaves all or nothing.
 *
 * @module
 */
import { and, eq, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { documentFacts, parseGroups } from './facts.ts'
import type { FoldedErasure } from './fold.ts'
import type { Statement } from './libsql.ts'
import * as tables from './schema.ts'

export class Erasing {
  readonly #sql: ReturnType<typeof prepareAll>
  readonly #delete_texts: Statement

  constructor(database: Database) {
    this.#sql = prepareAll(database)
    // An index without a table of its own is told what to forget.
    this.#delete_texts = database.connection.prepare(
      `INSERT INTO command_text (command_text, rowid, text)
       SELECT 'delete', no, text FROM command WHERE no >= (? << 32) AND no < (? << 32)`,
    )
  }

  /** Once more changes nothing. Throws what the driver throws. */
  erase({ session: id, keeps_start, digest }: FoldedErasure): void {
    this.#sql.insert_erased.run({ id, digest })
    const row = this.#sql.session.get({ id })
    if (row === undefined) return
    const { no, started_us } = row
    this.#delete_texts.run(no, no + 1)
    this.#sql.delete_programs.run({ no, started_us })
    this.#sql.delete_commands.run({ no })
    for (const name of parseGroups(row.groups)) this.#sql.delete_group.run({ name, started_us, no })
    // Places in the order of chunks are what a copy elsewhere goes on from: the last one is never given twice.
    this.#sql.empty_last_chunk.run({ no })
    this.#sql.delete_chunks.run({ no })
    for (const list of this.#leafLists(row.manifest_digest ?? ''))
      this.#sql.delete_document.run({ digest: list })
    this.#sql.delete_document.run({ digest: row.manifest_digest ?? '' })
    this.#sql.delete_document.run({ digest: row.envelope_digest })
    if (keeps_start !== true) this.#sql.delete_document.run({ digest: row.start_digest })
    this.#sql.delete_session.run({ no })
  }

  #leafLists(manifest_digest: string): readonly string[] {
    const manifest = this.#sql.document.get({ digest: manifest_digest })
    const leaves = manifest === undefined ? undefined : documentFacts(manifest.bytes)?.['leaves']
    return Array.isArray(leaves) ? leaves.filter((each) => typeof each === 'string') : []
  }
}

function prepareAll({ drizzle: db }: Database) {
  const p = sql.placeholder
  const { session, session_group, session_program, chunk, command, document, erased } = tables
  const of_session = sql`${command.no} >= (${p('no')} << 32) AND ${command.no} < ((${p('no')} + 1) << 32)`
  return {
    insert_erased: db
      .insert(erased)
      .values({ id: p('id'), digest: p('digest'), scrubbed: 0 })
      .onConflictDoNothing()
      .prepare(),
    session: db
      .select()
      .from(session)
      .where(eq(session.id, p('id')))
      .prepare(),
    document: db
      .select({ bytes: document.bytes })
      .from(document)
      .where(eq(document.digest, p('digest')))
      .prepare(),
    delete_commands: db.delete(command).where(of_session).prepare(),
    empty_last_chunk: db
      .update(chunk)
      .set({ session_no: 0, first_seq: 0, count: 0, bytes: sql`x''` })
      .where(
        sql`${chunk.session_no} = ${p('no')} AND ${chunk.no} = (SELECT max(${chunk.no}) FROM ${chunk})`,
      )
      .prepare(),
    delete_chunks: db
      .delete(chunk)
      .where(eq(chunk.session_no, p('no')))
      .prepare(),
    delete_programs: db
      .delete(session_program)
      .where(
        sql`${session_program.name} IN (SELECT ${command.program} FROM ${command} WHERE ${of_session})
          AND ${session_program.started_us} = ${p('started_us')} AND ${session_program.session_no} = ${p('no')}`,
      )
      .prepare(),
    delete_group: db
      .delete(session_group)
      .where(
        and(
          eq(session_group.name, p('name')),
          eq(session_group.started_us, p('started_us')),
          eq(session_group.session_no, p('no')),
        ),
      )
      .prepare(),
    delete_document: db
      .delete(document)
      .where(eq(document.digest, p('digest')))
      .prepare(),
    delete_session: db
      .delete(session)
      .where(eq(session.no, p('no')))
      .prepare(),
  }
}
