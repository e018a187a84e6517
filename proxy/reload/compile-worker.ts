/**
 * Compiles rules, once, and answers.
 *
 * @module
 */
import type { CustomPattern } from '../../masking-wasm/compile/custom.ts'
import type { Pack } from '../../masking-wasm/rules/index.ts'
import type { KnownSecret } from '../../masking-wasm/rules/known.ts'
import { compileRules } from '../tap/ruleset.ts'

export interface CompileRequest {
  readonly packs: readonly Pack[]
  readonly custom: readonly CustomPattern[]
  readonly known: readonly KnownSecret[]
}

declare const self: Worker

self.onmessage = ({ data: { packs, custom, known } }: MessageEvent<CompileRequest>) => {
  self.postMessage(compileRules(packs, custom, known))
}
