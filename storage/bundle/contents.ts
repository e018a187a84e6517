/**
 * What is in a bundle, by name. Three files are evidence; the others are made of it, and anybody can make them
 * again. Normative: FORMAT.md, section 11.3.
 *
 * @module
 */
import { isObject, isSessionId, parseObject, toBase64 } from '../evidence/bytes.ts'
import { encodeLogged, type LoggedDocument, parseLogged } from '../evidence/logged.ts'
import type { Manifest } from '../evidence/manifest.ts'
import { castOf } from '../replay/cast.ts'
import type { RecordedChannel } from '../replay/channels.ts'
import { timeline } from '../replay/timeline.ts'
import { stepLine, stepsOf } from './commands.ts'
import { casts_max, proof_bytes_max } from './limits.ts'
import { scriptOf } from './script.ts'

/** The logged documents that prove the rest: `bundle.json`. */
export interface BundleProof {
  readonly session: string
  readonly start: LoggedDocument
  readonly manifest: LoggedDocument
  /** Where the log is that of a gateway's worker. */
  readonly named_by?: LoggedDocument
}

export const proof_name = 'bundle.json'
/** The stored records, one a line in base64. */
export const records_name = 'records.b64'
export const envelope_name = 'envelope.json'
/** The leaf hashes of all records, one after the other; absent where the manifest names no lists. */
export const leaves_name = 'leaves'
export const page_name = 'verify.html'
export const required_names: readonly string[] = [
  proof_name,
  records_name,
  envelope_name,
  page_name,
]

const magic = 'sluice/bundle v1'

/** A file that follows from the records, in pieces. */
export interface DerivedFile {
  readonly name: string
  readonly text: AsyncIterable<string>
}

export function encodeProof({ session, start, manifest, named_by }: BundleProof): Uint8Array {
  const proof = {
    magic,
    session,
    start: encodeLogged(start),
    manifest: encodeLogged(manifest),
    ...(named_by === undefined ? {} : { named_by: encodeLogged(named_by) }),
  }
  return new TextEncoder().encode(`${JSON.stringify(proof, undefined, 2)}\n`)
}

/** Undefined when it is none of this version. Nothing of it is believed. */
export function parseProof(bytes: Uint8Array): BundleProof | undefined {
  const file = bytes.length > proof_bytes_max ? undefined : parseObject(bytes)
  if (!isObject(file) || file['magic'] !== magic || !isSessionId(file['session'])) return undefined
  const start = parseLogged(file['start'])
  const manifest = parseLogged(file['manifest'])
  const named_by = file['named_by'] === undefined ? undefined : parseLogged(file['named_by'])
  if (start === undefined || manifest === undefined) return undefined
  if ((file['named_by'] !== undefined) !== (named_by !== undefined)) return undefined
  return {
    session: file['session'],
    start,
    manifest,
    ...(named_by === undefined ? {} : { named_by }),
  }
}

export function recordLine(stored: Uint8Array): string {
  return `${toBase64(stored)}\n`
}

/** Reads the records once for each file. */
export async function* derivedFiles(
  records: () => AsyncIterable<Uint8Array>,
  manifest: Manifest,
): AsyncGenerator<DerivedFile, void> {
  const steps = (): ReturnType<typeof stepsOf> => stepsOf(timeline(records()))
  yield { name: 'README.txt', text: once(readme(manifest)) }
  yield { name: 'commands.json', text: stepList(steps()) }
  yield { name: 'commands.sh', text: scriptOf(steps(), manifest) }
  const { identity, account, target } = manifest
  const title = `${identity.subject} as ${account}@${target}`
  for (const channel of await terminalsOf(records()))
    yield {
      name: `channel-${channel.channel}.cast`,
      text: castOf(timeline(records()), { channel, title }),
    }
}

/** The terminals of a session, the first of each number. */
export async function terminalsOf(
  records: AsyncIterable<Uint8Array>,
): Promise<readonly RecordedChannel[]> {
  const terminals = new Map<number, RecordedChannel>()
  for await (const item of timeline(records)) {
    if (item.kind !== 'record' || item.header.kind !== 'channel') continue
    const { channel, request, t_us, pty } = item.header
    if (pty === undefined || terminals.has(channel) || terminals.size === casts_max) continue
    terminals.set(channel, { channel, request, started_us: t_us, pty })
  }
  return [...terminals.values()]
}

async function* stepList(steps: ReturnType<typeof stepsOf>): AsyncGenerator<string, void> {
  let separator = '[\n'
  for await (const step of steps) {
    yield separator + stepLine(step)
    separator = ',\n'
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n'
}

async function* once(text: string): AsyncGenerator<string, void> {
  yield text
}

const readme = ({ session }: Manifest): string => `The evidence of one recorded session: ${session}

bundle.json    the documents of its start and its end, with the proof that a signed log has them
records.b64    its records, one a line in base64: masked, as they were shown
leaves         the hash of each record, by which it can be told which one was changed
envelope.json  sealed to the auditors: what only they may know
commands.json, commands.sh, *.cast   made of the records; whoever doubts them makes them again
verify.html    a page that checks and plays this file without a network

To check it:   sluice verify THIS_FILE.zip --trust trust.json
The trust file comes from somebody else than this file does. So should the page: one that lies beside
the evidence can say what it wants. Compare its SHA-256 with the published one.
By hand, with jq, sha256sum and openssl: storage/evidence/BY-HAND.md of the project.
`
