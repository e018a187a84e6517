/**
 * A value that must not be printed. It reaches a log or a JSON document as `[secret]`, whatever
 * object it is part of; only {@link Secret.reveal} gives it away, and can be searched for.
 *
 * @module
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }
}
