/**
 * `sluice unseal SESSION|FILE --key JWK`: opens the sealed envelope with an auditor's private key, and prints the
 * plain SHA-256 of each raw stream and file, as `sha256sum` would. No key, salt or proof is printed, and what was masked
 * stays masked; where it was kept sealed, `--restore` writes a stream as it was into a file.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import {
  type DigestCheck,
  type Unsealed,
  unseal as unsealRecords,
} from '../../storage/audit/unseal.ts'
import { isArchive } from '../../storage/bundle/archive.ts'
import { verifyBundle } from '../../storage/bundle/check.ts'
import { bundle_bytes_max } from '../../storage/bundle/limits.ts'
import { parseObject } from '../../storage/evidence/bytes.ts'
import { envelope_bytes_max } from '../../storage/evidence/limits.ts'
import { plainText } from '../../storage/replay/plain.ts'
import { type AuditedSession, openAudited } from './audited-session.ts'
import { raw_option, withClaimed } from './claimed.ts'
import type { Console } from './console.ts'
import { withData } from './data.ts'
import { key_option, openWith, type PrivateKey, readPrivateKey } from './private-key.ts'
import { restore_option, restoreFiles } from './restore.ts'
import { formatCount } from './table.ts'
import {
  type Call,
  data_options,
  type ExitCode,
  json_option,
  UsageError,
  type Verb,
  VerbError,
} from './verb.ts'

const text_characters_max = 400
const stream_titles = ['input', 'output', 'error'] as const

export const unseal: Verb = {
  name: 'unseal',
  summary:
    "Open what is sealed of a session with an auditor's key: digests to compare with sha256sum",
  operands: 'ID|last|FILE',
  operands_min: 1,
  operands_max: 1,
  options: {
    key: key_option,
    raw: raw_option,
    restore: restore_option,
    json: json_option,
    ...data_options,
  },
  async run(call) {
    const key = await readPrivateKey(call)
    const [given = ''] = call.operands
    return isFile(given)
      ? unsealFile(call, given, key)
      : withData(call, async (data) => unsealSession(call, await openAudited(data, given), key))
  },
}

async function unsealSession(
  call: Call,
  session: AuditedSession,
  key: PrivateKey,
): Promise<ExitCode> {
  const { id, start, manifest } = session
  const envelope = await openWith(session.envelope, key)
  const restored = await restoreFiles(call, session, envelope.sealing_key)
  const found = await withClaimed(
    call,
    (claimed) =>
      unsealRecords({
        session: id,
        envelope,
        proof_hash: start.proof_hash,
        records: session.records(),
        ...(manifest === undefined ? {} : { end: manifest }),
        claimed,
      }),
    restored,
  )
  const { console } = call
  if (call.flag('json')) await console.json({ session: id, key: key.thumbprint, ...found })
  else await print(found, session, console)
  return found.findings.length === 0 ? 0 : 1
}

/** A bundle, or an envelope alone: it opens, and whose it is. */
async function unsealFile(call: Call, file: string, key: PrivateKey): Promise<ExitCode> {
  const bundled = statSync(file).size > bundle_bytes_max ? undefined : readFileSync(file)
  if (bundled !== undefined && isArchive(bundled)) {
    const { session } = await verifyBundle(bundled, undefined)
    if (session === undefined)
      throw new VerbError(`${file}: this bundle cannot be read: sluice verify says more`)
    return unsealSession(call, { id: session.manifest.session, ...session }, key)
  }
  if (statSync(file).size > envelope_bytes_max)
    throw new VerbError(`${file}: too large for an envelope`)
  if (call.texts('raw').length > 0 || call.texts('restore').length > 0)
    throw new UsageError('--raw and --restore need the records of a session: an envelope has none')
  const { session, proof } = await openWith(readFileSync(file), key)
  const kind = kindOf(proof)
  if (call.flag('json')) await call.console.json({ session, key: key.thumbprint, proof: { kind } })
  else
    await call.console.line(
      `the envelope of session ${session} opens with this key; in it is a proof by ${plainText(kind, 64)}`,
    )
  return 0
}

async function print(found: Unsealed, session: AuditedSession, console: Console): Promise<void> {
  const { identity } = session.start
  const { proof, streams, transfers, commitments, records, findings } = found
  const plain = (text: string): string => plainText(text, text_characters_max)
  console.note(
    `session ${session.id}: ${plain(`${identity.subject}, by ${identity.method} of ${identity.issuer}`)}; ` +
      `proof by ${plain(proof.kind)}${proof.is_named ? ', as its start document names it' : ''}`,
  )
  // As sha256sum prints, so that a name can be put in the place of ours and checked by sha256sum -c.
  for (const { sha256, channel, stream, from, check } of streams) {
    const where = from === undefined ? '' : ` from byte ${from} on, all before it is on record`
    await console.line(
      `${sha256}  ${channel}/${stream_titles[stream] ?? stream}${where}  ${saidOf(check, 'the recorded bytes', console)}`,
    )
  }
  for (const { sha256, channel, transfer, ended, check } of transfers) {
    const what =
      ended === undefined ? 'without an end' : `${ended.direction} of ${plain(ended.path)}`
    const how = ended === undefined || ended.outcome === 'complete' ? '' : `, ${ended.outcome}`
    const order = ended?.in_order === false ? ', not in the order of the file' : ''
    await console.line(
      `${sha256}  ${channel}/transfer-${transfer}  ${what}${how}${order}: ${saidOf(check, 'the digest on record', console)}`,
    )
  }
  if (streams.length + transfers.length === 0)
    console.note('no digest was sealed: nothing ran to its end, or the gateway crashed before')
  console.note(
    `${formatCount(records.count, 'record')}, ${wholeness(records.is_whole)}; ` +
      `${commitments.checked} of ${formatCount(commitments.all, 'commitment')} checked` +
      (commitments.checked < commitments.all
        ? ' (--raw N/STREAM=FILE checks those of a stream)'
        : ''),
  )
  for (const finding of findings)
    console.note(`${console.paint('red', 'wrong')}: ${plain(finding)}`)
}

const wholeness = (is_whole: boolean | undefined): string =>
  is_whole === undefined
    ? 'the session is running'
    : is_whole
      ? "those of the session's manifest, which sluice verify checks against the log"
      : "not those of the session's manifest"

function saidOf(check: DigestCheck, same: string, console: Console): string {
  switch (check) {
    case 'same':
      return console.paint('green', `agrees with ${same}`)
    case 'different':
      return console.paint('red', `DIFFERENT from ${same}`)
    case 'masked':
      return 'masked in part: compare it with the sha256sum of what was printed'
    case 'partial':
      return 'not all of it is on record: compare it by sha256sum'
  }
}

function kindOf(proof: Uint8Array): string {
  const kind = parseObject(proof)?.['kind']
  return typeof kind === 'string' ? kind : 'unknown'
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile()
