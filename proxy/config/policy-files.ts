/**
 * The files of `policy.files`, as text: what is in them is read by policy itself.
 *
 * @module
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { expand, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import { readNamedFile } from './named-file.ts'

export interface PolicyText {
  /** As it is shown: the name in the configuration, or of the file that a pattern found. */
  readonly name: string
  readonly text: string
}

/** Thousands of rules that a program writes. */
const file_bytes_max = 4 * 1024 * 1024
const files_max = 200

/** A `*` in the last part of a path stands for any characters; what it finds is taken in the order of the names. */
export function policyFiles(
  given: readonly string[] | undefined,
  around: Surroundings,
): readonly PolicyText[] {
  const found = (given ?? []).flatMap((shown, index) => {
    const at: Path = ['policy', 'files', index]
    const pattern = expand(shown, at, around)
    const paths = matching(pattern, around.folder)
    // A policy that is not there permits nothing, which nobody wants to find out later.
    if (paths.length === 0) around.findings.error(at, `${shown}: no such file`)
    return paths.flatMap((name): PolicyText[] => {
      const read = readNamedFile(resolve(around.folder, name), name, false, file_bytes_max)
      if (read.ok) return [{ name, text: read.text }]
      around.findings.error(at, read.reason)
      return []
    })
  })
  if (found.length > files_max)
    around.findings.error(['policy', 'files'], `more than ${files_max} files`)
  return found
}

function matching(pattern: string, folder: string): readonly string[] {
  const last = basename(pattern)
  if (!last.includes('*')) return [pattern]
  const glob = new Bun.Glob(last)
  try {
    return readdirSync(resolve(folder, dirname(pattern)))
      .filter((name) => glob.match(name))
      .toSorted()
      .map((name) => join(dirname(pattern), name))
  } catch {
    return []
  }
}
