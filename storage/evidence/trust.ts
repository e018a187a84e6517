/**
 * The trust file: what an auditor knows from outside of the evidence. Keys of logs, auditors' keys, and
 * checkpoints seen before. Normative: FORMAT.md, section 7.
 *
 * @module
 */
import { fromBase64, isObject, type JsonObject, parseObject, toBase64 } from './bytes.ts'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { parseWitness, type Witness } from './cosignature.ts'
import { der, readDer } from './der.ts'
import { trust_bytes_max } from './limits.ts'
import { type NoteVerifier, noteVerifier, openNote } from './note.ts'

export interface Trust {
  readonly logs: readonly NoteVerifier[]
  /** RFC 7638 thumbprints. */
  readonly auditors: readonly string[]
  /** Signed by one of `logs`, each under its own origin. */
  readonly checkpoints: readonly Checkpoint[]
  /** Each of them has to have cosigned each log. */
  readonly witnesses: readonly Witness[]
  /** Certificates of timestamp authorities in DER: the log has to have a token of one of them. */
  readonly authorities: readonly Uint8Array[]
}

/** What a trust file is made of; `checkpoints` are signed notes. */
export interface TrustSource {
  readonly logs: readonly string[]
  readonly auditors: readonly string[]
  readonly checkpoints: readonly Uint8Array[]
  readonly witnesses?: readonly string[]
  /** Certificates in DER. */
  readonly authorities?: readonly Uint8Array[]
}

export type ParsedTrust =
  | { readonly ok: true; readonly trust: Trust }
  /** One line for a person, naming the member. */
  | { readonly ok: false; readonly reason: string }

const magic = 'sluice/trust v1'
const members: readonly string[] = ['magic', 'logs', 'auditors', 'checkpoints']
/** With witnesses or authorities. A reader of version 1 would leave their word out: it refuses the file instead. */
const magic_witnessed = 'sluice/trust v2'
const members_witnessed: readonly string[] = [...members, 'witnesses', 'authorities']

/** UTF-8 JSON, indented for a reader; of the first version that can say it. */
export function encodeTrust({
  logs,
  auditors,
  checkpoints,
  witnesses = [],
  authorities = [],
}: TrustSource): Uint8Array {
  const notes = checkpoints.map((note) => new TextDecoder().decode(note))
  const facts = { logs, auditors, checkpoints: notes }
  const file =
    witnesses.length + authorities.length === 0
      ? { magic, ...facts }
      : { magic: magic_witnessed, ...facts, witnesses, authorities: authorities.map(toBase64) }
  const text = JSON.stringify(file, undefined, 2)
  return new TextEncoder().encode(`${text}\n`)
}

/** Strict: a member that is misspelled would be trust that is silently not given. */
export function parseTrust(bytes: Uint8Array): ParsedTrust {
  if (bytes.length > trust_bytes_max) return refused('the trust file is too large')
  const file = parseObject(bytes)
  if (!isObject(file)) return refused('the trust file is not a JSON object')
  const is_witnessed = file['magic'] === magic_witnessed
  if (file['magic'] !== magic && !is_witnessed) return refused(`magic: must be "${magic}"`)
  const known = is_witnessed ? members_witnessed : members
  const unknown = Object.keys(file).find((name) => !known.includes(name))
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
    // Whoever has the second one could sign another history of what the first one signed.
    const { name, verifier_key } = verifier
    if (verifiers.some((other) => other.name === name && other.verifier_key !== verifier_key))
      return refused(`logs[${at}]: a second key of the log ${JSON.stringify(name)}, which has one`)
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
  const keys = is_witnessed ? textsOf(file, 'witnesses') : []
  const certificates = is_witnessed ? textsOf(file, 'authorities') : []
  if (keys === undefined) return refused('witnesses: must be a list of verifier keys')
  if (certificates === undefined) return refused('authorities: must be a list of certificates')
  if (is_witnessed && keys.length + certificates.length === 0)
    return refused('witnesses: must list verifier keys, or authorities certificates')
  const witnesses: Witness[] = []
  for (const [at, key] of keys.entries()) {
    const witness = parseWitness(key)
    if (witness === undefined)
      return refused(`witnesses[${at}]: not a verifier key of cosignature/v1`)
    witnesses.push(witness)
  }
  const authorities: Uint8Array[] = []
  for (const [at, base64] of certificates.entries()) {
    const certificate = fromBase64(base64)
    // What is in it is looked at where it is used.
    if (readDer(certificate ?? new Uint8Array())?.tag !== der.sequence || certificate === undefined)
      return refused(`authorities[${at}]: not a certificate in DER and base64`)
    authorities.push(certificate)
  }
  const outside = { witnesses, authorities }
  return { ok: true, trust: { logs: verifiers, auditors, checkpoints: remembered, ...outside } }
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
