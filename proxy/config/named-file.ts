/**
 * Reads the small files that a config names, and says in one line why one cannot be used.
 *
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

export type ReadFile =
  | { readonly ok: true; readonly text: string; readonly warning?: string }
  | { readonly ok: false; readonly reason: string }

/** The largest RSA key in PEM is under 16 KiB. */
const file_bytes_max = 64 * 1024

/** `shown` is the path as the user wrote it. With `is_secret`, others must not be able to read it. */
export function readNamedFile(
  path: string,
  shown: string,
  is_secret: boolean,
  bytes_max: number = file_bytes_max,
): ReadFile {
  let descriptor: number
  try {
    // A FIFO would block the start for ever.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return { ok: false, reason: `${shown}: ${openFailure(error)}` }
  }
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return { ok: false, reason: `${shown}: this is not a file` }
    if (stat.size > bytes_max)
      return { ok: false, reason: `${shown}: larger than ${bytes_max} bytes` }
    const bytes = new Uint8Array(bytes_max)
    const text = new TextDecoder().decode(bytes.subarray(0, readSync(descriptor, bytes)))
    const mode = stat.mode & 0o777
    const is_open = is_secret && (mode & 0o077) !== 0
    const octal = mode.toString(8).padStart(4, '0')
    return is_open
      ? { ok: true, text, warning: `${shown}: mode ${octal} is too open for a secret: chmod 600` }
      : { ok: true, text }
  } catch (error) {
    return { ok: false, reason: `${shown}: ${openFailure(error)}` }
  } finally {
    closeSync(descriptor)
  }
}

function openFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'no such file'
    case 'EACCES':
    case 'EPERM':
      return 'not readable by this user'
    case 'ELOOP':
      return 'a circle of symbolic links'
    case 'EISDIR':
      return 'this is not a file'
    default:
      return `cannot be read (${typeof code === 'string' ? code : 'unknown error'})`
  }
}
