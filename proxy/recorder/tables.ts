/**
 * What sessions are masked with, and how later ones come to have other tables: a session keeps those that it began with, in
 * the midst of a match or not. With the last of them its tables are garbage.
 *
 * @module
 */
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { masking_tables_max } from '../core/limits.ts'
import type { MaskerSource } from '../tap/sink.ts'
import type { Configuration } from './messages.ts'
import type { OpeningParts } from './opening.ts'

export interface Masking extends Pick<OpeningParts, 'hashes'> {
  readonly maskers: MaskerSource
  readonly idle_ms: number
}

/** With another configuration; or, in a line, why not. `in_use`: of the sessions that run. */
export function withConfiguration(
  masking: Masking,
  { rules, policy_hash }: Configuration,
  in_use: Iterable<MaskerSource>,
  load: (ruleset: Ruleset) => MaskerSource,
): Masking | string {
  if (rules === undefined) return { ...masking, hashes: { ...masking.hashes, policy_hash } }
  const { ruleset, idle_ms } = rules
  if (new Set([...in_use, masking.maskers]).size >= masking_tables_max)
    return `sessions still use ${masking_tables_max} sets of rules; reload again when some have ended`
  try {
    const hashes = { ...masking.hashes, rules_hash: ruleset.hash, policy_hash }
    return { maskers: load(ruleset), idle_ms, hashes }
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown'
  }
}
