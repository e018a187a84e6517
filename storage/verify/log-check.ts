/**
 * Is the log the one that was signed, and does it continue what was seen before? Which entries were
 * changed when it is not. Says nothing about what the entries mean; that is `replay-log.ts`.
 *
 * @module
 */
import { equalBytes, isCount, toHex } from '../evidence/bytes.ts'
import type { Checkpoint } from '../evidence/checkpoint.ts'
import { leafHash, MerkleTree, storedHashIndex } from '../evidence/merkle.ts'
import type { Trust } from '../evidence/trust.ts'
import { olderCheckpoints, readCheckpoint } from './checkpoint-check.ts'
import { log_page_entries, missing_run_max } from './limits.ts'
import type { Findings, LogFacts } from './report.ts'
import type { EvidenceSource } from './source.ts'

export interface CheckedLog {
  /** Entries that the source gives. */
  readonly stored: number
  /** Entries that a checkpoint covers; the rest is not signed yet. */
  readonly signed: number
  /** Indexes of entries that are known not to be the signed ones. */
  readonly edited: ReadonlySet<number>
  /** Indexes of signed entries that the source does not have, ascending. */
  readonly missing: readonly number[]
  readonly checkpoint: Checkpoint | undefined
}

/** A root that the log must have at some size. */
interface Anchor {
  readonly size: number
  readonly root: Uint8Array
  /** The newest checkpoint, one before it, or one that somebody else remembers. */
  readonly from: 'newest' | 'older' | 'remembered'
}

export async function checkLog(
  source: EvidenceSource,
  trust: Trust | undefined,
  findings: Findings,
): Promise<CheckedLog> {
  const { size: said, checkpoint: note } = await source.log()
  const size = isCount(said) ? said : 0
  const checkpoint = readCheckpoint(note, size, trust, findings)
  const remembered = (trust?.checkpoints ?? []).filter(
    ({ origin }) => checkpoint === undefined || origin === checkpoint.origin,
  )
  const anchors: Anchor[] = [
    ...(checkpoint === undefined ? [] : [{ ...checkpoint, from: 'newest' } as const]),
    ...remembered.map((known) => ({ ...known, from: 'remembered' }) as const),
  ].toSorted((a, b) => a.size - b.size)

  const wanted = Math.max(size, checkpoint?.size ?? 0)
  const older = olderCheckpoints(source, checkpoint, trust, findings)
  const { stored, wrong, right_until } = await compareRoots(source, wanted, anchors, older)
  const newest = Math.max(0, ...remembered.map((known) => known.size))
  const signed_size = checkpoint?.size ?? newest
  const claimed = Math.max(checkpoint?.size ?? 0, checkpoint === undefined ? stored : 0)
  if (newest > claimed)
    findings.fail(
      'log_rolled_back',
      `The log ends at ${claimed} entries, but the trust file remembers, or a witness saw, a checkpoint over ${newest}: ` +
        'the newest entries were taken away together with the checkpoint that signed them.',
    )
  const is_short = checkpoint !== undefined && stored < checkpoint.size
  const none: Located = { edited: [], missing: [] }
  const located =
    is_short || wrong.length > 0
      ? await locate(source, stored, Math.min(wanted, Math.max(signed_size, stored)), anchors)
      : none
  // Which entries were changed is told where they are read for their meaning, with their sessions.
  const named = located.edited.length + located.missing.length > 0
  for (const entry of located.missing)
    findings.fail('log_entry_missing', `Entry ${entry} of the log was signed, and is missing.`, {
      entry,
    })
  if (!named) sayUnnamed(stored, is_short ? checkpoint : undefined, wrong, right_until, findings)
  return {
    stored,
    signed: Math.min(stored, signed_size),
    edited: new Set(located.edited),
    missing: located.missing,
    checkpoint,
  }
}

const forked_from = {
  newest: 'that is the newest',
  older: 'that was signed then, and is kept beside the newest',
  remembered: 'that the trust file remembers, or a witness saw',
} as const

/** Something is wrong with the log, and the stored hashes do not tell where. */
function sayUnnamed(
  stored: number,
  longer: Checkpoint | undefined,
  wrong: readonly Anchor[],
  right_until: number,
  findings: Findings,
): void {
  const [first] = wrong
  if (longer !== undefined)
    findings.fail(
      'log_entry_missing',
      `The log holds ${stored} entries, but its checkpoint signs ${longer.size}: entries were deleted.`,
    )
  else if (wrong.some(({ from }) => from === 'newest'))
    findings.fail(
      'log_entry_edited',
      `The log's entries do not give the root that its checkpoint signs: an entry from ${right_until} on ` +
        'was changed, and the stored hashes with it, so that it cannot be told which.',
    )
  else if (first !== undefined)
    findings.fail(
      'log_forked',
      `The first ${first.size} entries are not those of a checkpoint ${forked_from[first.from]}: ` +
        'this log is another history under the same name.',
    )
}

/** Reads all entries once; gives the anchors that their roots contradict. */
async function compareRoots(
  source: EvidenceSource,
  wanted: number,
  anchors: readonly Anchor[],
  older: AsyncGenerator<Checkpoint, void, void>,
): Promise<{ stored: number; wrong: readonly Anchor[]; right_until: number }> {
  const tree = new MerkleTree()
  const wrong: Anchor[] = []
  let right_until = 0
  let next = 0
  const compare = (anchor: Anchor): void => {
    if (!equalBytes(tree.root(), anchor.root)) wrong.push(anchor)
    else if (wrong.length === 0) right_until = anchor.size
  }
  let waiting = (await older.next()).value
  const compareAll = async (): Promise<void> => {
    while (waiting !== undefined && waiting.size <= tree.size) {
      if (waiting.size === tree.size) compare({ ...waiting, from: 'older' })
      waiting = (await older.next()).value
    }
    for (let anchor = anchors[next]; anchor?.size === tree.size; anchor = anchors[++next])
      compare(anchor)
  }
  const isDue = (): boolean => waiting?.size === tree.size || anchors[next]?.size === tree.size
  await compareAll()
  for await (const entry of entriesOf(source, wanted)) {
    tree.append(leafHash(entry))
    // Most entries have none, and a log has millions.
    if (isDue()) await compareAll()
  }
  // Past the end of the entries there is nothing to compare with: whether they are this log's own is still said.
  while (waiting !== undefined) waiting = (await older.next()).value
  return { stored: tree.size, wrong, right_until }
}

/** Entries in order, up to where the source has no more. */
export async function* entriesOf(
  source: EvidenceSource,
  size: number,
): AsyncGenerator<Uint8Array, void, void> {
  for (let from = 0; from < size; ) {
    const asked = Math.min(log_page_entries, size - from)
    // A source that gives more than was asked for is cut: the size bounds the loop.
    const page = (await source.logEntries(from, from + asked)).slice(0, asked)
    if (page.length === 0) return
    yield* page
    from += page.length
  }
}

interface Located {
  readonly edited: readonly number[]
  readonly missing: readonly number[]
}

/**
 * Compares each entry with the leaf hash that is stored for it. The hashes come from the same source,
 * so they are believed only as far as they give a signed root.
 */
async function locate(
  source: EvidenceSource,
  stored: number,
  size: number,
  anchors: readonly Anchor[],
): Promise<Located> {
  const tree = new MerkleTree()
  let proven_until = 0
  const edited: number[] = []
  const missing: number[] = []
  let ahead: Uint8Array[] = []
  let index = 0
  const fill = async (count: number): Promise<void> => {
    while (ahead.length < count && tree.size < size) {
      const [hash] = await source.logHashes([storedHashIndex(0, tree.size)])
      if (hash === undefined) return
      tree.append(hash)
      ahead.push(hash)
      if (anchors.some((one) => one.size === tree.size && equalBytes(one.root, tree.root())))
        proven_until = tree.size
    }
  }
  for await (const entry of entriesOf(source, stored)) {
    await fill(missing_run_max)
    const leaf = leafHash(entry)
    const at = ahead.findIndex((hash) => equalBytes(hash, leaf))
    if (at < 0) edited.push(index)
    // Without a missing entry, an equal hash further on is an entry in a wrong place.
    const skipped = at > 0 && stored < size ? at : 0
    if (at > 0 && skipped === 0) edited.push(index)
    for (let gap = 0; gap < skipped; gap++) missing.push(index + gap)
    ahead = ahead.slice(skipped + 1)
    index += skipped + 1
  }
  await fill(1)
  while (ahead.length > 0) {
    ahead.shift()
    missing.push(index++)
    await fill(1)
  }
  const proven = (entry: number): boolean => entry < proven_until
  return { edited: edited.filter(proven), missing: missing.filter(proven) }
}

/** How a report names the log. */
export function describeLog(checkpoint: Checkpoint | undefined): LogFacts | undefined {
  if (checkpoint === undefined) return undefined
  return { origin: checkpoint.origin, size: checkpoint.size, root: toHex(checkpoint.root) }
}
