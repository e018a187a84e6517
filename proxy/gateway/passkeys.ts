/**
 * The passkeys of people who approve, in the data directory: public keys, and no secret.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createClock } from '../core/clock.ts'
import { createPasskeys, type KeptPasskey, type PasskeyRegister } from '../identity/passkeys.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { Refusal } from './refusal.ts'

/** @param origin of the page, where browsers find it */
export function openPasskeys(
  data: string,
  recorder: Pick<RecorderClient, 'note'>,
  origin: () => string,
): PasskeyRegister {
  const file = join(data, 'passkeys.json')
  const { now_us } = createClock(Date.now, () => performance.now())
  return createPasskeys({
    origin,
    now_us,
    note: recorder.note,
    load: () => load(file),
    save(all) {
      const next = `${file}.next`
      const written = openSync(next, 'w', 0o600)
      try {
        writeSync(written, JSON.stringify({ v: 1, passkeys: all }, undefined, 2))
        fsyncSync(written)
      } finally {
        closeSync(written)
      }
      renameSync(next, file)
      syncFolder(data)
    },
  })
}

/** A file that cannot be read is none to begin anew from: whoever made it so could then register as anybody. */
function load(file: string): readonly KeptPasskey[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new Refusal(1, `${file} cannot be read`)
  }
  try {
    const { v, passkeys } = JSON.parse(text) as { v: unknown; passkeys: KeptPasskey[] } // Its own file.
    if (v === 1 && Array.isArray(passkeys)) return passkeys
  } catch {
    // Said below.
  }
  throw new Refusal(1, `${file} is damaged: put it back, or remove it, and all passkeys with it`)
}

function syncFolder(folder: string): void {
  const opened = openSync(folder, 'r')
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}
