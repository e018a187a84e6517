/**
 * For tests: a data directory as a gateway leaves it, with finished sessions in its journal, a signed log
 * and the gateway's keys. No gateway and no masking core is needed for it.
 *
 * @module
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkpointText } from '../../storage/evidence/checkpoint.ts'
import { digestOf, makeDocument } from '../../storage/evidence/document.ts'
import { sealEnvelope, thumbprint } from '../../storage/evidence/envelope.ts'
import { encodeLogEntry, type LogEntryType } from '../../storage/evidence/log-entry.ts'
import { manifest, type SessionFacts, startDocument } from '../../storage/evidence/manifest.ts'
import { leafHash, MerkleTree } from '../../storage/evidence/merkle.ts'
import { noteSigner, signNote } from '../../storage/evidence/note.ts'
import { encodeRecord, type RecordFacts } from '../../storage/evidence/record.ts'
import { Journal } from '../../storage/journal/journal.ts'

export interface DataFixture {
  /** The data directory. */
  readonly data: string
  /** Of the sessions, oldest first. */
  readonly ids: readonly string[]
  readonly start_us: number
  readonly auditor: string
  readonly remove: () => void
}

export interface FixtureSession {
  readonly subject: string
  readonly records: readonly (readonly [facts: RecordFacts, payload?: string])[]
}

const start_us = 1_800_000_000_000_000
const hex = '0'.repeat(64)

/** One session a minute, one record a second. */
export async function createDataFixture(sessions: readonly FixtureSession[]): Promise<DataFixture> {
  const data = mkdtempSync(join(tmpdir(), 'sluice-data-'))
  const keys = join(data, 'keys')
  mkdirSync(keys, { mode: 0o700 })
  const origin = 'edge-1/0123456789abcdef'
  const pem = (): string =>
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const log_key = generateKeyPairSync('ed25519').privateKey
  writeFileSync(join(keys, 'log.origin'), `${origin}\n`)
  writeFileSync(join(keys, 'log.pem'), log_key.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(join(keys, 'api.pem'), pem())
  const auditor = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    format: 'jwk',
  })
  const recipient = await thumbprint(auditor)
  const journal = Journal.open({
    dir: join(data, 'journal'),
    segment_bytes: 1024 * 1024,
    spare_segments: 1,
    backlog_segments_max: 4,
    next_lsn: 1,
  })
  const log = new MerkleTree()
  const enter = (type: LogEntryType, id: string, t_us: number, facts: object): string => {
    const { digest, bytes } = makeDocument({ ...facts }, randomBytes(32))
    const time = new Date(t_us / 1000).toISOString()
    const entry = encodeLogEntry({ v: 1, type, time, id, digest })
    journal.append({ kind: 'document', type, digest, bytes })
    journal.append({ kind: 'log_entry', index: log.size, bytes: entry })
    log.append(leafHash(entry))
    return digest
  }
  const ids: string[] = []
  for (const [number, { subject, records }] of sessions.entries()) {
    const begin_us = start_us + number * 60_000_000
    const id = `0197e1c${number}-0000-7000-8000-${String(number).padStart(12, '0')}`
    ids.push(id)
    const sealed = await sealEnvelope([auditor], {
      session: id,
      salt: randomBytes(32),
      sealing_key: randomBytes(32),
      hmac_key: randomBytes(32),
      proof: Buffer.from('{}'),
    })
    const envelope = digestOf(sealed)
    journal.append({ kind: 'document', type: 'envelope', digest: envelope, bytes: sealed })
    const facts = factsOf(id, subject, begin_us, envelope, recipient)
    const document = enter('session.started', id, begin_us, startDocument(facts))
    const end_us = begin_us + (records.length + 1) * 1_000_000
    const all: readonly (readonly [RecordFacts, string?])[] = [
      [{ kind: 'start', channel: 0, document, envelope }],
      ...records,
      [{ kind: 'end', channel: 0, reason: 'client', detail: '' }],
    ]
    const tree = new MerkleTree()
    for (const [seq, [fact, payload]] of all.entries()) {
      const place = { v: 1, session: id, seq, t_us: begin_us + seq * 1_000_000 } as const
      const bytes = encodeRecord({ ...place, ...fact }, Buffer.from(payload ?? ''))
      tree.append(leafHash(bytes))
      journal.append({ kind: 'record', session: id, seq, bytes })
    }
    const root = Buffer.from(tree.root()).toString('hex')
    const ended = new Date(end_us / 1000).toISOString()
    const end = { ended, end_reason: 'client', records: tree.size, root }
    enter('session.ended', id, end_us, manifest(facts, end))
  }
  const signer = noteSigner(origin, log_key.export({ type: 'pkcs8', format: 'der' }))
  const text = checkpointText({ origin, size: log.size, root: log.root() })
  journal.append({ kind: 'checkpoint', bytes: signNote(text, [signer]) })
  journal.commit()
  journal.close()
  return {
    data,
    ids,
    start_us,
    auditor: recipient,
    remove: () => rmSync(data, { recursive: true }),
  }
}

function factsOf(
  session: string,
  subject: string,
  t_us: number,
  envelope: string,
  recipient: string,
): SessionFacts {
  return {
    session,
    gateway: 'edge-1',
    time: new Date(t_us / 1000).toISOString(),
    protocol: 'ssh',
    account: 'deploy',
    target: 'web-1',
    labels: { env: 'prod' },
    source: '127.0.0.1:50000',
    context: {},
    identity: {
      issuer: 'keys',
      subject,
      groups: ['dev'],
      method: 'public_key',
      credential: 'SHA256:x',
    },
    proof_hash: hex,
    envelope,
    recipients: [recipient],
    policy_hash: hex,
    rules_hash: hex,
    module_hash: hex,
  }
}
