/**
 * Two streams that are each other's other end, inside the process: a connection without a port.
 *
 * @module
 */
import { Duplex } from 'node:stream'

export function duplexPair(): readonly [Duplex, Duplex] {
  const near = new Side()
  const far = new Side()
  near.other = far
  far.other = near
  return [near, far]
}

class Side extends Duplex {
  other: Side | undefined
  /** A write of the other side that waits until this one is read. */
  taken: (() => void) | undefined

  override _read(): void {
    this.release()
  }

  release(): void {
    const { taken } = this
    this.taken = undefined
    taken?.()
  }

  override _write(bytes: Uint8Array, _encoding: string, done: () => void): void {
    // As over a wire: what the other end does with it comes after what this end does now.
    setImmediate(() => {
      const { other } = this
      if (other === undefined || other.destroyed || other.readableEnded) done()
      else if (other.push(bytes)) done()
      else other.taken = done
    })
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      this.other?.push(null)
      done()
    })
  }

  /** As a socket: when one end is gone, so is the other. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this
    this.other = undefined
    this.release()
    if (other !== undefined && !other.destroyed) queueMicrotask(() => other.destroy())
    done(error)
  }
}
