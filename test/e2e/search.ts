/**
 * Looks for bytes on the disk as they are, whatever the files mean: what must not rest there must not be found.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Names, relative to `dir`, of the files that contain the text. `except` is a folder left out. */
export function filesWith(dir: string, text: string, except?: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const name = relative(dir, join(entry.parentPath, entry.name))
    if (except !== undefined && name.startsWith(`${except}/`)) continue
    if (readFileSync(join(dir, name)).includes(text)) found.push(name)
  }
  return found.sort()
}
