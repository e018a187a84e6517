/**
 * The container of a bundle: a ZIP file that any tool opens, of which exactly one spelling is read. Files are
 * stored without compression and nothing is between them, so that there is no bomb, no hidden content, and no
 * name that leads out of a folder. Format: APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.16.
 *
 * @module
 */
import { concat, equalBytes } from '../evidence/bytes.ts'
import { archive_files_max, bundle_bytes_max } from './limits.ts'

export interface ArchivedFile {
  readonly name: string
  /** Borrowed. */
  readonly bytes: Uint8Array
}

export type ReadArchive =
  | { readonly ok: true; readonly files: ReadonlyMap<string, Uint8Array> }
  /** One line for a person; it has nothing from the file in it. */
  | { readonly ok: false; readonly reason: string }

const local_magic = 0x04034b50
const central_magic = 0x02014b50
const end_magic = 0x06054b50
const local_bytes = 30
/** 1980-01-01, the first day of a ZIP file: a bundle says nothing of when it was made. */
const date = 0x0021
/** Version 2.0, made on Unix: so that a regular file with mode 0644 comes out. */
const version = 20
const made_by = (3 << 8) | version
const mode = 0o100644

const name_pattern = /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/

/** Owned by the caller. The same files in the same order give the same bytes. */
export function writeArchive(files: readonly ArchivedFile[]): Uint8Array {
  if (files.length > archive_files_max || !files.every(({ name }) => isName(name)))
    throw new RangeError('a bundle has a few files with plain names')
  const parts: Uint8Array[] = []
  for (const file of files) parts.push(localHeader(file), file.bytes)
  const size = parts.reduce((sum, { length }) => sum + length, 0)
  if (size > bundle_bytes_max) throw new RangeError('a bundle is within its limit')
  return concat([...parts, directoryOf(files, size)])
}

/** Refuses everything that {@link writeArchive} does not write, byte for byte. */
export function readArchive(bytes: Uint8Array): ReadArchive {
  if (bytes.length > bundle_bytes_max) return refused('it is larger than a bundle can be')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const files: ArchivedFile[] = []
  const names = new Set<string>()
  let at = 0
  while (at + local_bytes <= bytes.length && view.getUint32(at, true) === local_magic) {
    if (files.length === archive_files_max)
      return refused('it has more files than a bundle can have')
    const method = view.getUint16(at + 8, true)
    if (method !== 0) return refused('a file in it is compressed, which none of a bundle is')
    const size = view.getUint32(at + 22, true)
    const name_bytes = view.getUint16(at + 26, true)
    const from = at + local_bytes + name_bytes
    if (from + size > bytes.length) return refused('a file in it is longer than the bundle')
    const name = new TextDecoder('latin1').decode(bytes.subarray(at + local_bytes, from))
    if (!isName(name)) return refused('a file in it has a name that no bundle has')
    if (names.has(name)) return refused('two files in it have one name')
    const file = { name, bytes: bytes.subarray(from, from + size) }
    if (!equalBytes(bytes.subarray(at, from), localHeader(file)))
      return refused('the header of a file in it is damaged, or another program packed it')
    names.add(name)
    files.push(file)
    at = from + size
  }
  if (files.length === 0) return refused('it is no ZIP file of stored files')
  if (!equalBytes(bytes.subarray(at), directoryOf(files, at)))
    return refused('its directory is damaged, or another program packed it')
  return { ok: true, files: new Map(files.map(({ name, bytes: content }) => [name, content])) }
}

/** Whether a file says that it is a ZIP file. */
export function isArchive(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 4 &&
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === local_magic
  )
}

const isName = (name: string): boolean => name_pattern.test(name) && !name.includes('..')

/** Section 4.3.7. */
function localHeader({ name, bytes }: ArchivedFile): Uint8Array {
  const { view, header } = headerOf(local_bytes, name)
  view.setUint32(0, local_magic, true)
  view.setUint16(4, version, true)
  setFacts(view, 10, bytes, name)
  return header
}

/** The central directory and its end, sections 4.3.12 and 4.3.16; `at` is where it begins. */
function directoryOf(files: readonly ArchivedFile[], at: number): Uint8Array {
  let offset = 0
  const headers = files.map(({ name, bytes }) => {
    const { view, header } = headerOf(46, name)
    view.setUint32(0, central_magic, true)
    view.setUint16(4, made_by, true)
    view.setUint16(6, version, true)
    setFacts(view, 12, bytes, name)
    view.setUint32(38, mode * 0x1_0000, true)
    view.setUint32(42, offset, true)
    offset += local_bytes + name.length + bytes.length
    return header
  })
  const end = new Uint8Array(22)
  const view = new DataView(end.buffer)
  view.setUint32(0, end_magic, true)
  view.setUint16(8, files.length, true)
  view.setUint16(10, files.length, true)
  view.setUint32(
    12,
    headers.reduce((sum, { length }) => sum + length, 0),
    true,
  )
  view.setUint32(16, at, true)
  return concat([...headers, end])
}

function headerOf(bytes: number, name: string): { view: DataView; header: Uint8Array } {
  const header = new Uint8Array(bytes + name.length)
  header.set(new TextEncoder().encode(name), bytes)
  return { view: new DataView(header.buffer), header }
}

/** Time, date, checksum, both sizes and the length of the name, which both headers have in this order. */
function setFacts(view: DataView, at: number, bytes: Uint8Array, name: string): void {
  view.setUint16(at + 2, date, true)
  view.setUint32(at + 4, crc32(bytes), true)
  view.setUint32(at + 8, bytes.length, true)
  view.setUint32(at + 12, bytes.length, true)
  view.setUint16(at + 16, name.length, true)
}

/** Section 4.4.7: the polynomial of IEEE 802.3, reflected. */
const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let at = 0; at < bytes.length; at++)
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0)
  return (crc ^ 0xffffffff) >>> 0
}

const refused = (reason: string): ReadArchive => ({ ok: false, reason })
