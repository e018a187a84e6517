/**
 * The gateway's own log: one entry for each fact, a signed checkpoint at most a second after a change.
 * Entries hold digests only; the documents behind them can be erased without breaking the log.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { checkpointText } from '../../storage/evidence/checkpoint.ts'
import { makeDocument } from '../../storage/evidence/document.ts'
import { isErasing } from '../../storage/evidence/erasure.ts'
import { document_salt_bytes } from '../../storage/evidence/limits.ts'
import {
  encodeLogEntry,
  type LogEntry,
  type LogEntryType,
} from '../../storage/evidence/log-entry.ts'
import { type SessionFacts, startDocument } from '../../storage/evidence/manifest.ts'
import { leafHash, MerkleTree, type TreeState } from '../../storage/evidence/merkle.ts'
import { type NoteSigner, signNote } from '../../storage/evidence/note.ts'
import { daysFor, type RetentionRule } from '../../storage/evidence/retention.ts'
import type { Entry } from '../../storage/journal/segment.ts'

export interface LogParts {
  /** `NAME/LOGID`, also the name of the signing key. */
  readonly origin: string
  readonly signer: NoteSigner
  readonly state: TreeState
}

export class EvidenceLog {
  readonly #parts: LogParts
  readonly #append: (entry: Entry) => void
  readonly #now_us: () => number
  #tree: MerkleTree
  #durable: TreeState
  /** What was recovered may end in entries that no checkpoint covers: the next one will. */
  #signed_size = -1

  constructor(parts: LogParts, append: (entry: Entry) => void, now_us: () => number) {
    this.#parts = parts
    this.#append = append
    this.#now_us = now_us
    this.#tree = new MerkleTree(parts.state)
    this.#durable = parts.state
  }

  /**
   * Writes the document and the entry over its digest; returns the digest as hex. `promised`: of a session that starts, how
   * long it is kept after its end, and whether it has a key of its own, which the entry says.
   */
  add(
    type: LogEntryType,
    id: string,
    facts: Readonly<object>,
    promised: Pick<LogEntry, 'days' | 'keyed'> = {},
  ): string {
    const document = makeDocument({ ...facts, v: 1, type }, randomBytes(document_salt_bytes))
    this.#append({ kind: 'document', type, digest: document.digest, bytes: document.bytes })
    const time = new Date(Math.floor(this.#now_us() / 1000)).toISOString()
    const bytes = encodeLogEntry({ v: 1, type, time, id, digest: document.digest, ...promised })
    this.#append({ kind: 'log_entry', index: this.#tree.size, bytes })
    this.#tree.append(leafHash(bytes))
    // The store erases as it reads this: without a checkpoint over it, who verifies would miss what is gone.
    if (isErasing(type)) this.sign()
    return document.digest
  }

  /** A session starts; how long the first rule for it keeps it is promised there. */
  start(facts: SessionFacts, rules: readonly RetentionRule[] = [], is_keyed = false): string {
    const days = daysFor(rules, facts.labels)
    return this.add('session.started', facts.session, startDocument(facts), {
      ...(days === undefined ? {} : { days }),
      ...(is_keyed ? { keyed: true } : {}),
    })
  }

  /** A fact that is not the recorder's own: of the gateway, unless it is a session's. */
  note(type: LogEntryType, gateway: string, facts: Readonly<Record<string, unknown>>): void {
    const { session } = facts
    const is_session = type === 'session.shredded' && typeof session === 'string'
    this.add(type, is_session ? session : gateway, facts)
  }

  /** Signs the log's head if it is new. */
  sign(): void {
    if (this.#tree.size === this.#signed_size) return
    const text = checkpointText({
      origin: this.#parts.origin,
      size: this.#tree.size,
      root: this.#tree.root(),
    })
    this.#append({ kind: 'checkpoint', bytes: signNote(text, [this.#parts.signer]) })
    this.#signed_size = this.#tree.size
  }

  /** How far it is, to be settled when that is durable. */
  place(): TreeState {
    return this.#tree.state()
  }

  /** A group commit made everything up to there durable. */
  settle(place: TreeState): void {
    this.#durable = place
  }

  /** The group commit failed: the log is again what is on disk. */
  rollBack(): void {
    this.#tree = new MerkleTree(this.#durable)
    this.#signed_size = -1
  }
}
