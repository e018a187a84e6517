/**
 * What a process costs, read from /proc: CPU by thread, resident memory now, at its peak and over
 * time.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'

/** CPU seconds by thread. The main thread is `main`; others are by name, and by order where names repeat. */
export type Cpu = ReadonlyMap<string, number>

/** USER_HZ: what the kernel counts in /proc, 100 on every architecture that Debian ships. */
const ticks_per_s = 100

export function cpuOf(pid: number): Cpu {
  const times = new Map<string, number>()
  const tids = readdirSync(`/proc/${pid}/task`).map(Number)
  for (const tid of tids.toSorted((a, b) => a - b)) {
    const stat = read(`/proc/${pid}/task/${tid}/stat`)
    if (stat === undefined) continue
    // The name is in parentheses and may hold anything; the fields after it are counted from its end.
    const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const seconds = (Number(fields[11]) + Number(fields[12])) / ticks_per_s
    const name = tid === pid ? 'main' : comm
    let unique = name
    for (let n = 2; times.has(unique); n++) unique = `${name} ${n}`
    times.set(unique, seconds)
  }
  return times
}

/** CPU seconds of the whole machine since it started, of all its cores. */
export function busySeconds(): number {
  // proc(5): user, nice, system, idle, iowait, irq, softirq, steal.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    /^cpu +(.*)$/m
      .exec(read('/proc/stat') ?? '')?.[1]
      ?.split(' ')
      .map(Number) ?? []
  return (user + nice + system + irq + softirq) / ticks_per_s
}

/** Seconds spent between two readings, the busiest thread first; idle ones are left out. */
export function cpuBetween(before: Cpu, after: Cpu): [thread: string, seconds: number][] {
  return [...after]
    .map(([thread, seconds]): [string, number] => [thread, seconds - (before.get(thread) ?? 0)])
    .filter(([, seconds]) => seconds > 0)
    .toSorted(([, a], [, b]) => b - a)
}

/** Resident bytes now. */
export function rssOf(pid: number): number {
  return status(pid, 'VmRSS')
}

/** The most that was ever resident, in bytes, since the process started or {@link forgetPeak}. */
export function peakOf(pid: number): number {
  return status(pid, 'VmHWM')
}

/** Starts the peak anew (proc(5), clear_refs: 5). Needs to be the owner of the process. */
export async function forgetPeak(pid: number): Promise<void> {
  await Bun.write(`/proc/${pid}/clear_refs`, '5')
}

export interface Sampler {
  /** Resident MiB, one every `every_ms`. */
  stop(): number[]
}

export function sampleRss(pid: number, every_ms: number): Sampler {
  const samples: number[] = []
  const timer = setInterval(() => samples.push(Math.round(rssOf(pid) / 2 ** 20)), every_ms)
  return {
    stop: () => {
      clearInterval(timer)
      return samples
    },
  }
}

function status(pid: number, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    read(`/proc/${pid}/status`) ?? '',
  )?.[1]
  return Number(kib ?? Number.NaN) * 1024
}

/** A thread may end between listing and reading. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
