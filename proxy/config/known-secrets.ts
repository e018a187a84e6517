/**
 * Values that are masked wherever they stand: those of `masking.known_secrets_file`, and the passwords and
 * client secrets that the gateway itself logs in with.
 *
 * @module
 */
import {
  isMaskable,
  type KnownSecret,
  known_bytes_max,
  known_bytes_min,
} from '../../masking-wasm/rules/known.ts'
import { namedSecret, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { Config, Target } from './model.ts'

/** They are many small texts, and needed once: after that only their automaton is left in memory. */
export class KnownSecrets {
  readonly count: number
  #secrets: readonly KnownSecret[] | undefined

  constructor(secrets: readonly KnownSecret[]) {
    this.count = secrets.length
    this.#secrets = secrets
  }

  /** Gives them away and forgets them. Throws when they were taken: without them nothing is masked. */
  take(): readonly KnownSecret[] {
    const secrets = this.#secrets
    if (secrets === undefined) throw new Error('the known secrets were taken already')
    this.#secrets = undefined
    return secrets
  }
}

const file_at: Path = ['masking', 'known_secrets_file']

/** `shown`: the path as the user wrote it. */
export function knownSecrets(
  shown: string | undefined,
  providers: Config['identity']['oidc'],
  reached: readonly Target[],
  kept: Config['evidence']['remote'],
  around: Surroundings,
): KnownSecrets {
  const by_text = new Map<string, KnownSecret>()
  for (const own of ownSecrets(providers, reached, kept)) by_text.set(own.text, own)
  // Later, since what is listed may be printed by a target, whoever else has it.
  for (const text of listed(shown, around)) by_text.set(text, { text, held_by: 'targets' })
  return new KnownSecrets([...by_text.values()])
}

/** What the gateway logs in with, but for keys: those are masked as private keys, wherever they stand. */
export function ownSecrets(
  providers: Config['identity']['oidc'],
  reached: readonly Target[],
  kept: Config['evidence']['remote'],
): readonly KnownSecret[] {
  const credentials = reached.flatMap(({ accounts }) => Object.values(accounts))
  const secrets = [
    ...credentials.flatMap((one) => (one.kind === 'password' ? [one.password] : [])),
    ...providers.flatMap(({ client_secret }) => client_secret ?? []),
    ...(kept === undefined ? [] : [kept.secret_key]),
  ]
  // What is too short or too long was warned of where it stands.
  return secrets
    .map((secret) => secret.reveal())
    .filter(isMaskable)
    .map((text) => ({ text, held_by: 'gateway' }))
}

/** One value a line, as it is; blank lines and those that begin with `#` are none. */
function listed(shown: string | undefined, around: Surroundings): readonly string[] {
  if (shown === undefined) return []
  const file = namedSecret(shown, file_at, around)
  if (file === undefined) return []
  const values: string[] = []
  for (const [index, line] of file.text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const reason = whyRefused(line)
    if (reason === undefined) values.push(line)
    else around.findings.error(file_at, `${shown}: line ${index + 1}: ${reason}`)
  }
  if (values.length === 0) around.findings.warn(file_at, `${shown}: no value is in it`)
  return values
}

function whyRefused(line: string): string | undefined {
  const bytes = Buffer.byteLength(line)
  if (bytes < known_bytes_min)
    return `shorter than ${known_bytes_min} bytes: it would mask ordinary text`
  if (bytes > known_bytes_max) return `longer than ${known_bytes_max} bytes`
  // Nobody sees it, and with it the value is another one.
  if (line.trim() !== line)
    return 'a space at its beginning or end; leave it out, the rest is masked'
  if (line.includes('\ufffd')) return 'this is not UTF-8'
  return undefined
}
