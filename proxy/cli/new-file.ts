/**
 * Files that a verb makes: never over one that is there, which may be a key or evidence.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { VerbError } from './verb.ts'

export interface NewFile {
  write(text: string | Uint8Array): void
  /** Bytes at their place, whatever was written before. */
  writeAt(offset: number, bytes: Uint8Array): void
  /** Durable when it returns. */
  close(): void
}

/** Throws a {@link VerbError} when the file is there or cannot be made. */
export function writeNew(path: string, mode: number): NewFile {
  let descriptor: number
  try {
    descriptor = openSync(path, 'wx', mode)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const why = typeof code === 'string' ? code : 'unknown error'
    const message =
      code === 'EEXIST'
        ? `${path} is there already, and is left as it is: name another file`
        : `${path} cannot be made (${why})`
    throw new VerbError(message, { cause: error })
  }
  return {
    write(text) {
      const bytes = typeof text === 'string' ? Buffer.from(text) : text
      // A disk that is nearly full takes a part, without an exception.
      for (let at = 0; at < bytes.length; )
        at += writeSync(descriptor, bytes, at, bytes.length - at)
    },
    writeAt(offset, bytes) {
      for (let at = 0; at < bytes.length; )
        at += writeSync(descriptor, bytes, at, bytes.length - at, offset + at)
    },
    close() {
      fsyncSync(descriptor)
      closeSync(descriptor)
    },
  }
}

/** A whole new file at once. */
export function writeNewFile(path: string, content: string | Uint8Array, mode: number): void {
  const file = writeNew(path, mode)
  try {
    file.write(content)
  } finally {
    file.close()
  }
}
