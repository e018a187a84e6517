/**
 * The name that a mistyped one is meant for.
 *
 * @module
 */

/** Longer than any name of ours: such a word is like none of them. */
const word_characters_max = 64

/** Undefined where none is near: more than a third of its letters would have to change. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  return known
    .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)[0]?.name
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  if (a.length > word_characters_max) return a.length
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
