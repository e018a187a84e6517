/**
 * Secrets of a config: from a file or from the environment, never from the text itself.
 *
 * @module
 */
import { resolve } from 'node:path'
import { isMaskable, known_bytes_max, known_bytes_min } from '../../masking-wasm/rules/known.ts'
import type { Path } from './document.ts'
import type { Findings } from './findings.ts'
import type { Credential, PrivateKey } from './model.ts'
import { readNamedFile } from './named-file.ts'
import { parsePrivateKey } from './private-key.ts'
import type { AccountFile } from './schema.ts'
import { Secret } from './secret.ts'

export interface Surroundings {
  /** What relative paths are relative to. */
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly findings: Findings
  /** The trial makes its own keys, people and targets: that there are none is no finding. */
  readonly is_trial: boolean
}

export interface NamedSecret {
  /** The absolute path, or `${ENV:NAME}`. */
  readonly from: string
  /** For messages: as the user wrote it. */
  readonly shown: string
  readonly text: string
}

/** RFC 4252 sets no limit; this one keeps a mistaken file from becoming a password. */
const password_characters_max = 1024
const variable = /\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}/g

/** The one credential of an account. */
export function credential(
  account: AccountFile,
  at: Path,
  around: Surroundings,
): Credential | undefined {
  const given = Object.entries(account).filter(([, value]) => value !== undefined)
  const [name, value] = given[0] ?? []
  if (given.length !== 1 || name === undefined || typeof value !== 'string') {
    around.findings.error(at, 'expected either private_key_file or password_file')
    return undefined
  }
  const key_at: Path = [...at, name]
  const secret = name.endsWith('_file')
    ? namedSecret(value, key_at, around)
    : environmentSecret(value, `${name}_file`, key_at, around)
  if (name.startsWith('password')) return password(secret, key_at, around)
  const key = privateKey(secret, key_at, around)
  return key === undefined ? undefined : { kind: 'private_key', key }
}

/** What a provider knows this gateway by; none for a public client. */
export function clientSecret(
  given: {
    readonly client_secret_file?: string | undefined
    readonly client_secret?: string | undefined
  },
  at: Path,
  around: Surroundings,
): Secret | undefined {
  const { client_secret_file: file, client_secret: inline } = given
  if (file === undefined && inline === undefined) return undefined
  if (file !== undefined && inline !== undefined) {
    around.findings.error(at, 'expected either client_secret_file or client_secret')
    return undefined
  }
  const key_at: Path = [...at, file === undefined ? 'client_secret' : 'client_secret_file']
  const secret =
    file === undefined
      ? environmentSecret(inline ?? '', 'client_secret_file', key_at, around)
      : namedSecret(file, key_at, around)
  const found = password(secret, key_at, around)
  return found?.kind === 'password' ? found.password : undefined
}

/** One line of printable characters from `NAME_file` or, as `${ENV:NAME}`, from `NAME`; one of the two must be there. */
export function namedLine(
  name: string,
  given: Readonly<Record<string, unknown>>,
  at: Path,
  around: Surroundings,
): Secret | undefined {
  const [file, inline] = [given[`${name}_file`], given[name]]
  const is_file = typeof file === 'string'
  if (is_file === (typeof inline === 'string')) {
    around.findings.error([...at, `${name}_file`], is_file ? `give it or ${name}` : 'is missing')
    return undefined
  }
  const key_at: Path = [...at, is_file ? `${name}_file` : name]
  const secret = is_file
    ? namedSecret(file, key_at, around)
    : environmentSecret(String(inline), `${name}_file`, key_at, around)
  const text = secret?.text.replace(/\r?\n$/, '')
  if (text === undefined) return undefined
  if (/^[!-~]{1,1024}$/.test(text)) return new Secret(text)
  around.findings.error(key_at, `${secret?.shown}: expected one line without spaces`)
  return undefined
}

/** Reads a secret's file; its permissions are a warning when others could read it. */
export function namedSecret(
  shown: string,
  at: Path,
  around: Surroundings,
): NamedSecret | undefined {
  if (/-----BEGIN|[\r\n]/.test(shown)) {
    around.findings.error(at, 'this is the path of a file; a secret is never written in here')
    return undefined
  }
  const path = resolve(around.folder, expand(shown, at, around))
  const read = readNamedFile(path, shown, true)
  if (!read.ok) {
    around.findings.error(at, read.reason)
    return undefined
  }
  if (read.warning !== undefined) around.findings.warn(at, read.warning)
  return { from: path, shown, text: read.text }
}

export function privateKey(
  secret: NamedSecret | undefined,
  at: Path,
  around: Surroundings,
): PrivateKey | undefined {
  if (secret === undefined) return undefined
  const parsed = parsePrivateKey(secret.text)
  if (parsed.ok)
    return { from: secret.from, pem: new Secret(secret.text), public_key: parsed.public_key }
  around.findings.error(at, `${secret.shown}: ${parsed.reason}`)
  return undefined
}

/** Fills in `${ENV:NAME}` of a path. */
export function expand(text: string, at: Path, around: Surroundings): string {
  const filled = text.replace(variable, (_, name: string) => {
    const value = around.env[name]
    if (value === undefined || value === '')
      around.findings.error(at, `the environment variable ${name} is not set`)
    return value ?? ''
  })
  if (text.replace(variable, '').includes('${'))
    around.findings.error(at, 'a variable is written ${ENV:NAME}')
  return filled
}

function environmentSecret(
  text: string,
  file_key: string,
  at: Path,
  around: Surroundings,
): NamedSecret | undefined {
  if (text.replace(variable, '') !== '' || text.match(variable)?.length !== 1) {
    around.findings.error(at, `a secret is never written in here: use ${file_key}, or \${ENV:NAME}`)
    return undefined
  }
  return { from: text, shown: text, text: expand(text, at, around) }
}

function password(
  secret: NamedSecret | undefined,
  at: Path,
  around: Surroundings,
): Credential | undefined {
  if (secret === undefined) return undefined
  // An editor ends a file with a newline; a password does not.
  const text = secret.text.replace(/\r?\n$/, '')
  const refuse = (reason: string): undefined => {
    around.findings.error(at, `${secret.shown}: ${reason}`)
  }
  if (text === '') return refuse('the password is empty')
  if (text.length > password_characters_max) return refuse('this is too long for a password')
  if (/[\0\r\n]/.test(text)) return refuse('a password is one line')
  if (!isMaskable(text))
    around.findings.warn(
      at,
      `${secret.shown}: it is not masked in output: only ${known_bytes_min} to ${known_bytes_max} bytes can be`,
    )
  return { kind: 'password', from: secret.from, password: new Secret(text) }
}
