/**
 * Which way the far side of an rsync moves files, by the command line that its client makes (rsync/options.c,
 * `server_options`). An option that rsync's client does not send there may have the next word for its value, write a file of
 * its own (`--log-file`), read others (`--files-from`), or take more options from the input (`-s`): then it can do both.
 *
 * @module
 */
import type { TransferDirection } from '../core/transfer.ts'

/** Letters without a value; `e` has the rest of its word. */
const letters = /^-[0-9ACDEHIJKLNOPRSUWXabcdghilkmnopqrtuvxyz]*(?:e\.[A-Za-z]*)?$/

/** Without a value of their own, or with one behind an equals sign. */
const options: ReadonlySet<string> = new Set(
  `append append-verify block-size bwlimit checksum checksum-choice checksum-seed compress-choice compress-level
  compress-threads copy-unsafe-links debug delay-updates delete delete-after delete-before delete-delay delete-during
  delete-excluded delete-missing-args existing fake-super force from0 fuzzy groupmap iconv ignore-errors
  ignore-existing ignore-missing-args info inplace list-only log-format max-alloc max-delete max-size min-size mkpath
  modify-window msgs2stderr munge-links new-compress no-W no-r no-implied-dirs no-inc-recursive no-msgs2stderr
  no-relative no-specials numeric-ids old-compress one-file-system open-noatime out-format
  partial preallocate prune-empty-dirs remove-source-files safe-links size-only skip-compress specials sparse stats
  stop-after stop-at suffix super timeout trust-sender use-qsort usermap write-devices`.split(
    /\s+/,
  ),
)
const with_value: ReadonlySet<string> = new Set(
  ['backup-dir', 'compare-dest', 'copy-dest', 'link-dest', 'partial-dir', 'temp-dir'].map(
    (name) => `--${name}`,
  ),
)

/** Whether no rsync takes it for an option, and no shell makes some of it. */
const isOperand = (word: string | undefined, also: RegExp = /^[^-{*?[]|^$/): boolean =>
  word !== undefined && also.test(word)
/** Who has a file whose name is an option has brought it there: what is read is a pattern often. */
const read_operand = /^[^-{]|^$/

/** `given`: the words behind the program's name. Undefined where more than one is possible. */
export function rsyncDirection(given: readonly string[]): TransferDirection | undefined {
  const is_sender = given[1] === '--sender'
  if (given[0] !== '--server') return undefined
  // The operands follow a single dot.
  const dot = given.indexOf('.')
  if (
    dot < 0 ||
    !given.slice(dot).every((word) => isOperand(word, is_sender ? read_operand : undefined))
  )
    return undefined
  for (let at = is_sender ? 2 : 1; at < dot; at += 1) {
    const word = given[at] ?? ''
    if (with_value.has(word)) {
      at += 1
      if (at === dot || !isOperand(given[at])) return undefined
    } else if (word.startsWith('--')) {
      const [name = ''] = word.slice(2).split('=', 1)
      if (!options.has(name) && word !== '--files-from=-') return undefined
    } else if (!letters.test(word)) return undefined
  }
  return is_sender ? 'download' : 'upload'
}
