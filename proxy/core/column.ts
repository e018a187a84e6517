/**
 * Columns of a database that are protected whatever they hold.
 *
 * @module
 */

export interface ColumnRule {
  /** Its name in the records. */
  readonly rule: string
  readonly strategy: ColumnStrategy
}

/** What becomes of its values. */
export type ColumnStrategy =
  /** Stars where it is a text, and no value where it is anything else. */
  | { readonly kind: 'mask' }
  /** ... but for so many characters at either end. Never more than half of them are shown. */
  | { readonly kind: 'partial'; readonly first: number; readonly last: number }
  /** A digest under a key of the session: equal values look equal in it. */
  | { readonly kind: 'hash' }
  /** No value. */
  | { readonly kind: 'null' }
