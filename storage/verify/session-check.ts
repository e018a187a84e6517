/**
 * One session against the log, as the log is read: each root that the log has of it must be the root of
 * its first records. Reads every record once, and once more when something is wrong.
 *
 * @module
 */
import { equalBytes, toHex } from '../evidence/bytes.ts'
import { factsOf } from '../evidence/exchange.ts'
import { openLeafList } from '../evidence/leaf-list.ts'
import { leaf_list_width } from '../evidence/limits.ts'
import type { Manifest } from '../evidence/manifest.ts'
import { leafHash, MerkleTree } from '../evidence/merkle.ts'
import { decodeRecord } from '../evidence/record.ts'
import { diagnose, type Suspect } from './diagnose.ts'
import type { Documents } from './documents.ts'
import { progress_records, session_findings_max } from './limits.ts'
import { type PageBudget, RecordReader } from './record-reader.ts'
import type { Findings } from './report.ts'
import type { EvidenceSource } from './source.ts'
import { StreamCheck, type Trouble } from './stream-check.ts'

export interface SessionCheckParts {
  readonly source: EvidenceSource
  readonly documents: Documents
  readonly findings: Findings
  readonly budget: PageBudget
  readonly progress: () => void
}

/** Unlogged records that are looked at: a log is at most a second behind, and 1 GiB is 8,192 of them. */
const unlogged_records_max = 1_000_000

export class SessionCheck {
  readonly #session: string
  readonly #parts: SessionCheckParts
  readonly #reader: RecordReader
  readonly #tree = new MerkleTree()
  readonly #streams: StreamCheck
  readonly #troubles: Trouble[] = []
  /** The newest count that the log has of this session, and the newest whose root is right. */
  #logged = 0
  #right = 0
  #wrong: { readonly from: number; readonly to: number } | undefined
  #ended = false

  constructor(
    session: string,
    start: { readonly document: string; readonly envelope: string },
    parts: SessionCheckParts,
  ) {
    this.#session = session
    this.#parts = parts
    this.#reader = new RecordReader(parts.source, session, parts.budget)
    this.#streams = new StreamCheck(session, start)
  }

  /** The log has a root over the first `count` records. Counts must not go down. */
  async advance(count: number, root: string): Promise<void> {
    if (count < this.#logged) {
      this.#sayCountsFall(count)
      return
    }
    this.#logged = count
    await this.#readTo(count)
    if (this.#tree.size === count && toHex(this.#tree.root()) === root) this.#right = count
    else this.#wrong ??= { from: this.#right, to: count }
  }

  /** The session ended with this manifest. */
  async finish(manifest: Manifest): Promise<void> {
    const { findings } = this.#parts
    this.#ended = true
    const early = this.#wrong
    if (manifest.records < this.#logged) {
      this.#sayCountsFall(manifest.records)
      return
    }
    this.#logged = manifest.records
    await this.#readTo(manifest.records)
    const whole = this.#tree.size === manifest.records && toHex(this.#tree.root()) === manifest.root
    await this.#readTo(manifest.records + session_findings_max)
    const lists = await this.#checkLists(manifest)
    if (!whole || this.#tree.size > manifest.records) {
      await this.#diagnose({
        expected: manifest.records,
        from: this.#right,
        to: early?.to ?? manifest.records,
        ...(lists ? { isLeaf: this.#leafReader(manifest.leaves ?? []) } : {}),
      })
      return
    }
    if (early !== undefined)
      findings.fail(
        'session_rewritten',
        `The records of session ${this.#session} are those of its end, but not those of which the log took ` +
          `the root before, up to record ${early.to - 1}: the gateway wrote them anew.`,
        { session: this.#session },
      )
    this.#sayTroubles()
    const { end_reason } = this.#streams
    if (end_reason !== manifest.end_reason && this.#troubles.length === 0)
      findings.fail(
        'record_malformed',
        `The last record of session ${this.#session} is not the end that the log has of it.`,
        { session: this.#session, record: Math.max(0, manifest.records - 1) },
      )
    if (manifest.end_reason === 'crashed')
      findings.notice(
        'session_crashed',
        `Session ${this.#session} ended because the gateway stopped; its ${manifest.records} records are whole.`,
        { session: this.#session },
      )
  }

  /** The log has no end of the session: it is running, or its end was not logged. */
  async finishOpen(tainted: boolean): Promise<void> {
    const { findings } = this.#parts
    await this.#readTo(this.#logged + unlogged_records_max)
    if (this.#wrong !== undefined) {
      await this.#diagnose({ expected: this.#logged, ...this.#wrong })
      return
    }
    this.#sayTroubles()
    const unlogged = this.#tree.size - this.#logged
    if (tainted) return
    if (this.#tree.size === 0) {
      this.#sayNotStored()
      return
    }
    findings.notice(
      'session_open',
      `Session ${this.#session} has not ended: it is running, or the gateway stopped and was not started since.`,
      { session: this.#session },
    )
    if (unlogged > 0)
      findings.notice(
        'records_not_logged',
        `The last ${unlogged} records of session ${this.#session} are newer than the log: nothing proves them yet.`,
        { session: this.#session, record: this.#logged },
      )
  }

  async #readTo(count: number): Promise<void> {
    const { counts } = this.#parts.findings
    while (this.#tree.size < count) {
      const stored = this.#reader.take()
      if (stored === undefined) {
        if (await this.#reader.fill()) continue
        return
      }
      counts.records++
      counts.bytes += stored.length
      if (counts.records % progress_records === 0) this.#parts.progress()
      const position = this.#tree.size
      this.#tree.append(leafHash(stored))
      const decoded = decodeRecord(stored)
      if (!decoded.ok) this.#trouble({ position, code: 'record_malformed', reason: decoded.reason })
      else
        for (const { header } of factsOf(decoded))
          this.#trouble(this.#streams.check(header, position))
    }
  }

  #trouble(trouble: Trouble | undefined): void {
    if (trouble !== undefined && this.#troubles.length < session_findings_max)
      this.#troubles.push(trouble)
  }

  #sayNotStored(): void {
    this.#parts.findings.fail(
      'session_missing_from_store',
      `Session ${this.#session} is in the log, and the store has no record of it.`,
      { session: this.#session },
    )
  }

  #sayCountsFall(count: number): void {
    this.#parts.findings.fail(
      'log_contradicts',
      `The log first has ${this.#logged} records of session ${this.#session}, and later ${count}.`,
      { session: this.#session },
    )
  }

  /** What is wrong with records that are authentic: the gateway wrote them so. */
  #sayTroubles(): void {
    for (const { position, code, reason } of this.#troubles)
      this.#parts.findings.fail(
        code,
        `Record ${position} of session ${this.#session} is not as it must be: ${reason}.`,
        { session: this.#session, record: position },
      )
  }

  async #diagnose(suspect: Omit<Suspect, 'session' | 'open'>): Promise<void> {
    const { source, findings, budget } = this.#parts
    if (this.#tree.size === 0) {
      this.#sayNotStored()
      return
    }
    const again = new RecordReader(source, this.#session, budget)
    await diagnose({ session: this.#session, open: !this.#ended, ...suspect }, again, findings)
  }

  /** Whether the manifest's leaf lists are there and give the session's root. */
  async #checkLists({ leaves = [], records, root }: Manifest): Promise<boolean> {
    if (leaves.length === 0) return false
    const place = { session: this.#session }
    const tree = new MerkleTree()
    let sound = true
    for (const [at, digest] of leaves.entries()) {
      const what = `Leaf list ${at} of session ${this.#session}`
      const bytes = await this.#parts.documents.list(digest, what, place)
      const hashes = bytes === undefined ? undefined : openLeafList(bytes)
      if (hashes === undefined) sound = false
      for (const hash of hashes ?? []) tree.append(hash)
    }
    if (!sound) return false
    if (tree.size === records && toHex(tree.root()) === root) return true
    // A session with more records than lists can name has lists of its first records only.
    if (tree.size < records && tree.size % leaf_list_width === 0) return false
    this.#parts.findings.fail(
      'log_contradicts',
      `The leaf lists of session ${this.#session} do not give the root that its end has in the log.`,
      place,
    )
    return false
  }

  #leafReader(leaves: readonly string[]): (seq: number, leaf: Uint8Array) => Promise<boolean> {
    let loaded = -1
    let hashes: readonly Uint8Array[] = []
    return async (seq, leaf) => {
      const list = Math.floor(seq / leaf_list_width)
      if (list !== loaded) {
        const stored = await this.#parts.source.document(leaves[list] ?? '')
        hashes = stored === undefined ? [] : (openLeafList(stored.bytes) ?? [])
        loaded = list
      }
      const expected = hashes[seq % leaf_list_width]
      return expected !== undefined && equalBytes(expected, leaf)
    }
  }
}
