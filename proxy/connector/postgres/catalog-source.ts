/**
 * The catalogues of targets, asked for on connections of the gateway's own and remembered for a moment.
 *
 * @module
 */
import { TargetError } from '../../core/errors.ts'
import { type Dialled, dialTarget, type PostgresTarget } from './dial.ts'
import { Handshake, HandshakeError } from './handshake.ts'
import {
  catalog_all_bytes_max,
  catalog_bytes_max,
  catalog_ms,
  catalog_rows_max,
  catalog_turn_ms,
  dial_ms,
} from './limits.ts'
import { header_bytes, i32, letter, message, sqlState, textOf, u16 } from './message.ts'
import type { Analyser } from './plan.ts'
import { createProtectingAnalyser } from './sql/protect.ts'
import { catalog_query, readCatalog, readViews, views_query } from './sql/read-catalog.ts'

export interface CatalogSource {
  /** Rejects with a `TargetError`: without it nothing is let through. */
  analyser(target: PostgresTarget, account: string, database: string): Promise<Analyser>
}

/** `now_ms`: monotonic milliseconds. */
export function createCatalogSource(now_ms: () => number): CatalogSource {
  const known = new Map<
    string,
    { readonly until_ms: number; readonly analyser: Promise<Analyser> }
  >()
  return {
    analyser(target, account, database) {
      // What an account may not see of the catalogue depends on nobody: it is the same for all.
      const name = JSON.stringify([target.name, database])
      const before = known.get(name)
      if (before !== undefined && now_ms() < before.until_ms) return before.analyser
      // Sessions that run keep theirs; nobody else needs an old one.
      for (const [old, { until_ms }] of known) if (now_ms() >= until_ms) known.delete(old)
      const analyser = ask(target, account, database, now_ms)
      known.set(name, { until_ms: now_ms() + catalog_ms, analyser })
      analyser.catch(() => {
        if (known.get(name)?.analyser === analyser) known.delete(name)
      })
      return analyser
    },
  }
}

async function ask(
  target: PostgresTarget,
  account: string,
  database: string,
  now_ms: () => number,
): Promise<Analyser> {
  const parameters = new Map([
    ['user', account],
    ['database', database],
    ['application_name', 'sluice catalogue'],
    ['client_encoding', 'UTF8'],
  ])
  const dialled = await dialTarget(target, account, parameters)
  const timer = setTimeout(() => dialled.stream.destroy(), dial_ms)
  dialled.stream.on('error', () => {})
  try {
    const handshake = new Handshake(dialled.stream)
    const rows = await query(dialled, handshake, catalog_query)
    const read = readCatalog(rows, target.columns)
    if (!read.ok) throw new TargetError('target_protocol', read.reason)
    if (read.views.length > 0) {
      const [definitions = []] = await query(dialled, handshake, views_query(read.views))
      await readViews(read, definitions, breathing(now_ms))
    }
    dialled.stream.end(message('X'))
    return createProtectingAnalyser(read.catalog)
  } catch (error) {
    dialled.stream.destroy()
    if (!(error instanceof HandshakeError)) throw error
    throw new TargetError('target_protocol', 'the catalogue of the target cannot be read')
  } finally {
    clearTimeout(timer)
    // A target that does not leave then, or goes on to say something, is left.
    dialled.stream.resume()
    setTimeout(() => dialled.stream.destroy(), goodbye_ms).unref()
  }
}

const goodbye_ms = 1_000

/** Gives the loop to others when a turn is over, and up when all of it takes longer than a dial may. */
function breathing(now_ms: () => number): () => Promise<void> | undefined {
  const end_ms = now_ms() + dial_ms
  let turn_ms = now_ms()
  return () => {
    const at_ms = now_ms()
    if (at_ms > end_ms) throw too_large()
    if (at_ms - turn_ms < catalog_turn_ms) return undefined
    return new Promise((resolve) =>
      setImmediate(() => {
        turn_ms = now_ms()
        resolve()
      }),
    )
  }
}

const too_large = (): TargetError =>
  new TargetError('target_protocol', 'the catalogue of the target is too large')

type Rows = (readonly (string | null)[])[]

/** The rows of each statement of a text, as text. */
async function query(
  { stream }: Dialled,
  handshake: Handshake,
  text: string,
): Promise<readonly Rows[]> {
  stream.write(message('Q', text))
  const all: Rows[] = []
  let rows: Rows = []
  let count = 0
  for (let heard_bytes = 0; ; ) {
    const { type, bytes } = await handshake.message(catalog_bytes_max)
    heard_bytes += bytes.length
    // What it says besides rows counts too: it may go on with that for as long as it likes.
    if (++count > catalog_rows_max || heard_bytes > catalog_all_bytes_max) throw too_large()
    if (type === letter('Z')) return all
    if (type === letter('E'))
      throw new TargetError(
        'target_protocol',
        `the catalogue of the target cannot be read (SQLSTATE ${sqlState(bytes)})`,
      )
    if (type === letter('C')) {
      all.push(rows)
      rows = []
    }
    if (type !== letter('D')) continue
    rows.push(readValues(bytes))
  }
}

function readValues(bytes: Uint8Array): readonly (string | null)[] {
  const values: (string | null)[] = []
  let at = header_bytes + 2
  for (let left = u16(bytes, header_bytes); left > 0 && at + 4 <= bytes.length; left--) {
    const length = i32(bytes, at)
    at += 4
    values.push(length < 0 ? null : textOf(bytes.subarray(at, at + length)))
    at += Math.max(length, 0)
  }
  return values
}
