/**
 * An emulated terminal, as far as a line that somebody is about to enter can be read from it. What it shows is what
 * the target painted: it can make a decision stricter, and prove nothing.
 *
 * @module
 */

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

export interface Screen {
  /** What the target printed. Copied. */
  print(bytes: Uint8Array): void
  resize(size: ScreenSize): void
  /** Somebody begins to type: the line is from where the cursor stands now. */
  begin(): void
  /**
   * Whether what was printed since {@link begin} is exactly what was typed, so that nobody need read it: `part` where only its
   * beginning was; `unknown` where that has to be read.
   */
  echoes(typed: string): 'all' | 'part' | 'unknown'
  /** Resolves with what is shown of everything that was printed until now. */
  read(): Promise<ScreenLine>
  close(): void
}

/** The row of the cursor, with those that it was wrapped from and into. */
export interface ScreenLine {
  /** From where the line began up to the cursor, and to the row's end; undefined where that place is in no such row any more. */
  readonly typed: { readonly before: string; readonly whole: string } | undefined
  /** Up to the cursor. */
  readonly before: string
  readonly whole: string
}
