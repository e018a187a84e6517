/**
 * How a target looks names up, asked before its session is the client's: the schemas of the path, and what objects stand for
 * others. Asked where policy speaks of objects.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import { TargetError } from '../../core/errors.ts'
import type { Lookup } from '../../core/statement.ts'
import type { Dialled } from './dial.ts'
import { Handshake, HandshakeError } from './handshake.ts'
import {
  catalog_ms,
  dial_ms,
  handshake_bytes_max,
  lookup_bytes_max,
  lookup_rows_max,
} from './limits.ts'
import { header_bytes, i32, letter, message, textOf, u16 } from './message.ts'
import { qualified } from './sql/objects.ts'

export interface Lookups {
  /** `name`: of target and database, for which what stands for others is the same. Rejects with a `TargetError`. */
  ask(
    dialled: Dialled,
    name: string,
  ): Promise<{ readonly lookup: Lookup; readonly rest: Uint8Array }>
}

const path_query = 'SELECT pg_catalog.unnest(pg_catalog.current_schemas(false))'

/** Views, and tables with rules, with what they read; and children with their parents. The account sees all names. */
const reach_query = `SELECT 'reads', vn.nspname, v.relname, tn.nspname, t.relname
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
JOIN pg_catalog.pg_class v ON v.oid = r.ev_class JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
WHERE t.oid <> v.oid AND vn.nspname NOT IN ('pg_catalog', 'information_schema')
UNION
SELECT 'part', cn.nspname, c.relname, pn.nspname, p.relname
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
LIMIT ${lookup_rows_max + 1}`

type Reach = Required<Pick<Lookup, 'reads' | 'part_of'>>

/** `now_ms`: monotonic milliseconds. */
export function createLookups(now_ms: () => number): Lookups {
  const known = new Map<string, { readonly until_ms: number; readonly reach: Reach }>()
  return {
    async ask(dialled, name) {
      const { stream, rest } = dialled
      // It said something unasked: what belongs to what cannot be told.
      if (rest.length > 0)
        throw new TargetError('target_protocol', 'the target says more than it was asked')
      for (const [old, { until_ms }] of known) if (now_ms() >= until_ms) known.delete(old)
      const before = known.get(name)?.reach
      const timer = setTimeout(() => stream.destroy(), dial_ms)
      const handshake = new Handshake(stream)
      try {
        const schemas = (await query(stream, handshake, path_query)).flatMap((row) => row[0] ?? [])
        const reach = before ?? reachOf(await query(stream, handshake, reach_query))
        if (before === undefined) known.set(name, { until_ms: now_ms() + catalog_ms, reach })
        return { lookup: { schemas, ...reach }, rest: handshake.release() }
      } catch (error) {
        stream.destroy()
        if (!(error instanceof HandshakeError)) throw error
        throw new TargetError('target_protocol', unanswered)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

const unanswered = 'the target does not say how it looks names up, and policy speaks of objects'

type Row = readonly (string | null)[]

async function query(stream: Duplex, handshake: Handshake, text: string): Promise<readonly Row[]> {
  stream.write(message('Q', text))
  const rows: Row[] = []
  for (let heard_bytes = 0; ; ) {
    const { type, bytes } = await handshake.message(handshake_bytes_max)
    heard_bytes += bytes.length
    if (type === letter('Z')) return rows
    // A setting that changed here would not be looked at.
    const is_fault = type === letter('E') || type === letter('S')
    if (is_fault || rows.length > lookup_rows_max || heard_bytes > lookup_bytes_max)
      throw new TargetError('target_protocol', unanswered)
    if (type !== letter('D')) continue
    const row: (string | null)[] = []
    let at = header_bytes + 2
    for (let left = u16(bytes, header_bytes); left > 0 && at + 4 <= bytes.length; left--) {
      const length = i32(bytes, at)
      at += 4
      row.push(length < 0 ? null : textOf(bytes.subarray(at, at + length)))
      at += Math.max(length, 0)
    }
    rows.push(row)
  }
}

function reachOf(rows: readonly Row[]): Reach {
  const reads = new Map<string, string[]>()
  const part_of = new Map<string, string[]>()
  for (const [kind, schema, name, other_schema, other_name] of rows) {
    const object = qualified(schema ?? '', name ?? '')
    const other = qualified(other_schema ?? '', other_name ?? '')
    if (kind === 'part') {
      add(part_of, object, other)
      add(reads, other, object)
    } else add(reads, object, other)
  }
  return { reads, part_of }
}

function add(map: Map<string, string[]>, name: string, value: string): void {
  const list = map.get(name)
  if (list === undefined) map.set(name, [value])
  else list.push(value)
}
