/**
 * What an SFTP server answers. Each reply must be one to a request that waits, of a kind that it can have: only
 * then is a file's content a file's content. All text in it is a field, and so is masked: names in listings, links,
 * messages. A file whose name holds a secret therefore cannot be fetched by that listing.
 *
 * @module
 */
import type { Frame } from '../../../core/connector.ts'
import { sftp_handle_bytes_max } from './limits.ts'
import { type Handled, known_extensions, movingOf, none } from './sftp-request.ts'
import type { Pending, SftpState } from './sftp-state.ts'
import { Cursor, type Place, status, statusMessage, type, versionMessage } from './sftp-wire.ts'

const malformed = 'an SFTP reply is malformed'
const unasked = 'an SFTP reply answers no request'

/** Eleven, and four, numbers of 64 bits (openssh/PROTOCOL, sections 4.2 and 4.8). */
const statvfs_bytes = 88
const limits_bytes = 32

/** `length` is that of the whole message, whose content may lie behind what is given of it. */
export function handleReply(state: SftpState, message: Uint8Array, length: number): Handled {
  const read = new Cursor(message, 4, length)
  const kind = read.byte()
  if (kind === type.version) return version(state, read)
  const id = read.number()
  if (read.short) return malformed
  const pending = state.answered(id)
  if (pending === undefined) return unasked
  switch (kind) {
    case type.status:
      return statusReply(state, message, read, id, pending)
    case type.handle:
      return handleGiven(state, message, read, pending)
    case type.data:
      return content(state, message, read, pending)
    case type.name:
      return pending.kind === 'names' ? names(message, read) : unasked
    case type.attrs: {
      if (pending.kind !== 'attributes') return unasked
      const texts: Place[] = []
      read.attributes(texts)
      return read.done ? [data(message, texts)] : malformed
    }
    case type.extended_reply:
      return extendedReply(message, read, pending)
    default:
      return 'an SFTP reply is of no known type'
  }
}

/** Section 4. Of the extensions those pass that the gateway knows: nobody can ask for the others. */
function version(state: SftpState, read: Cursor): Handled {
  if (state.greeted !== 'asked') return unasked
  if (read.number() !== 3) return 'the target does not speak SFTP version 3'
  const known: (readonly [string, string])[] = []
  while (read.left > 0 && !read.short) {
    const name = read.text(read.string())
    const value = read.text(read.string())
    if (known_extensions.has(name) && /^\d{1,3}$/.test(value)) known.push([name, value])
  }
  if (!read.done) return malformed
  state.greeted = 'yes'
  return [data(versionMessage(type.version, known), [])]
}

function statusReply(
  state: SftpState,
  message: Uint8Array,
  read: Cursor,
  id: number,
  pending: Pending,
): Handled {
  const code = read.number()
  // Servers older than version 3 of the protocol have no text.
  const texts = read.left === 0 ? [] : [read.string(), read.string()]
  if (!read.done) return malformed
  const reply = data(message, texts)
  const upload = pending.kind === 'write' ? movingOf(pending.file, 'upload') : undefined
  switch (pending.kind) {
    case 'open':
      return [...state.end(pending.file, 'failed'), reply]
    case 'read':
      for (const moving of pending.file.moving) {
        if (moving.direction !== 'download') continue
        if (code === status.eof) moving.reached_end = true
        else moving.broken = true
      }
      return [reply]
    case 'write':
      if (upload === undefined) return [reply]
      if (code === status.ok) {
        // In the gateway's own words, so that it needs no record: of these there is one for every 32 KiB.
        const bytes = statusMessage(id, status.ok, '')
        return [{ kind: 'data', stream: 1, bytes, content: none(upload) }]
      }
      upload.broken = true
      return [reply]
    case 'close':
      if (code !== status.ok) for (const moving of pending.file.moving) moving.broken = true
      // On record before the client hears that its file is closed.
      return [...state.end(pending.file, 'closed'), reply]
    default:
      return [reply]
  }
}

function handleGiven(
  state: SftpState,
  message: Uint8Array,
  read: Cursor,
  pending: Pending,
): Handled {
  const handle = read.bytes(read.string())
  if (!read.done || handle.length > sftp_handle_bytes_max) return malformed
  if (pending.kind !== 'open') return unasked
  return state.opened(handle, pending.file) ?? [data(message, [])]
}

function content(state: SftpState, message: Uint8Array, read: Cursor, pending: Pending): Handled {
  const { start, end } = read.string()
  if (!read.done) return malformed
  if (pending.kind !== 'read') return unasked
  if (end - start > pending.length) return 'an SFTP reply has more content than was asked for'
  const moving = movingOf(pending.file, 'download')
  if (moving === undefined || pending.file.over) return 'an SFTP reply has content of a closed file'
  state.moved(moving, pending.offset, end - start)
  const { transfer } = moving
  return [{ kind: 'data', stream: 1, bytes: message, content: { transfer, start, end } }]
}

/** Section 7: of each file its name, a line as `ls -l` has it, its attributes. */
function names(message: Uint8Array, read: Cursor): Handled {
  const texts: Place[] = []
  for (let left = read.number(); left > 0 && !read.short; left--) {
    texts.push(read.string(), read.string())
    read.attributes(texts)
  }
  return read.done ? [data(message, texts)] : malformed
}

function extendedReply(message: Uint8Array, read: Cursor, pending: Pending): Handled {
  switch (pending.kind) {
    case 'statvfs':
      return read.left === statvfs_bytes ? [data(message, [])] : malformed
    case 'limits':
      return read.left === limits_bytes ? [data(message, [])] : malformed
    case 'groups': {
      // Two strings, of users and of groups, each of which holds strings.
      const texts: Place[] = []
      for (const { start, end } of [read.string(), read.string()]) {
        const inner = new Cursor(message, start, end)
        while (inner.left > 0 && !inner.short) texts.push(inner.string())
        if (!inner.done) return malformed
      }
      return read.done ? [data(message, texts)] : malformed
    }
    default:
      return unasked
  }
}

const data = (bytes: Uint8Array, fields: readonly Place[]): Frame => ({
  kind: 'data',
  stream: 1,
  bytes,
  fields,
})
