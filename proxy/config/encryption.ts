/**
 * Where the key comes from that encrypts the store at rest: a file, or a command that asks a KMS or a secret manager.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { namedSecret, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { KeySource } from './model.ts'
import type { ConfigFile } from './schema.ts'
import { Secret } from './secret.ts'

/** A KMS far away answers within that, or the gateway does not start. */
const command_ms_max = 15_000
/** 32 bytes are 64 characters in hex; what prints more prints something else. */
const key_text_max = 256
const key_bytes = 32

/** Undefined where nothing is encrypted, or after a finding. Runs no command. */
export function encryption(file: ConfigFile, around: Surroundings): KeySource | undefined {
  const given = file.encryption
  if (given === undefined) return undefined
  const at: Path = ['encryption']
  const { key_file, key_command } = given
  if ((key_file === undefined) === (key_command === undefined)) {
    around.findings.error(at, 'expected either key_file or key_command')
    return undefined
  }
  if (key_command !== undefined) return { kind: 'command', command: key_command }
  const secret = namedSecret(key_file ?? '', [...at, 'key_file'], around)
  if (secret === undefined) return undefined
  if (parseKey(secret.text) === undefined)
    around.findings.error([...at, 'key_file'], `${secret.shown}: ${expected}`)
  return { kind: 'file', key: new Secret(secret.text) }
}

export type ReadKey =
  | { readonly ok: true; readonly key: Uint8Array | undefined }
  /** One line for a person, without anything that the command said: it may be the key. */
  | { readonly ok: false; readonly reason: string }

/** Runs the command, if it is one. */
export function readStoreKey(source: KeySource | undefined): ReadKey {
  if (source === undefined) return { ok: true, key: undefined }
  if (source.kind === 'file') return { ok: true, key: parseKey(source.key.reveal()) }
  const [program = '', ...words] = source.command
  const failed = (why: string): ReadKey => ({
    ok: false,
    reason: `encryption.key_command: ${program} ${why}`,
  })
  const ran = spawnSync(program, words, {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: command_ms_max,
    // It may wait for something that a request to end does not end.
    killSignal: 'SIGKILL',
    maxBuffer: key_text_max,
  })
  const code = ran.error !== undefined && 'code' in ran.error ? String(ran.error.code) : undefined
  if (code === 'ETIMEDOUT') return failed(`did not end within ${command_ms_max / 1000} s`)
  if (code === 'ENOBUFS' || ran.stdout?.length > key_text_max)
    return failed(`printed more than ${key_text_max} bytes, which is no key`)
  if (code !== undefined) return failed(`cannot be run (${code})`)
  if (ran.status !== 0)
    return failed(
      ran.status === null ? 'was ended by a signal' : `failed with exit code ${ran.status}`,
    )
  const key = parseKey(ran.stdout.toString('latin1'))
  return key === undefined ? failed(`printed no key: ${expected}`) : { ok: true, key }
}

const expected = `expected ${key_bytes} bytes in base64 or hex (openssl rand -base64 32)`

/** Undefined when it is none. */
export function parseKey(text: string): Uint8Array | undefined {
  const line = text.trim()
  if (/^[0-9a-f]{64}$/i.test(line)) return new Uint8Array(Buffer.from(line, 'hex'))
  if (!/^[A-Za-z0-9+/]{43}=?$/.test(line)) return undefined
  return new Uint8Array(Buffer.from(line, 'base64'))
}
