/**
 * A connection as those who carry its bytes need it: read while they want, written as fast as its peer takes. What it is made of,
 * one of Bun's own sockets or a stream of Node's, is not their business.
 *
 * @module
 */

export interface SocketEvents {
  /** Owned by the receiver. */
  data(bytes: Uint8Array): void
  /** The peer says no more, and may still listen. */
  ended(): void
  /** Called once, last. Without an error both sides had said their last, or this one destroyed it. */
  closed(error?: Error): void
}

export interface Socket {
  /**
   * Begins to read, and paused does not. Whoever calls it next reads instead of the one before, from where that one has paused it;
   * an end that the first was told of is told again.
   */
  start(on: SocketEvents): void
  /** No more is read until {@link resume}; what was read before still comes from a stream of Node's. */
  pause(): void
  resume(): void
  /**
   * In order. Returns whether the system has taken all of it; otherwise `taken` is called when it has, or never will, in order too.
   * Nothing is written after {@link end}, and the answer is then true.
   */
  write(bytes: Uint8Array, taken?: () => void): boolean
  /** Whether something can be written. */
  readonly is_writable: boolean
  /** Says behind what was written that no more comes; `ended` is called when that is said, or never will be. */
  end(ended?: () => void): void
  /** Closes it at once. What was not taken is lost. */
  destroy(): void
}
