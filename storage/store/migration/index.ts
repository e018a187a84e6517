/**
 * The migrations as text, so that they are found from any working directory.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { MigrationMeta } from 'drizzle-orm/migrator'
import first from './0000_first.sql' with { type: 'text' }
import search from './0001_search.sql' with { type: 'text' }
import document_type from './0002_document_type.sql' with { type: 'text' }
import erased from './0003_erased.sql' with { type: 'text' }
import keyed from './0004_keyed.sql' with { type: 'text' }
import journal from './meta/_journal.json' with { type: 'json' }

const texts: Readonly<Record<string, string>> = {
  '0000_first': first,
  '0001_search': search,
  '0002_document_type': document_type,
  '0003_erased': erased,
  '0004_keyed': keyed,
}

/** In the order of drizzle-kit's journal. */
export const migrations: MigrationMeta[] = journal.entries.map(({ tag, when, breakpoints }) => {
  const text = texts[tag]
  if (text === undefined) throw new Error(`migration ${tag} is not embedded`)
  return {
    sql: text.split('--> statement-breakpoint'),
    folderMillis: when,
    hash: createHash('sha256').update(text).digest('hex'),
    bps: breakpoints,
  }
})
