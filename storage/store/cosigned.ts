/**
 * The newest checkpoint that each witness cosigned, beside the log: a file for each key.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { note_bytes_max } from '../evidence/limits.ts'
import { cosigned_name } from './layout.ts'
import { witnesses_max } from './limits.ts'

const file_name = /^[0-9a-f]{8}\.note$/

/** `key_id` is that of the witness, hex. Whole and durable when it resolves; nobody waits for the disk meanwhile. */
export async function keepCosigned(data: string, key_id: string, note: Uint8Array): Promise<void> {
  const folder = join(data, cosigned_name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${key_id}.note`)
  const draft = await open(`${file}.new`, 'w', 0o600)
  try {
    await draft.writeFile(note)
    await draft.sync()
  } finally {
    await draft.close()
  }
  await rename(`${file}.new`, file)
}

/** Signed notes, in no order. What is no file of {@link keepCosigned} is passed over. */
export function readCosigned(data: string): readonly Uint8Array[] {
  const folder = join(data, cosigned_name)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => file_name.test(name))
    .slice(0, witnesses_max)
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).size <= note_bytes_max)
    .map((file) => readFileSync(file))
}
