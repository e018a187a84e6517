/**
 * Many people who type at once, from one process.
 *
 * @module
 */
import { join } from 'node:path'
import type { Hop } from '../rival/paths.ts'

/** Ten keys a second each; returns the time of every key until its echo, in ms. */
export async function typeTogether(
  through: Hop,
  count: number,
  seconds: number,
): Promise<number[]> {
  const child = Bun.spawn(
    [
      ...[process.execPath, join(import.meta.dir, 'active-clients.ts'), '127.0.0.1'],
      ...[through.port, through.login, through.key, count, seconds].map(String),
    ],
    { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  )
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error('the clients that type did not end well')
  return JSON.parse(text) as number[]
}
