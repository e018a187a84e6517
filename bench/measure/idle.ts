/**
 * Sessions that do nothing: many connections with a shell each, from one light process, so that the
 * clients do not take the machine.
 *
 * @module
 */
import { join } from 'node:path'
import type { Hop } from '../rival/paths.ts'

export interface Idle {
  /** Ends the clients and their sessions. */
  close(): Promise<void>
}

/** Resolves when `count` shells have printed their first bytes. */
export async function openIdle(through: Hop, count: number): Promise<Idle> {
  const child = Bun.spawn(
    [
      ...[process.execPath, join(import.meta.dir, 'idle-clients.ts')],
      ...['127.0.0.1', String(through.port), through.login, through.key, String(count)],
    ],
    { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  )
  const reader = child.stdout.getReader()
  const { value } = await reader.read()
  if (
    !Buffer.from(value ?? [])
      .toString()
      .startsWith('open')
  ) {
    child.kill()
    throw new Error('the idle clients did not open their sessions')
  }
  return {
    close: async () => {
      await child.stdin.end()
      await child.exited
    },
  }
}

/** The same with real ssh clients, which cost a process each. */
export async function openIdleSsh(ssh: readonly string[], count: number): Promise<Idle> {
  const children: Bun.Subprocess<'pipe', 'pipe', 'ignore'>[] = []
  for (let n = 0; n < count; n++) {
    const child = Bun.spawn([...ssh, 'echo open; exec cat'], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'ignore',
    })
    children.push(child)
    const { value } = await child.stdout.getReader().read()
    if (value === undefined) throw new Error(`idle ssh ${n} ended`)
  }
  return {
    close: async () => {
      for (const child of children) await child.stdin.end()
      await Promise.all(children.map((child) => child.exited))
    },
  }
}
