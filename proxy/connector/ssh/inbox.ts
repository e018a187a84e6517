/**
 * What has arrived and cannot be handed over yet. Its size is bounded by the channel's window, because bytes
 * give window back only when they leave; small packets are joined, so that their objects are bounded too.
 *
 * @module
 */
import type { Stream, Wire } from '../../core/connector.ts'
import { held_block_bytes, held_events_max } from './limits.ts'

interface Block {
  readonly stream: Stream
  readonly bytes: Uint8Array
  used: number
}

/** Moving the rest costs less than keeping this many packets that were handed over. */
const compact_items = 32

export class Inbox {
  #items: (Block | Wire)[] = []
  #head = 0
  #events = 0

  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  /** Takes ownership of the bytes. */
  push(wire: Wire): void {
    if (wire.kind === 'control') this.#pushEvent(wire)
    else this.#pushBytes(wire.stream, wire.bytes)
  }

  shift(): Wire | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#head += 1
    if (this.isEmpty) this.clear()
    else if (this.#head >= compact_items) {
      // A busy channel's inbox may never be empty, and what was handed over must not stay with it.
      this.#items.splice(0, this.#head)
      this.#head = 0
    }
    const wire = wireOf(item)
    if (wire.kind === 'control') this.#events -= 1
    return wire
  }

  some(matches: (wire: Wire) => boolean): boolean {
    return this.#items.slice(this.#head).some((item) => matches(wireOf(item)))
  }

  clear(): void {
    this.#items = []
    this.#head = 0
    this.#events = 0
  }

  #pushBytes(stream: Stream, bytes: Uint8Array): void {
    const last = this.#items.at(-1)
    const isBlock = last !== undefined && 'used' in last
    if (isBlock && last.stream === stream && last.bytes.length - last.used >= bytes.length) {
      last.bytes.set(bytes, last.used)
      last.used += bytes.length
      return
    }
    if (bytes.length >= held_block_bytes / 2) {
      this.#items.push({ stream, bytes, used: bytes.length })
      return
    }
    const block = { stream, bytes: new Uint8Array(held_block_bytes), used: bytes.length }
    block.bytes.set(bytes)
    this.#items.push(block)
  }

  #pushEvent(wire: Extract<Wire, { kind: 'control' }>): void {
    const last = this.#items.at(-1)
    const isResize = wire.event.kind === 'resize'
    if (isResize && last !== undefined && 'kind' in last && last.kind === 'control') {
      // Only the last size counts: a dragged window sends hundreds.
      if (last.event.kind === 'resize') {
        this.#items[this.#items.length - 1] = wire
        return
      }
    }
    const isLosable = isResize || wire.event.kind === 'signal'
    if (isLosable && this.#events >= held_events_max) return
    this.#events += 1
    this.#items.push(wire)
  }
}

const wireOf = (item: Block | Wire): Wire =>
  'used' in item
    ? { kind: 'data', stream: item.stream, bytes: item.bytes.subarray(0, item.used) }
    : item
