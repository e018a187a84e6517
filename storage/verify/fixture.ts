/**
 * Evidence made to be verified and tampered with, in memory, as a recorder makes it. Everything random
 * is derived from a seed, so that the same calls give the same bytes.
 *
 * @module
 */
import { createPrivateKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { sha256, toHex } from '../evidence/bytes.ts'
import { checkpointText } from '../evidence/checkpoint.ts'
import { commitSpan, spanNonce } from '../evidence/commitment.ts'
import { digestOf, makeDocument } from '../evidence/document.ts'
import { type EnvelopeContent, sealEnvelope, thumbprint } from '../evidence/envelope.ts'
import { LeafList } from '../evidence/leaf-list.ts'
import { encodeLogEntry, type LogEntryType } from '../evidence/log-entry.ts'
import { manifest, type SessionFacts, startDocument } from '../evidence/manifest.ts'
import { leafHash, MerkleTree, storedHashes } from '../evidence/merkle.ts'
import { type NoteSigner, noteSigner, signNote } from '../evidence/note.ts'
import { encodeRecord, type RecordFacts } from '../evidence/record.ts'
import { sealValue } from '../evidence/seal.ts'
import { encodeTrust, parseTrust, type Trust } from '../evidence/trust.ts'
import type { EvidenceSource } from './source.ts'

/** Evidence as plain data: tests change it in place. */
export interface StoredEvidence {
  readonly entries: Uint8Array[]
  readonly hashes: Uint8Array[]
  readonly documents: Map<string, Uint8Array>
  readonly sessions: Map<string, Uint8Array[]>
  checkpoint: Uint8Array | undefined
}

/** A source over it. `page_records` bounds a page besides its bytes. */
export function sourceOf(stored: StoredEvidence, page_records = 3): EvidenceSource {
  return {
    async sessions({ cursor }) {
      const ids = [...stored.sessions.keys()]
      const from = cursor === undefined ? 0 : Number(cursor)
      const next = from + 2 < ids.length ? { cursor: String(from + 2) } : {}
      return { sessions: ids.slice(from, from + 2).map((id) => ({ id })), ...next }
    },
    async records(session, from_seq = 0) {
      const all = stored.sessions.get(session) ?? []
      const to = from_seq + page_records
      return { records: all.slice(from_seq, to), ...(to < all.length ? { next: to } : {}) }
    },
    async document(digest) {
      const bytes = stored.documents.get(digest)
      return bytes === undefined ? undefined : { bytes }
    },
    log: async () => ({ size: stored.entries.length, checkpoint: stored.checkpoint }),
    logEntries: async (from, to) => stored.entries.slice(from, to),
    logHashes: async (indexes) => indexes.map((index) => stored.hashes[index]),
  }
}

export interface WriterOptions {
  readonly seed: string
  readonly origin?: string
  /** PKCS#8 DER; made anew when absent, as Ed25519 keys cannot be seeded here. */
  readonly log_key?: Uint8Array
  readonly auditor?: JsonWebKey
  /** Envelopes that were sealed before, since sealing is random by nature. */
  readonly envelopes?: ReadonlyMap<string, Uint8Array>
}

const text = new TextEncoder()
const start_us = Date.parse('2026-03-01T08:00:00.000Z') * 1000

export class EvidenceWriter {
  readonly stored: StoredEvidence = {
    entries: [],
    hashes: [],
    documents: new Map(),
    sessions: new Map(),
    checkpoint: undefined,
  }
  readonly signer: NoteSigner
  readonly auditor: JsonWebKey
  readonly origin: string
  readonly #options: WriterOptions
  readonly #tree = new MerkleTree()
  #draws = 0
  now_us: number = start_us
  /** What the log says of sessions that start: days that they are kept, and whether they have keys of their own. */
  days: number | undefined
  is_keyed = false

  constructor(options: WriterOptions) {
    this.#options = options
    this.origin = options.origin ?? 'edge-1/0123456789abcdef'
    const key =
      options.log_key ??
      generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
    this.signer = noteSigner(this.origin, key)
    this.auditor =
      options.auditor ??
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  }

  /** 32 bytes that follow from the seed and the number of draws before. */
  draw(): Uint8Array {
    return sha256(text.encode(`${this.#options.seed} ${this.#draws++}`))
  }

  log(type: LogEntryType, id: string, facts: Readonly<Record<string, unknown>>): string {
    const document = makeDocument({ v: 1, type, ...facts }, this.draw())
    this.stored.documents.set(document.digest, document.bytes)
    const time = new Date(this.now_us / 1000).toISOString()
    const [days, keyed] = type === 'session.started' ? [this.days, this.is_keyed] : []
    const promised = { ...(days !== undefined && { days }), ...(keyed === true && { keyed }) }
    const entry = encodeLogEntry({ v: 1, type, time, id, digest: document.digest, ...promised })
    const { hashes } = this.stored
    const read = (at: readonly number[]) => at.map((no) => hashes[no] ?? new Uint8Array())
    hashes.push(...storedHashes(this.#tree.size, entry, read))
    this.stored.entries.push(entry)
    this.#tree.append(leafHash(entry))
    return document.digest
  }

  begin(): void {
    this.log('configuration.changed', 'edge-1', { gateway: 'edge-1', config_hash: 'c' })
    this.heartbeat()
  }

  heartbeat(): void {
    this.log('heartbeat', 'edge-1', { skew_us: 0, sessions: 0 })
  }

  running(...sessions: readonly SessionWriter[]): void {
    this.log('session.running', 'edge-1', {
      sessions: sessions.map(({ id, tree }) => ({
        session: id,
        records: tree.size,
        root: toHex(tree.root()),
      })),
    })
  }

  sign(): void {
    const { size } = this.#tree
    const body = checkpointText({ origin: this.origin, size, root: this.#tree.root() })
    this.stored.checkpoint = signNote(body, [this.signer])
  }

  async session(): Promise<SessionWriter> {
    const id = sessionId(this.now_us, this.draw())
    const secrets = { salt: this.draw(), sealing_key: this.draw(), hmac_key: this.draw() }
    const proof = text.encode('{"kind":"ssh_signature","fields":{"signature":"c2ln"}}')
    const envelope =
      this.#options.envelopes?.get(id) ??
      (await sealEnvelope([this.auditor], { session: id, ...secrets, proof }))
    const facts: SessionFacts = {
      session: id,
      gateway: 'edge-1',
      time: new Date(this.now_us / 1000).toISOString(),
      protocol: 'ssh',
      account: 'deploy',
      target: 'web-1',
      labels: { env: 'prod' },
      source: '192.0.2.7:50022',
      context: { client: 'SSH-2.0-OpenSSH_9.2' },
      identity: {
        issuer: 'keys',
        subject: 'ada',
        groups: ['ops'],
        method: 'public_key',
        credential: 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU',
      },
      proof_hash: toHex(sha256(secrets.salt, proof)),
      envelope: digestOf(envelope),
      recipients: [await thumbprint(this.auditor)],
      policy_hash: digestOf(text.encode('policy')),
      rules_hash: digestOf(text.encode('rules')),
      module_hash: digestOf(text.encode('module')),
    }
    this.stored.documents.set(facts.envelope, envelope)
    const { v: _v, type: _type, ...start } = startDocument(facts)
    const document = this.log('session.started', id, start)
    const session = new SessionWriter(this, facts, secrets)
    session.record({ kind: 'start', channel: 0, document, envelope: facts.envelope })
    return session
  }

  /** What an auditor took away: this log's key, this auditor, and the present checkpoint. */
  trust(...remembered: readonly Uint8Array[]): Trust & { readonly bytes: Uint8Array } {
    const bytes = encodeTrust({
      logs: [this.signer.verifier_key],
      auditors: this.#auditors,
      checkpoints: remembered,
    })
    const parsed = parseTrust(bytes)
    if (!parsed.ok) throw new Error(parsed.reason)
    return { ...parsed.trust, bytes }
  }

  #auditors: string[] = []

  async knowAuditor(): Promise<void> {
    this.#auditors = [await thumbprint(this.auditor)]
  }
}

type SessionSecrets = Pick<EnvelopeContent, 'salt' | 'sealing_key' | 'hmac_key'>

export class SessionWriter {
  readonly id: string
  readonly records: Uint8Array[] = []
  readonly tree: MerkleTree = new MerkleTree()
  readonly secrets: SessionSecrets
  readonly #leaves = new LeafList()
  readonly #writer: EvidenceWriter
  readonly #facts: SessionFacts

  constructor(writer: EvidenceWriter, facts: SessionFacts, secrets: SessionSecrets) {
    this.id = facts.session
    this.#writer = writer
    this.#facts = facts
    this.secrets = secrets
    writer.stored.sessions.set(this.id, this.records)
  }

  record(facts: RecordFacts, payload?: Uint8Array): void {
    const seq = this.tree.size
    const place = { v: 1, session: this.id, seq, t_us: this.#writer.now_us++ } as const
    const stored = encodeRecord({ ...place, ...facts }, payload)
    const leaf = leafHash(stored)
    this.tree.append(leaf)
    this.#keep(this.#leaves.append(leaf))
    this.records.push(stored)
  }

  /** An exec that prints `lines` lines, one of them with a masked value. */
  exec(lines: number): void {
    const channel = 0
    this.record({ kind: 'channel', channel, request: 'exec', env: { LANG: 'C' } })
    this.record(
      { kind: 'command', channel, confidence: 'exact', spans: [] },
      text.encode('cat log'),
    )
    this.record({ kind: 'verdict', channel, allowed: true, rule: 'builtin', asked: 'exec' })
    let offset = 0
    for (let line = 0; line < lines; line++) {
      const secret = text.encode('4111111111111111')
      const masked = text.encode(`line ${line} ****************\n`)
      const at = masked.length - secret.length - 1
      const nonce = spanNonce(this.secrets.salt, this.id, channel, 1, offset + at)
      const commitment = toHex(commitSpan(nonce, secret))
      const span = { at, n: secret.length, offset: offset + at, length: secret.length }
      const spans = [{ ...span, rule: 'card', commitment }]
      const { length } = masked
      this.record({ kind: 'output', channel, stream: 1, offset, length, spans }, masked)
      offset += length
    }
    const sealed = sealValue(this.secrets.sealing_key, this.tree.size, text.encode('{}'))
    this.record({ kind: 'sealed', channel, what: 'raw_sha256' }, sealed)
    this.record({ kind: 'channel_end', channel })
  }

  /** A terminal on channel 1 and an exec with input on channel 2: every kind that {@link exec} has not. */
  terminal(): void {
    const commit = (channel: number, stream: number, offset: number, raw: string): string =>
      toHex(
        commitSpan(
          spanNonce(this.secrets.salt, this.id, channel, stream, offset),
          text.encode(raw),
        ),
      )
    const pty = { term: 'xterm-256color', columns: 80, rows: 24 }
    const [tty, job] = [{ channel: 1 }, { channel: 2 }]
    const out = { channel: 1, stream: 1 } as const
    this.record({ kind: 'dialled', channel: 0, address: '192.0.2.10:22', host_key: 'SHA256:x' })
    this.record({ kind: 'channel', ...tty, request: 'shell', pty, env: { LANG: 'C' } })
    this.record({ kind: 'verdict', ...tty, allowed: true, rule: 'builtin', asked: 'shell' })
    this.record(
      { kind: 'output', ...out, offset: 0, length: 2, flush: 'idle', spans: [] },
      text.encode('$ '),
    )
    this.record({ kind: 'input', ...tty, length: 1 })
    this.record({ kind: 'echo', ...out, offset: 2, length: 1, commitment: commit(1, 1, 2, 'i') })
    this.record({ kind: 'input', ...tty, length: 2 })
    this.record({ kind: 'echo', ...out, offset: 3, length: 1, commitment: commit(1, 1, 3, 'd') })
    this.record({ kind: 'echo_text', ...out, offset: 2, length: 2, spans: [] }, text.encode('id'))
    this.record(
      { kind: 'input_text', ...tty, offset: 0, length: 3, spans: [] },
      text.encode('id\r'),
    )
    this.record(
      { kind: 'output', ...out, offset: 4, length: 12, flush: 'end', spans: [] },
      text.encode('\r\nPassword: '),
    )
    this.record({ kind: 'input_opaque', ...tty, prompt: true })
    this.record({ kind: 'resize', ...tty, columns: 132, rows: 50 })
    this.record({ kind: 'signal', ...tty, signal: 'INT' })
    this.record({ kind: 'exit_signal', ...tty, signal: 'TERM', core_dumped: false })
    this.record({ kind: 'channel_end', ...tty })
    this.record({ kind: 'channel', ...job, request: 'exec', env: {} })
    const token = { at: 3, n: 4, offset: 3, length: 4, rule: 'token' }
    this.record(
      {
        kind: 'command',
        ...job,
        confidence: 'exact',
        spans: [{ ...token, commitment: commit(2, 3, 3, 'abcd') }],
      },
      text.encode('-p ****'),
    )
    this.record({ kind: 'verdict', ...job, allowed: false, rule: 'static', asked: 'exec' })
    this.record(
      { kind: 'stdin', ...job, offset: 0, length: 3, held: 2, spans: [] },
      text.encode('abc'),
    )
    this.record(
      { kind: 'stdin', ...job, offset: 3, length: 2, held: 0, spans: [] },
      text.encode('de'),
    )
    this.record({ kind: 'eof', ...job, stream: 0 })
    this.record(
      { kind: 'output', ...job, stream: 2, offset: 0, length: 4, spans: [] },
      text.encode('no!\n'),
    )
    this.record({ kind: 'exit', ...job, code: 255 })
    this.record({ kind: 'channel_end', ...job })
  }

  end(reason = 'client', options: { readonly leaves?: boolean } = {}): void {
    this.record({ kind: 'end', channel: 0, reason, detail: '' })
    const { last, leaves } = this.#leaves.finish()
    if (options.leaves !== false) this.#keep(last)
    const {
      v: _v,
      type: _type,
      ...facts
    } = manifest(this.#facts, {
      ended: new Date(this.#writer.now_us / 1000).toISOString(),
      end_reason: reason,
      records: this.tree.size,
      root: toHex(this.tree.root()),
      ...(options.leaves === false ? {} : { leaves }),
    })
    this.#writer.log('session.ended', this.id, facts)
  }

  #keep(list: { readonly digest: string; readonly bytes: Uint8Array } | undefined): void {
    if (list !== undefined) this.#writer.stored.documents.set(list.digest, list.bytes)
  }
}

/** UUIDv7 (RFC 9562, section 5.7) with given random bits. */
function sessionId(now_us: number, random: Uint8Array): string {
  const time = Math.floor(now_us / 1000)
    .toString(16)
    .padStart(12, '0')
  const hex = toHex(random)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6, 18)}`
}

/** A log with a crashed, two ended and a running session, two minutes of heartbeats, all signed. */
export async function smallEvidence(options: WriterOptions): Promise<{
  readonly writer: EvidenceWriter
  readonly ended: SessionWriter
  readonly crashed: SessionWriter
  readonly terminal: SessionWriter
  readonly running: SessionWriter
  /** The checkpoint before the last session. */
  readonly early: Uint8Array
}> {
  const writer = new EvidenceWriter(options)
  await writer.knowAuditor()
  writer.begin()
  const crashed = await writer.session()
  crashed.exec(2)
  writer.running(crashed)
  writer.now_us += 60_000_000
  writer.heartbeat()
  writer.sign()
  const early = writer.stored.checkpoint ?? new Uint8Array()
  writer.begin()
  crashed.end('crashed', { leaves: false })
  const ended = await writer.session()
  ended.exec(3)
  writer.running(ended)
  ended.record({ kind: 'failed', channel: 0, code: 'late', message: 'a message' })
  ended.end()
  const terminal = await writer.session()
  terminal.terminal()
  terminal.end('target')
  const running = await writer.session()
  running.exec(1)
  writer.running(running)
  running.record({ kind: 'resize', channel: 0, columns: 80, rows: 24 })
  running.record({ kind: 'resize', channel: 0, columns: 81, rows: 25 })
  writer.running(running)
  writer.sign()
  return { writer, ended, crashed, terminal, running, early }
}

/** PKCS#8 DER of a private key in PEM. */
export function pemToDer(pem: string): Uint8Array {
  return createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' })
}
