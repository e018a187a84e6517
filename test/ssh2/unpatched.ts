/**
 * ssh2 as its author published it: the installed copy with `patches/ssh2@1.17.0.patch` taken back. A defect's
 * test must fail with it, or it tests nothing.
 *
 * @module
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Unpatched extends Disposable {
  /** The package's folder, to be imported by its path. */
  readonly path: string
}

const root = join(import.meta.dir, '../..')
export const patched_path: string = join(root, 'node_modules/ssh2')
export const patch_path: string = join(root, 'patches/ssh2@1.17.0.patch')

export function unpack(): Unpatched {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-ssh2-'))
  const path = join(dir, 'ssh2')
  cpSync(patched_path, path, { recursive: true, dereference: true })
  // What it depends on is beside it in the original.
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  for (const [file, hunks] of readPatch(readFileSync(patch_path, 'utf8'))) {
    const full = join(path, file)
    writeFileSync(full, takeBack(readFileSync(full, 'utf8'), hunks, file))
  }
  return { path, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) }
}

interface Hunk {
  /** First line in the patched file, from 0. */
  readonly start: number
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/** A unified diff, as far as `git diff` writes it for files that exist on both sides. */
export function readPatch(text: string): ReadonlyMap<string, readonly Hunk[]> {
  const files = new Map<string, Hunk[]>()
  let hunks: Hunk[] | undefined
  let hunk: { before: string[]; after: string[] } | undefined
  for (const line of text.split('\n')) {
    const file = /^\+\+\+ b\/(.+)$/.exec(line)?.[1]
    const start = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line)?.[1]
    if (line.startsWith('diff ')) hunk = undefined
    else if (file !== undefined) files.set(file, (hunks = []))
    else if (start !== undefined && hunks !== undefined) {
      hunk = { before: [], after: [] }
      hunks.push({ start: Number(start) - 1, ...hunk })
    } else if (hunk !== undefined && /^[ +-]/.test(line)) {
      if (line[0] !== '+') hunk.before.push(line.slice(1))
      if (line[0] !== '-') hunk.after.push(line.slice(1))
    }
  }
  return files
}

function takeBack(text: string, hunks: readonly Hunk[], file: string): string {
  const lines = text.split('\n')
  // From the end, so that the numbers of those before stay true.
  for (const { start, before, after } of hunks.toReversed()) {
    const found = lines.slice(start, start + after.length)
    if (found.join('\n') !== after.join('\n'))
      throw new Error(`${file}:${start + 1} is not as the patch left it; run bun install`)
    lines.splice(start, after.length, ...before)
  }
  return lines.join('\n')
}
