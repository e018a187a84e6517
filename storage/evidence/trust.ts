/**
 * The trust file: what an auditor knows from outside of the evidence. Keys of logs, auditors' keys, and
 * checkpoints seen before. Normative: FORMAT.md, section 7.
 *
 * @module
 */
import { isObject, type JsonObject, parseObject } from './bytes.ts'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { trust_bytes_max } from './limits.ts'
import { type NoteVerifier, noteVerifier, openNote } from './note.ts'

export interface Trust {
  readonly logs: readonly NoteVerifier[]
  /** RFC 7638 thumbprints. */
  readonly auditors: readonly string[]
  /** Signed by one of `logs`, each under its own origin. */
  readonly checkpoints: readonly Checkpoint[]
}

/** What a trust file is made of; `checkpoints` are signed notes. */
export interface TrustSource {
  readonly logs: readonly string[]
  readonly auditors: readonly string[]
  readonly checkpoints: readonly Uint8Array[]
}

export type ParsedTrust =
  | { readonly ok: true; readonly trust: Trust }
  /** One line for a person, naming the member. */
  | { readonly ok: false; readonly reason: string }

const magic = 'sluice/trust v1'
const members = ['magic', 'logs', 'auditors', 'checkpoints'] as const

/** UTF-8 JSON, indented for a reader. */
export function encodeTrust({ logs, auditors, checkpoints }: TrustSource): Uint8Array {
  const notes = checkpoints.map((note) => new TextDecoder().decode(note))
  const text = JSON.stringify({ magic, logs, auditors, checkpoints: notes }, undefined, 2)
  return new TextEncoder().encode(`${text}\n`)
}

/** Strict: a member that is misspelled would be trust that is silently not given. */
export function parseTrust(bytes: Uint8Array): ParsedTrust {
  if (bytes.length > trust_bytes_max) return refused('the trust file is too large')
  const file = parseObject(bytes)
  if (!isObject(file)) return refused('the trust file is not a JSON object')
  if (file['magic'] !== magic) return refused(`magic: must be "${magic}"`)
  const unknown = Object.keys(file).find((name) => !members.some((member) => member === name))
  if (unknown !== undefined) return refused(`${JSON.stringify(unknown)}: unknown member`)
  const [logs, auditors, checkpoints] = [
    textsOf(file, 'logs'),
    textsOf(file, 'auditors'),
    textsOf(file, 'checkpoints'),
  ]
  if (logs === undefined || logs.length === 0) return refused('logs: must list verifier keys')
  if (auditors === undefined) return refused('auditors: must be a list of key thumbprints')
  if (checkpoints === undefined) return refused('checkpoints: must be a list of signed notes')

  const verifiers: NoteVerifier[] = []
  for (const [at, key] of logs.entries()) {
    const verifier = noteVerifier(key)
    if (verifier === undefined) return refused(`logs[${at}]: not an Ed25519 verifier key`)
    verifiers.push(verifier)
  }
  const strange = auditors.findIndex((auditor) => !/^[A-Za-z0-9_-]{43}$/.test(auditor))
  if (strange >= 0) return refused(`auditors[${strange}]: not an RFC 7638 SHA-256 thumbprint`)

  const remembered: Checkpoint[] = []
  for (const [at, note] of checkpoints.entries()) {
    const opened = openNote(new TextEncoder().encode(note), verifiers)
    if (!opened.ok) return refused(`checkpoints[${at}]: ${refusals[opened.reason]}`)
    const checkpoint = parseCheckpoint(opened.text)
    if (!opened.signed_by.some(({ name }) => name === checkpoint?.origin))
      return refused(`checkpoints[${at}]: not a checkpoint of the log that signed it`)
    if (checkpoint !== undefined) remembered.push(checkpoint)
  }
  return { ok: true, trust: { logs: verifiers, auditors, checkpoints: remembered } }
}

const refusals = {
  malformed: 'not a signed note',
  unknown_key: 'signed by none of the keys in logs',
  wrong_signature: 'its signature is wrong',
} as const

function textsOf(file: JsonObject, name: string): readonly string[] | undefined {
  const list = file[name]
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) return undefined
  return list
}

const refused = (reason: string): ParsedTrust => ({ ok: false, reason })
