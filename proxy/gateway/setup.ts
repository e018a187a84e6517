/**
 * What a start reads before anything is opened: the configuration, and the rules that it compiles to.
 *
 * @module
 */
import { resolve } from 'node:path'
import type { Ruleset } from '../../masking-wasm/compile/compile.ts'
import { readStoreKey } from '../config/encryption.ts'
import { type Config, loadConfig } from '../config.ts'
import { prepareSaml } from '../identity/saml/prepare.ts'
import type { SamlSettings } from '../identity/saml/provider.ts'
import { builtin_file, builtin_text } from '../policy/cedar/builtin.ts'
import { beginPolicy, type PolicyParts, preparePolicy } from '../policy/prepare.ts'
import { sourceOf, whyRefused } from '../reload/reload.ts'
import { compileRules } from '../tap/ruleset.ts'
import { trial_policy } from '../trial/policy.ts'
import type { Options } from './options.ts'
import { Refusal } from './refusal.ts'

export interface Setup {
  readonly config: Config
  readonly warnings: readonly string[]
  readonly ruleset: Ruleset
  /** What the ruleset was made of. */
  readonly rules_source: string
  readonly policy: PolicyParts
  /** Empty in a worker. */
  readonly saml: readonly SamlSettings[]
  /** The data directory, absolute. */
  readonly data: string
  /** Where the store is encrypted at rest. */
  readonly key: Uint8Array | undefined
}

/** Rejects with {@link Refusal}, with one line that names the key and the position. */
export async function readSetup(options: Options): Promise<Setup> {
  beginPolicy()
  const loaded = loadConfig(options.config, process.env)
  if (!loaded.ok) throw new Refusal(2, loaded.problem)
  const { config, locate, warnings } = loaded
  const { packs, custom, known, idle_ms_max } = config.masking
  const values = known.take()
  const rules = compileRules(packs, custom, values)
  if (!rules.ok) throw new Refusal(2, whyRefused(rules, locate))
  const { files } = config.policy
  const prepared = await preparePolicy(
    options.config === undefined
      ? [{ name: builtin_file, text: builtin_text }, trial_policy]
      : files,
  )
  if (!prepared.ok) throw new Refusal(2, locate(['policy', 'files'], prepared.problem))
  // Its parser is some MiB, and workers have no pages: whoever started them has read it.
  const saml = await prepareSaml(options.worker === undefined ? config.identity.saml : [])
  if (!saml.ok) throw new Refusal(2, locate(['identity', 'saml', saml.index], saml.problem))
  const read = readStoreKey(config.encryption)
  if (!read.ok) throw new Refusal(1, read.reason)
  const data = options.data === undefined ? config.gateway.data : resolve(options.data)
  return {
    config,
    warnings: [...warnings, ...prepared.warnings.map((each) => locate(['policy', 'files'], each))],
    ruleset: rules.ruleset,
    rules_source: sourceOf({ packs, custom, known: values }, idle_ms_max),
    policy: prepared.parts,
    saml: saml.settings,
    data,
    key: read.key,
  }
}
