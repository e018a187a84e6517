/**
 * `sluice trust export`: what an auditor keeps elsewhere to verify later: the log's key, the auditors' keys,
 * and the checkpoint of now. Whoever takes it later than something happened, trusts the gateway until then.
 *
 * @module
 */
import { createPrivateKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseWitness } from '../../storage/evidence/cosignature.ts'
import { openDocument } from '../../storage/evidence/document.ts'
import { readStartDocument } from '../../storage/evidence/manifest.ts'
import { noteSigner } from '../../storage/evidence/note.ts'
import { parseAuthority } from '../../storage/evidence/timestamp.ts'
import { encodeTrust } from '../../storage/evidence/trust.ts'
import { parseAuditorKey } from '../config/auditor-key.ts'
import { loadConfigured } from './configured.ts'
import { type Data, withData } from './data.ts'
import { writeNewFile } from './new-file.ts'
import { type Call, data_options, type ExitCode, UsageError, type Verb, VerbError } from './verb.ts'

export const trust: Verb = {
  name: 'trust',
  summary: 'Export what an auditor needs to verify evidence: sluice trust export -o FILE',
  operands: 'export',
  operands_min: 1,
  operands_max: 1,
  completions: ['export'],
  options: {
    out: { value: 'FILE', short: 'o', help: 'write it here (default: stdout)' },
    auditor: {
      value: 'FILE',
      is_repeatable: true,
      help: "an auditor's public JWK (default: those of --config, or of the sessions on record)",
    },
    witness: {
      value: 'KEY',
      is_repeatable: true,
      help: 'a witness that has to have cosigned the logs, as sluice witness prints it',
    },
    'timestamp-authority': {
      value: 'FILE',
      is_repeatable: true,
      help: 'a certificate (PEM) of an authority whose timestamps the logs have to have',
    },
    ...data_options,
  },
  async run(call) {
    if (call.operands[0] !== 'export') throw new UsageError('expected export')
    return withData(call, async (data): Promise<ExitCode> => {
      const { console } = call
      const heads = await Promise.all(data.parts.map(({ reader }) => reader.log()))
      const checkpoints = heads.flatMap(({ checkpoint }) => checkpoint ?? [])
      const auditors = (await namedAuditors(call)) ?? (await recordedAuditors(data))
      const file = encodeTrust({
        logs: data.parts.map((part) => verifierKey(part.data)),
        auditors: [...new Set(auditors)],
        checkpoints,
        witnesses: namedWitnesses(call),
        authorities: namedAuthorities(call),
      })
      const path = call.text('out')
      if (path === undefined) await console.out(file)
      else writeNewFile(path, file, 0o644)
      if (path !== undefined) console.note(`wrote ${path}: keep it away from this machine`)
      if (checkpoints.length === 0)
        console.note('there is no checkpoint yet: export again after the first session')
      if (auditors.length === 0)
        console.note("no auditor's key is known yet: name one by --auditor, or export again later")
      return 0
    })
  },
}

/** `NAME+HASH+KEY` of the log's own key, from the private half: the gateway's, not the evidence's word. */
function verifierKey(folder: string): string {
  const read = (name: string): string => {
    const path = join(folder, 'keys', name)
    if (!existsSync(path)) throw new VerbError(`${path} is not there: is this a data directory?`)
    return readFileSync(path, 'utf8')
  }
  const key = createPrivateKey(read('log.pem')).export({ format: 'der', type: 'pkcs8' })
  return noteSigner(read('log.origin').trim(), key).verifier_key
}

function namedWitnesses(call: Call): readonly string[] {
  const keys = call.texts('witness')
  if (!keys.every((key) => parseWitness(key) !== undefined))
    throw new UsageError('--witness is NAME+HASH+KEY, as sluice witness prints it')
  return [...new Set(keys)]
}

/** Certificates in DER. */
function namedAuthorities(call: Call): readonly Uint8Array[] {
  return call.texts('timestamp-authority').map((file) => {
    if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
    const pem = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(
      readFileSync(file, 'latin1'),
    )
    const certificate = Buffer.from(pem?.[1] ?? '', 'base64')
    if (parseAuthority(certificate) === undefined)
      throw new VerbError(`${file}: this is not a certificate in PEM`)
    return certificate
  })
}

async function namedAuditors(call: Call): Promise<readonly string[] | undefined> {
  const files = call.texts('auditor')
  if (files.length > 0)
    return files.map((file) => {
      if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
      const parsed = parseAuditorKey(readFileSync(file, 'utf8'))
      if (!parsed.ok) throw new VerbError(`${file}: ${parsed.reason}`)
      return parsed.thumbprint
    })
  const config = call.text('config')
  if (config === undefined) return undefined
  const { evidence } = await loadConfigured(config)
  return evidence.auditors.map(({ thumbprint }) => thumbprint)
}

/** Whom the newest session was sealed to. */
async function recordedAuditors(data: Data): Promise<readonly string[]> {
  const [newest] = (await data.sessions({ limit: 1 })).sessions
  if (newest === undefined) return []
  const document = await data.document(newest.start_digest)
  const facts = document === undefined ? undefined : openDocument(document.bytes)
  const start = facts === undefined ? undefined : readStartDocument(facts)
  return start?.recipients ?? []
}
