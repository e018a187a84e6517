/**
 * For tests: a session with something of all that auditors open. A terminal with a typed secret, a command
 * with a masked value in its output, one without, and a file that was fetched.
 *
 * @module
 */
import { sha256, toHex } from '../evidence/bytes.ts'
import { command_stream, commitSpan, spanNonce, transferDigest } from '../evidence/commitment.ts'
import type { RecordSpan } from '../evidence/record.ts'
import { sealValue } from '../evidence/seal.ts'
import { EvidenceWriter, type SessionWriter } from './fixture.ts'

/** What the target printed, and the user typed. */
export const raw = {
  terminal: '$ echo hunter22x\r\nhunter22x\r\n',
  masked: 'public line\nnumber 4111111111111111 it was\nnumber 378282246310005 too\n',
  command: 'deploy -p s3cr3t now',
  clear: 'nothing to hide\n',
  file: 'what the file held',
} as const

/** The first masked value of channel 2. */
export const secret = '4111111111111111'

const text = new TextEncoder()

export interface AuditedOptions {
  readonly seed?: string
  readonly auditor?: EvidenceWriter['auditor']
  readonly origin?: string
  /** In the place of the sealed digest of channel 3's output. */
  readonly digest?: string
  /** In the place of what channel 2's first mask commits to. */
  readonly committed?: string
  /** As of long streams: channel 3's output has no digest, and channel 2's one from here on; `digest` is then in its place. */
  readonly rest_from?: number
}

export interface Audited {
  readonly writer: EvidenceWriter
  readonly session: SessionWriter
  /** Sequence of the record that hides {@link secret}. */
  readonly record: number
}

/** A signed log with that session, ended, between others. */
export async function auditedEvidence(options: AuditedOptions = {}): Promise<Audited> {
  const { auditor, origin } = options
  const writer = new EvidenceWriter({
    seed: options.seed ?? 'audited',
    ...(auditor === undefined ? {} : { auditor }),
    ...(origin === undefined ? {} : { origin }),
  })
  await writer.knowAuditor()
  writer.begin()
  const before = await writer.session()
  before.exec(1)
  before.end()
  writer.now_us += 1_000_000
  const session = await writer.session()
  terminal(session)
  writer.running(session)
  const record = masked(session, options)
  clear(session, options)
  session.end()
  writer.now_us += 1_000_000
  const after = await writer.session()
  after.exec(2)
  writer.running(after)
  writer.sign()
  return { writer, session, record }
}

function terminal(session: SessionWriter): void {
  const channel = 1
  const pty = { term: 'xterm-256color', columns: 80, rows: 24 }
  const out = { channel, stream: 1 } as const
  session.record({ kind: 'channel', channel, request: 'shell', pty, env: { LANG: 'C.UTF-8' } })
  session.record({ kind: 'verdict', channel, allowed: true, rule: 'static', asked: 'shell' })
  session.record({ kind: 'output', ...out, offset: 0, length: 2, spans: [] }, text.encode('$ '))
  const typed = 'echo hunter22x'
  for (const [at, key] of [...typed].entries()) {
    session.record({ kind: 'input', channel, length: 1 })
    const commitment = commit(session, channel, 1, 2 + at, key)
    session.record({ kind: 'echo', ...out, offset: 2 + at, length: 1, commitment })
  }
  const span = (offset: number, at: number): RecordSpan => ({
    ...{ at, n: 9, offset, length: 9, rule: 'password' },
    commitment: commit(session, channel, 1, offset, 'hunter22x'),
  })
  session.record(
    { kind: 'echo_text', ...out, offset: 2, length: 14, spans: [span(7, 5)] },
    text.encode('echo *********'),
  )
  const input = { ...span(5, 5), commitment: commit(session, channel, 0, 5, 'hunter22x') }
  session.record(
    { kind: 'input_text', channel, offset: 0, length: 15, spans: [input] },
    text.encode('echo *********\r'),
  )
  session.record(
    { kind: 'output', ...out, offset: 16, length: 13, spans: [span(18, 2)] },
    text.encode('\r\n*********\r\n'),
  )
  session.record({ kind: 'exit', channel, code: 0 })
  finish(session, channel, { '0': 'echo hunter22x\r', '1': raw.terminal, '2': '' })
}

function masked(session: SessionWriter, options: AuditedOptions): number {
  const channel = 2
  session.record({ kind: 'channel', channel, request: 'exec', env: {} })
  const at = raw.command.indexOf('s3cr3t')
  const commitment = commit(session, channel, command_stream, at, 's3cr3t')
  session.record(
    {
      kind: 'command',
      channel,
      confidence: 'exact',
      spans: [{ at, n: 6, offset: at, length: 6, rule: 'password', commitment }],
    },
    text.encode(raw.command.replace('s3cr3t', '******')),
  )
  session.record({ kind: 'verdict', channel, allowed: true, rule: 'static', asked: 'exec' })
  const spans = ['4111111111111111', '378282246310005'].map((value, index): RecordSpan => {
    const offset = raw.masked.indexOf(value)
    const committed = index === 0 ? (options.committed ?? value) : value
    return {
      ...{ at: offset, n: value.length, offset, length: value.length, rule: 'card' },
      commitment: commit(session, channel, 1, offset, committed),
    }
  })
  const record = session.tree.size
  session.record(
    { kind: 'output', channel, stream: 1, offset: 0, length: raw.masked.length, spans },
    text.encode(raw.masked.replaceAll(/\d{15,}/g, (digits) => '*'.repeat(digits.length))),
  )
  session.record({ kind: 'exit', channel, code: 0 })
  const { rest_from: offset, digest } = options
  if (offset === undefined) {
    finish(session, channel, { '0': '', '1': raw.masked, '2': '' })
    return record
  }
  const rest = digest ?? toHex(sha256(text.encode(raw.masked).subarray(offset)))
  finish(session, channel, { '0': '' }, { rest: { '1': { offset, sha256: rest } } })
  return record
}

function clear(session: SessionWriter, options: AuditedOptions): void {
  const channel = 3
  session.record({ kind: 'channel', channel, request: 'exec', env: {} })
  session.record({ kind: 'command', channel, confidence: 'exact', spans: [] }, text.encode('id -u'))
  session.record({ kind: 'verdict', channel, allowed: true, rule: 'static', asked: 'exec' })
  session.record(
    { kind: 'output', channel, stream: 1, offset: 0, length: raw.clear.length, spans: [] },
    text.encode(raw.clear),
  )
  const names = { transfer: 1, tool: 'sftp', direction: 'download', path: '/srv/file' } as const
  session.record({ kind: 'transfer_start', channel, ...names })
  const content = sha256(text.encode(raw.file))
  seal(session, channel, 'transfer_sha256', { transfer: 1, sha256: toHex(content) })
  session.record({
    ...{ kind: 'transfer', channel, ...names, outcome: 'complete', in_order: true },
    ...{ offset: 0, length: raw.file.length },
    digest: transferDigest(session.secrets.hmac_key, content),
  })
  session.record({ kind: 'exit', channel, code: 0 })
  if (options.rest_from !== undefined) finish(session, channel, { '0': '' })
  else finish(session, channel, { '0': '', '1': raw.clear, '2': '' }, { lie: options.digest })
}

function finish(
  session: SessionWriter,
  channel: number,
  streams: Readonly<Record<string, string>>,
  { lie, rest }: { readonly lie?: string | undefined; readonly rest?: object } = {},
): void {
  const digests = Object.entries(streams).map(([stream, bytes]) => [
    stream,
    toHex(sha256(text.encode(bytes))),
  ])
  const sealed = { ...Object.fromEntries(digests), ...(lie === undefined ? {} : { '1': lie }) }
  seal(session, channel, 'raw_sha256', { channel, sha256: sealed })
  if (rest !== undefined) seal(session, channel, 'raw_rest_sha256', { channel, rest })
  session.record({ kind: 'channel_end', channel })
}

function seal(session: SessionWriter, channel: number, what: string, value: object): void {
  const plain = text.encode(JSON.stringify(value))
  const payload = sealValue(session.secrets.sealing_key, session.tree.size, plain)
  session.record({ kind: 'sealed', channel, what }, payload)
}

function commit(
  session: SessionWriter,
  channel: number,
  stream: number,
  offset: number,
  bytes: string,
): string {
  const nonce = spanNonce(session.secrets.salt, session.id, channel, stream, offset)
  return toHex(commitSpan(nonce, text.encode(bytes)))
}
