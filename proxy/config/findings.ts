/**
 * Gathers what is wrong with a config while it is resolved: errors, of which the first in the file is
 * shown, and warnings.
 *
 * @module
 */
import { type ConfigDocument, formatPath, type Path } from './document.ts'

export class Findings {
  readonly #document: ConfigDocument
  readonly #errors: { readonly offset: number; readonly line: string }[] = []
  readonly #warnings: string[] = []

  constructor(document: ConfigDocument) {
    this.#document = document
  }

  error(path: Path, message: string): void {
    this.#errors.push({ offset: this.#document.offset(path), line: this.line(path, message) })
  }

  warn(path: Path, message: string): void {
    this.#warnings.push(this.line(path, message))
  }

  /** `FILE:LINE:COLUMN key: message`, on one line. */
  line(path: Path, message: string): string {
    const key = path.length === 0 ? '' : `${formatPath(path)}: `
    return `${this.#document.position(path)} ${key}${message}`
  }

  /** The error that stands first in the file. */
  get first(): string | undefined {
    return this.#errors.toSorted((a, b) => a.offset - b.offset)[0]?.line
  }

  get warnings(): readonly string[] {
    return this.#warnings
  }
}
