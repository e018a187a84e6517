/**
 * `bun run sluice VERB`: the command line. Wires the verbs, and turns what they throw into words and an
 * exit status.
 *
 * @module
 */
import { createClock } from '../core/clock.ts'
import { database_token_lifetime_s_max, mintDatabaseToken } from '../identity/database-token.ts'
import { mintToken, parseTokenKey, roles, token_lifetime_s_max } from '../identity/token.ts'
import { bundle, page } from './bundle.ts'
import { checkConfig } from './check-config.ts'
import { createCompletion } from './completion.ts'
import { createConsole } from './console.ts'
import { disclose } from './disclose.ts'
import { createGrants } from './grants.ts'
import { createHelp, overview, unknownVerb } from './help.ts'
import { indexBucket } from './index-bucket.ts'
import { createKeeping } from './keeping.ts'
import { keygen } from './keygen.ts'
import { login } from './login.ts'
import { mask } from './mask.ts'
import { policy } from './policy.ts'
import { reconcile } from './reconcile.ts'
import { createReloadVerb } from './reload.ts'
import { replay } from './replay.ts'
import { createRequests } from './requests.ts'
import { sessions } from './sessions.ts'
import { show } from './show.ts'
import { sshConfig } from './ssh-config.ts'
import { createToken, type TokenMint } from './token.ts'
import { trust } from './trust.ts'
import { unseal } from './unseal.ts'
import {
  type ExitCode,
  helpText,
  parseCall,
  UsageError,
  usageLine,
  type Verb,
  VerbError,
} from './verb.ts'
import { verify } from './verify.ts'
import { witness } from './witness.ts'

const clock = createClock(Date.now, () => performance.now())

const mint: TokenMint = {
  roles,
  lifetime_s_max: token_lifetime_s_max,
  database_lifetime_s_max: database_token_lifetime_s_max,
  mint: async (pem, subject, wanted, lifetime_s, groups = []) => {
    const key = parseTokenKey(pem)
    if (key === undefined) return undefined
    const known = roles.filter((role) => wanted.includes(role))
    return mintToken(key, { subject, groups, roles: known, lifetime_s }, clock.now_us())
  },
  mintDatabase: async (pem, subject, groups, lifetime_s, certificate) => {
    const key = parseTokenKey(pem)
    if (key === undefined) return undefined
    const bound = certificate === undefined ? {} : { certificate }
    return mintDatabaseToken(key, { subject, groups, lifetime_s, ...bound }, clock.now_us())
  },
}

const verbs: readonly Verb[] = [
  checkConfig,
  keygen,
  sshConfig,
  login,
  sessions,
  show,
  replay,
  verify,
  indexBucket,
  trust,
  witness,
  bundle,
  page,
  unseal,
  disclose,
  reconcile,
  mask,
  policy,
  ...createRequests(mint),
  ...createGrants(mint),
  ...createKeeping(mint),
  createReloadVerb(mint),
  createToken(mint),
  createHelp(() => verbs),
  createCompletion(() => verbs),
]

process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<ExitCode> {
  const console = createConsole(process.env)
  const [name, ...rest] = words
  if (name === undefined) {
    console.note(overview(verbs))
    return 2
  }
  const wanted = name === '--help' || name === '-h' ? 'help' : name
  const verb = verbs.find((each) => each.name === wanted)
  if (verb === undefined) {
    console.note(`sluice: ${unknownVerb(name, verbs)}\nusage: sluice VERB [options]; sluice help`)
    return 2
  }
  try {
    const call = parseCall(verb, rest, console)
    if (!call.flag('help')) return await verb.run(call)
    await console.out(helpText(verb))
    return 0
  } catch (error) {
    console.progress('')
    if (error instanceof UsageError) {
      console.note(`sluice ${verb.name}: ${error.message}\n${usageLine(verb)}`)
      return 2
    }
    // `sluice sessions | head` is no failure.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return 0
    const message = error instanceof Error ? error.message : 'failed'
    console.note(`sluice ${verb.name}: ${error instanceof VerbError ? message : unexpected(error)}`)
    return 1
  }
}

/** An operating failure of what a verb stands on has a code; anything else is a fault of ours. */
function unexpected(error: unknown): string {
  if (error instanceof Error && 'code' in error) return error.message
  return error instanceof Error
    ? `unexpected: ${error.stack ?? error.message}`
    : 'unexpected failure'
}
