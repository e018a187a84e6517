/**
 * Who waits for whom: a session's output waits for the recorder, nobody waits for the store.
 *
 * @module
 */
import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

/**
 * Lets every other thread of the process run first. On Linux a priority belongs to a thread; elsewhere,
 * and where it is not allowed, nothing happens.
 */
export function yieldToOthers(): void {
  try {
    // `PROCESS/task/THREAD`: Linux takes a thread's number wherever it takes a process's.
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(thread, constants.priority.PRIORITY_LOW)
  } catch {
    // Slower for others, and right all the same.
  }
}
