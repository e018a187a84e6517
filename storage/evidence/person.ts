/**
 * Whether two names may be of one person.
 *
 * @module
 */

/**
 * Providers differ in case and in the form of letters, also from one day to the next. For what keeps somebody away, never for
 * what lets them in.
 */
export const mayBeSame = (one: string, other: string): boolean => folded(one) === folded(other)

const folded = (name: string): string => name.normalize('NFKC').toLowerCase().normalize('NFKC')
