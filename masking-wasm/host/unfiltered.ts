/**
 * A stream as the module masks it, beside one that looks at every byte: neither the filter nor a split may show.
 *
 * @module
 */
import { deepStrictEqual } from 'node:assert'
import type { Rule } from '../rules/rule.ts'
import type { FlushEvent, MaskingEngine } from './engine.ts'
import { engineOf, type Fed, feed, latin1 } from './fixture.ts'

export interface Pair {
  readonly engine: MaskingEngine
  readonly unfiltered: MaskingEngine
}

export function pairOf(rules: readonly Rule[]): Pair {
  const unfiltered = engineOf(rules)
  unfiltered.useFilter(false)
  return { engine: engineOf(rules), unfiltered }
}

/** `parts`: sizes, again and again. `events`: flushes, at places modulo the length. Returns what is made of it in every way. */
export function assertSame(
  { engine, unfiltered }: Pair,
  text: string,
  parts: readonly number[],
  events: readonly (readonly [place: number, event: FlushEvent])[],
): Fed {
  const bytes = latin1(text)
  const at = new Map(events.map(([place, event]) => [place % (text.length + 1), event]))
  const due = feed(unfiltered, bytes, undefined, at)
  let index = 0
  deepStrictEqual(feed(engine, bytes, undefined, at), due)
  deepStrictEqual(
    feed(engine, bytes, () => parts[index++ % parts.length] ?? 1, at),
    due,
  )
  return due
}
