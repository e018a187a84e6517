/**
 * Files that somebody says hold the raw bytes of a stream: `--raw CHANNEL/STREAM=FILE`.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import type { ClaimedStream, ClaimedStreams } from '../../storage/audit/streams.ts'
import { command_stream } from '../../storage/evidence/commitment.ts'
import { type Call, type Option, UsageError, VerbError } from './verb.ts'

export const stream_names: Readonly<Record<string, number>> = {
  input: 0,
  output: 1,
  error: 2,
  command: command_stream,
}

export const raw_option: Option = {
  value: 'N/STREAM=FILE',
  is_repeatable: true,
  help: 'put this file beside the input, output, error or command of channel N',
}

const piece_bytes = 1024 * 1024

/** Opens the files, and closes them whatever happens. Throws a {@link UsageError} or a {@link VerbError}. */
export async function withClaimed<T>(
  call: Call,
  run: (claimed: ClaimedStreams) => Promise<T>,
  restored: readonly string[] = [],
): Promise<T> {
  const files = new Map<string, number>()
  try {
    for (const text of [...call.texts('raw'), ...restored]) {
      const named = readNamed(text)
      if (named === undefined)
        throw new UsageError('--raw is N/input, N/output, N/error or N/command, and =FILE')
      const { channel, stream, file } = named
      const key = `${channel}/${stream}`
      if (files.has(key)) throw new UsageError(`--raw names a stream of channel ${channel} twice`)
      if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
      files.set(key, openSync(file, 'r'))
    }
    const streams = new Map([...files].map(([key, descriptor]) => [key, claimedFile(descriptor)]))
    return await run((channel, stream) => streams.get(`${channel}/${stream}`))
  } finally {
    for (const descriptor of files.values()) closeSync(descriptor)
  }
}

/** `CHANNEL/STREAM=FILE`; undefined for anything else. */
export function readNamed(
  text: string,
): { readonly channel: number; readonly stream: number; readonly file: string } | undefined {
  const [, channel, name = '', file = ''] = /^(\d{1,9})\/([a-z]+)=(.+)$/s.exec(text) ?? []
  const stream = Object.hasOwn(stream_names, name) ? stream_names[name] : undefined
  if (channel === undefined || stream === undefined) return undefined
  return { channel: Number(channel), stream, file }
}

function claimedFile(descriptor: number): ClaimedStream {
  const { size: length } = fstatSync(descriptor)
  const read = (offset: number, count: number): Uint8Array => {
    const bytes = new Uint8Array(Math.max(0, Math.min(count, length - offset)))
    let at = 0
    while (at < bytes.length) {
      const got = readSync(descriptor, bytes, at, bytes.length - at, offset + at)
      if (got === 0) break
      at += got
    }
    return bytes.subarray(0, at)
  }
  let sha256: string | undefined
  const digest = (from: number): string => {
    const hash = createHash('sha256')
    for (let at = from; at < length; at += piece_bytes) hash.update(read(at, piece_bytes))
    return hash.digest('hex')
  }
  return {
    length,
    read,
    sha256(from = 0) {
      if (from > 0) return digest(from)
      sha256 ??= digest(0)
      return sha256
    },
  }
}
