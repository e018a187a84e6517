/**
 * What a durable write costs here, written as the journal writes: the part of an echo that is the disk's.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { block_bytes, DurableFile, stagingArea } from '../../storage/journal/durable-file.ts'

const record = new Uint8Array(300).fill(1)
const file_bytes: number = 256 * block_bytes

/** Times in ms of `count` small appends, each after a pause as between two keys. */
export async function timeDurable(
  dir: string,
  count: number,
  pause_ms: readonly [from: number, to: number],
): Promise<number[]> {
  const path = join(dir, 'durable')
  await Bun.write(path, new Uint8Array(file_bytes))
  const file = DurableFile.open(path, 0, stagingArea())
  const times: number[] = []
  try {
    for (let n = 0; n < count; n++) {
      const [from, to] = pause_ms
      await Bun.sleep(from + Math.random() * (to - from))
      const start = performance.now()
      file.append([record])
      times.push(performance.now() - start)
    }
  } finally {
    file.close()
    rmSync(path)
  }
  return times
}
