/**
 * What an SFTP client asks, one message at a time: forwarded, or answered by the gateway itself when policy does
 * not allow it. Everything that changes the target counts as an upload.
 *
 * @module
 */
import type { Frame } from '../../../core/connector.ts'
import type { Content, TransferDirection, TransferFact } from '../../../core/transfer.ts'
import { line } from '../line.ts'
import { path_bytes_max, sftp_handle_bytes_max } from './limits.ts'
import type { Moving, OpenFile, Pending, SftpState } from './sftp-state.ts'
import {
  Cursor,
  open_flag,
  type Place,
  status,
  statusMessage,
  type,
  versionMessage,
} from './sftp-wire.ts'

/** Frames, or why the message cannot be. */
export type Handled = readonly Frame[] | string

const malformed = 'an SFTP request is malformed'

/** Requests of one path that only look. */
const looks: Readonly<Record<number, Pending['kind'] & ('attributes' | 'names')>> = {
  [type.lstat]: 'attributes',
  [type.stat]: 'attributes',
  [type.realpath]: 'names',
  [type.readlink]: 'names',
}

/** Requests that change what is there, by their operands. */
const changes: Readonly<
  Record<number, { readonly operation: string; readonly operands: Operands }>
> = {
  [type.setstat]: { operation: 'setstat', operands: 'path attributes' },
  [type.fsetstat]: { operation: 'setstat', operands: 'handle attributes' },
  [type.remove]: { operation: 'remove', operands: 'path' },
  [type.mkdir]: { operation: 'mkdir', operands: 'path attributes' },
  [type.rmdir]: { operation: 'rmdir', operands: 'path' },
  [type.rename]: { operation: 'rename', operands: 'path path' },
  // OpenSSH has them the other way round than the draft: the link's target comes first.
  [type.symlink]: { operation: 'symlink', operands: 'path path' },
}

/** openssh/PROTOCOL, section 4. `home-directory` and its like answer with names. */
const extended_changes: Readonly<Record<string, { operation: string; operands: Operands }>> = {
  'posix-rename@openssh.com': { operation: 'rename', operands: 'path path' },
  'hardlink@openssh.com': { operation: 'hardlink', operands: 'path path' },
  'lsetstat@openssh.com': { operation: 'lsetstat', operands: 'path attributes' },
  'copy-data': { operation: 'copy', operands: 'handle range handle offset' },
}
const extended_looks: Readonly<
  Record<
    string,
    {
      readonly operands: Operands
      readonly reply: 'status' | 'names' | 'statvfs' | 'limits' | 'groups'
    }
  >
> = {
  'statvfs@openssh.com': { operands: 'path', reply: 'statvfs' },
  'fstatvfs@openssh.com': { operands: 'handle', reply: 'statvfs' },
  'fsync@openssh.com': { operands: 'handle', reply: 'status' },
  'limits@openssh.com': { operands: '', reply: 'limits' },
  'expand-path@openssh.com': { operands: 'path', reply: 'names' },
  'home-directory': { operands: 'path', reply: 'names' },
  'users-groups-by-id@openssh.com': { operands: 'ids ids', reply: 'groups' },
}

/** Every extension that is let through; others are left out of what the target says that it can. */
export const known_extensions: ReadonlySet<string> = new Set([
  ...Object.keys(extended_changes),
  ...Object.keys(extended_looks),
])

type Operand = 'path' | 'handle' | 'attributes' | 'range' | 'offset' | 'ids'
/** Operands in their order, with a space between. */
type Operands = string

/** `length` is that of the whole message, whose content may lie behind what is given of it. */
export function handleRequest(state: SftpState, message: Uint8Array, length: number): Handled {
  const read = new Cursor(message, 4, length)
  const kind = read.byte()
  if (kind === type.init) {
    read.number()
    if (read.short || state.greeted !== 'no') return malformed
    state.greeted = 'asked'
    // Whatever the client offers, what is spoken is version 3 and its known extensions.
    return [data(versionMessage(type.init), [])]
  }
  if (state.greeted !== 'yes') return 'an SFTP request comes before the version'
  const id = read.number()
  switch (kind) {
    case type.open:
      return open(state, message, read, id)
    case type.opendir:
      return openDirectory(state, message, read, id)
    case type.close:
      return close(state, message, read, id)
    case type.read:
      return readFile(state, message, read, id)
    case type.write:
      return writeFile(state, message, read, id)
    case type.fstat:
    case type.readdir:
      return plain(state, message, read, id, 'handle', kind === type.fstat ? 'attributes' : 'names')
    case type.extended: {
      const name = read.text(read.string())
      if (read.short) return malformed
      const change = Object.hasOwn(extended_changes, name) ? extended_changes[name] : undefined
      if (change !== undefined) return changed(state, message, read, id, change)
      const look = Object.hasOwn(extended_looks, name) ? extended_looks[name] : undefined
      if (look !== undefined) return plain(state, message, read, id, look.operands, look.reply)
      return [answer(id, status.unsupported, 'the gateway does not know this extension')]
    }
    default: {
      const look = looks[kind]
      if (look !== undefined) return plain(state, message, read, id, 'path', look)
      const change = changes[kind]
      return change === undefined ? malformed : changed(state, message, read, id, change)
    }
  }
}

function open(state: SftpState, message: Uint8Array, read: Cursor, id: number): Handled {
  const at = read.string()
  const flags = read.number()
  const texts = [at]
  read.attributes(texts)
  if (!read.done) return malformed
  // Not `slice`: a Buffer's shares its memory.
  const path = new Uint8Array(read.bytes(at))
  if (path.length > path_bytes_max) return [answer(id, status.failure, 'the path is too long')]
  const directions: TransferDirection[] = []
  if ((flags & open_flag.writes) !== 0) directions.push('upload')
  if ((flags & open_flag.read) !== 0 || directions.length === 0) directions.push('download')
  const refused = directions.find((direction) => !state.allows(direction))
  if (refused !== undefined) return denied(state, id, refused, 'open', path)
  const begun = directions.map((direction) => state.begin(direction, path))
  const file: OpenFile = { path, moving: begun.map(({ moving }) => moving), over: false }
  const wrong = state.expect(id, { kind: 'open', file })
  if (wrong !== undefined) return wrong
  // Before it is opened: opening may truncate.
  const facts = begun.map(({ fact }): Frame => ({ kind: 'fact', fact }))
  return [...facts, data(message, texts)]
}

function openDirectory(state: SftpState, message: Uint8Array, read: Cursor, id: number): Handled {
  const at = read.string()
  if (!read.done) return malformed
  // What is changed by its handle is on record by its path.
  const path = new Uint8Array(read.bytes(at))
  if (path.length > path_bytes_max) return [answer(id, status.failure, 'the path is too long')]
  const file: OpenFile = { path, moving: [], over: false }
  return state.expect(id, { kind: 'open', file }) ?? [data(message, [at])]
}

function close(state: SftpState, message: Uint8Array, read: Cursor, id: number): Handled {
  const handle = handleIn(read)
  if (!read.done) return malformed
  const file = state.file(handle)
  if (file === undefined) return [answer(id, status.failure, unknown_handle)]
  state.closing(handle)
  return state.expect(id, { kind: 'close', file }) ?? [data(message, [])]
}

function readFile(state: SftpState, message: Uint8Array, read: Cursor, id: number): Handled {
  const file = state.file(handleIn(read))
  const offset = read.long()
  const length = read.number()
  if (!read.done) return malformed
  if (file === undefined) return [answer(id, status.failure, unknown_handle)]
  const moving = movingOf(file, 'download')
  if (moving === undefined)
    return state.allows('download')
      ? [answer(id, status.failure, 'the file is not open for reading')]
      : denied(state, id, 'download', 'read', file.path)
  const wrong = state.expect(id, { kind: 'read', file, offset, length })
  // Of the content, though it has none: with a record for each the disk would set the pace.
  return wrong ?? [{ kind: 'data', stream: 0, bytes: message, content: none(moving) }]
}

function writeFile(state: SftpState, message: Uint8Array, read: Cursor, id: number): Handled {
  const file = state.file(handleIn(read))
  const offset = read.long()
  const { start, end } = read.string()
  if (!read.done) return malformed
  if (file === undefined) return [answer(id, status.failure, unknown_handle)]
  const moving = movingOf(file, 'upload')
  if (moving === undefined)
    return state.allows('upload')
      ? [answer(id, status.failure, 'the file is not open for writing')]
      : denied(state, id, 'upload', 'write', file.path)
  const wrong = state.expect(id, { kind: 'write', file })
  if (wrong !== undefined) return wrong
  state.moved(moving, offset, end - start)
  const content = { transfer: moving.transfer, start, end }
  return [{ kind: 'data', stream: 0, bytes: message, content }]
}

/** A request that changes nothing and carries no content. */
function plain(
  state: SftpState,
  message: Uint8Array,
  read: Cursor,
  id: number,
  operands: Operands,
  reply: Exclude<Pending['kind'], 'open' | 'read' | 'write' | 'close'>,
): Handled {
  const found = operandsOf(state, read, operands)
  if (!read.done) return malformed
  if (found.unknown) return [answer(id, status.failure, unknown_handle)]
  return state.expect(id, { kind: reply }) ?? [data(message, found.texts)]
}

function changed(
  state: SftpState,
  message: Uint8Array,
  read: Cursor,
  id: number,
  { operation, operands }: { readonly operation: string; readonly operands: Operands },
): Handled {
  const { texts, paths, unknown } = operandsOf(state, read, operands)
  if (!read.done) return malformed
  if (unknown) return [answer(id, status.failure, unknown_handle)]
  const [path = new Uint8Array(), to] = paths
  if (paths.some(({ length }) => length > path_bytes_max))
    return [answer(id, status.failure, 'the path is too long')]
  if (!state.allows('upload')) return denied(state, id, 'upload', operation, path)
  const wrong = state.expect(id, { kind: 'status' })
  if (wrong !== undefined) return wrong
  const fact: TransferFact = {
    ...{ kind: 'change', tool: 'sftp', operation, path },
    ...(to === undefined ? {} : { to }),
  }
  return [{ kind: 'fact', fact }, data(message, texts)]
}

interface Found {
  readonly texts: Place[]
  readonly paths: Uint8Array[]
  /** A handle that is not open. */
  unknown: boolean
}

function operandsOf(state: SftpState, read: Cursor, operands: Operands): Found {
  const found: Found = { texts: [], paths: [], unknown: false }
  for (const operand of operands.split(' ') as Operand[]) // Only the tables above name them.
    switch (operand) {
      case 'path': {
        const place = read.string()
        found.texts.push(place)
        found.paths.push(new Uint8Array(read.bytes(place)))
        break
      }
      case 'handle': {
        const file = state.file(handleIn(read))
        if (file === undefined) found.unknown = true
        else found.paths.push(file.path)
        break
      }
      case 'attributes':
        read.attributes(found.texts)
        break
      case 'range':
        read.skip(16)
        break
      case 'offset':
        read.skip(8)
        break
      case 'ids':
        found.texts.push(read.string())
    }
  return found
}

const unknown_handle = 'no file is open by this handle'

function handleIn(read: Cursor): Uint8Array {
  return read.bytes(read.string()).subarray(0, sftp_handle_bytes_max + 1)
}

export const movingOf = (file: OpenFile, direction: TransferDirection): Moving | undefined =>
  file.moving.find((moving) => moving.direction === direction)

/** A message that moves content and carries none: it has no text, and no record of its own. */
export const none = ({ transfer }: Moving): Content => ({ transfer, start: 0, end: 0 })

const data = (bytes: Uint8Array, fields: readonly Place[]): Frame => ({
  kind: 'data',
  stream: 0,
  bytes,
  fields,
})

const answer = (id: number, code: number, text: string): Frame => ({
  kind: 'answer',
  stream: 1,
  bytes: statusMessage(id, code, text),
})

function denied(
  state: SftpState,
  id: number,
  direction: TransferDirection,
  what: string,
  path: Uint8Array,
): Handled {
  const rule = `policy.transfers.${direction}`
  const message = `${direction} is off by policy: ${rule}: deny`
  const asked = `sftp ${what} ${new TextDecoder().decode(path.subarray(0, path_bytes_max))}`
  return [
    { kind: 'fact', fact: { kind: 'verdict', verdict: { allowed: false, rule, message }, asked } },
    // OpenSSH's client shows its own words for a status: whoever asks first is told why.
    ...(state.tell(direction)
      ? [{ kind: 'answer', stream: 2, bytes: line(message) } satisfies Frame]
      : []),
    answer(id, status.permission_denied, message),
  ]
}
