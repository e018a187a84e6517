/**
 * `--restore CHANNEL/STREAM=FILE` of `sluice unseal`: a raw stream in a new file, where the gateway kept what it masked.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { type RestoredStream, restore } from '../../storage/audit/restore.ts'
import { command_stream } from '../../storage/evidence/commitment.ts'
import type { AuditedSession } from './audited-session.ts'
import { readNamed } from './claimed.ts'
import { type NewFile, writeNew } from './new-file.ts'
import { formatCount } from './table.ts'
import { type Call, type Option, UsageError, VerbError } from './verb.ts'

export const restore_option: Option = {
  value: 'N/STREAM=FILE',
  is_repeatable: true,
  help: 'write the raw input, output or error of channel N into a new file, with what was masked',
}

/**
 * Makes the files, readable by their owner alone, and returns what was asked for, so that each is compared with what was
 * sealed and committed. Throws a {@link UsageError}, or a {@link VerbError} when a byte is missing: then no file stays.
 */
export async function restoreFiles(
  call: Call,
  session: AuditedSession,
  sealing_key: Uint8Array,
): Promise<readonly string[]> {
  const asked = call.texts('restore')
  const wanted = new Map<string, string>()
  for (const text of asked) {
    const named = readNamed(text)
    if (named === undefined || named.stream === command_stream)
      throw new UsageError('--restore is N/input, N/output or N/error, and =FILE')
    const key = `${named.channel}/${named.stream}`
    if (wanted.has(key)) throw new UsageError('--restore names a stream twice')
    wanted.set(key, named.file)
  }
  if (wanted.size === 0) return []
  const files = new Map<string, NewFile>()
  try {
    for (const [key, file] of wanted) files.set(key, writeNew(file, 0o600))
    const streams = await restore({
      sealing_key,
      records: session.records(),
      writer: (channel, stream) => files.get(`${channel}/${stream}`)?.writeAt,
    })
    for (const [key, file] of wanted) {
      const found = streams.find(({ channel, stream }) => `${channel}/${stream}` === key)
      if (found === undefined)
        throw new VerbError(`${file}: the records have nothing of this stream`)
      if (found.missing !== 0) throw new VerbError(`${file}: ${whyMissing(found)}`)
    }
  } catch (error) {
    for (const [key, file] of wanted) if (files.has(key)) rmSync(file)
    throw error
  } finally {
    for (const file of files.values()) file.close()
  }
  return asked
}

const whyMissing = ({ missing, length }: RestoredStream): string =>
  `${formatCount(missing, 'byte')} of ${length} are neither shown nor kept: ` +
  'raw streams are kept under `evidence: { raw: sealed }`, up to 256 MiB of masked bytes a session'
