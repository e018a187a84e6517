/**
 * What is given to a shell without a terminal: a script. No line of it reaches the target before policy has seen the whole
 * line, as such a shell runs what it has when its input ends, for whatever reason. Nothing in it is a key.
 *
 * @module
 */
import { together_characters_max, together_lines_max, typed_characters_max } from './limits.ts'
import type { Typed, TypedPorts } from './typed.ts'

export type ScriptPorts = Pick<
  TypedPorts,
  'judges' | 'inject' | 'drop' | 'decide' | 'refused' | 'failed'
>

const newline = 0x0a

export function createScript(ports: ScriptPorts): Typed {
  let queue: (Uint8Array | (() => void))[] = []
  let is_busy = false
  let is_closed = false
  /** The line that has not ended. */
  let kept: Uint8Array[] = []
  let kept_bytes = 0
  /** It is longer than any that policy reads, and was allowed all the same: its rest follows. */
  let is_let_through = false
  /** Lines that went on and were not complete. */
  let earlier: string[] = []

  /** It counts no more as on its way: a line that does not end must not keep its own rest from coming. */
  const keep = (bytes: Uint8Array): void => {
    kept.push(bytes)
    kept_bytes += bytes.length
    ports.drop(bytes.length)
  }

  /** Lets the line go once it is judged; false when it is refused, or nobody is there any more. */
  const letGo = async (): Promise<boolean> => {
    if (kept_bytes === 0) return true
    const bytes = new Uint8Array(Buffer.concat(kept))
    if (!is_let_through && ports.judges() && !(await isAllowed(bytes))) return false
    kept = []
    kept_bytes = 0
    ports.inject(bytes)
    return true
  }

  const isAllowed = async (bytes: Uint8Array): Promise<boolean> => {
    // Shells read past these.
    const text = new TextDecoder().decode(bytes).replaceAll('\0', '').replace(/\n$/, '')
    const together = [...earlier, text].join('\n')
    const lines = [...new Set([text, together])]
      .filter((each) => each.trim() !== '')
      .map((each) => ({ text: each, is_hidden: false }))
    if (lines.length === 0) return true
    const { allowed, is_partial } = await ports.decide(lines)
    const goes_on =
      is_partial && earlier.length < together_lines_max && together.length < together_characters_max
    earlier = goes_on ? [...earlier, text] : []
    if (!allowed && !is_closed) {
      // It is over with its first line that is refused.
      is_closed = true
      ports.refused()
    }
    return !is_closed
  }

  const take = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(newline, at) + 1
      const room = at + typed_characters_max - kept_bytes
      const to = Math.min(end === 0 ? bytes.length : end, room)
      keep(bytes.subarray(at, to))
      at = to
      const is_whole = to === end
      if (!is_whole && kept_bytes < typed_characters_max && !is_let_through && ports.judges())
        continue
      if (!(await letGo())) return
      is_let_through = !is_whole
    }
  }

  const run = async (): Promise<void> => {
    is_busy = true
    for (let item = queue.shift(); item !== undefined && !is_closed; item = queue.shift()) {
      if (typeof item !== 'function') await take(item)
      // The end of the input ends its last line.
      else if (await letGo()) item()
    }
    is_busy = false
  }

  const start = (): void => {
    if (!is_busy) void run().catch(ports.failed)
  }

  return {
    take(bytes) {
      queue.push(bytes)
      start()
    },
    after(then) {
      queue.push(then)
      start()
    },
    heard() {},
    printed() {},
    resize() {},
    is_entered: false,
    close() {
      is_closed = true
      queue = []
    },
  }
}
