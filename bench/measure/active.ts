/**
 * Many people who type at once, from one process, and whose the cores are meanwhile.
 *
 * @module
 */
import { join } from 'node:path'
import type { Hop } from '../rival/paths.ts'
import { busySeconds, type Cpu, cpuOf } from './process.ts'

export interface Typing {
  /** Of every key until its echo, in ms. */
  readonly times: readonly number[]
  /** Cores in use while they typed: by the whole machine, by the typing process, and by threads of the gateway. */
  readonly cores: ReadonlyMap<string, number>
}

/** Ten keys a second each. With `gateway`, the process whose threads are looked at. */
export async function typeTogether(
  through: Hop,
  count: number,
  seconds: number,
  gateway?: number,
): Promise<Typing> {
  const child = Bun.spawn(
    [
      ...[process.execPath, join(import.meta.dir, 'active-clients.ts'), '127.0.0.1'],
      ...[through.port, through.login, through.key, count, seconds].map(String),
      ...(through.command ?? []),
    ],
    { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  )
  const look = (): Cpu =>
    new Map([
      ['machine', busySeconds()],
      ['typing process', sum(cpuOf(child.pid))],
      ...[...(gateway === undefined ? [] : cpuOf(gateway))].map(
        ([thread, cpu]) => [`gateway ${thread}`, cpu] as const,
      ),
    ])
  let text = ''
  let before: Cpu | undefined
  let began_ms = 0
  let after: Cpu = new Map()
  let took_s = 0
  const decoder = new TextDecoder()
  // It says a line once all are logged in, and the times when they have typed.
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true })
    if (before === undefined) {
      began_ms = performance.now()
      before = look()
    } else if (took_s === 0) {
      took_s = (performance.now() - began_ms) / 1000
      after = look()
    }
  }
  if ((await child.exited) !== 0 || before === undefined)
    throw new Error('the clients that type did not end well')
  const cores = new Map<string, number>()
  for (const [name, cpu] of after) cores.set(name, (cpu - (before.get(name) ?? 0)) / took_s)
  return { times: JSON.parse(text.slice(text.indexOf('\n'))) as number[], cores }
}

const sum = (cpu: Cpu): number => [...cpu.values()].reduce((total, each) => total + each, 0)
