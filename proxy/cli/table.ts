/**
 * A table for a terminal: columns as wide as their widest cell, nothing cut.
 *
 * @module
 */

export interface Cell {
  /** Plain text, one line. */
  readonly text: string
  /** The same with colours; as wide as `text`. */
  readonly painted?: string
  readonly align?: 'left' | 'right'
}

/** Lines without trailing spaces, joined by newlines. */
export function formatTable(rows: readonly (readonly Cell[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [index, { text }] of row.entries())
      widths[index] = Math.max(widths[index] ?? 0, Bun.stringWidth(text))
  return rows
    .map((row) =>
      row
        .map(({ text, painted, align }, index) => {
          const space = ' '.repeat((widths[index] ?? 0) - Bun.stringWidth(text))
          return align === 'right' ? space + (painted ?? text) : (painted ?? text) + space
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `1 session`, `2 sessions`. */
export function formatCount(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`
}

/** `1.5 MiB`: binary units, at most three digits before the point. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`
}

/** `2d 3h`, `4m 05s`, `1.2s`, `35ms`: the two largest units. */
export function formatDuration(duration_us: number): string {
  const s = Math.max(0, duration_us) / 1_000_000
  if (s < 1) return `${Math.round(s * 1000)}ms`
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.floor(s)}s`
  const m = Math.floor(s / 60)
  if (m < 60) return `${m}m ${String(Math.floor(s % 60)).padStart(2, '0')}s`
  const h = Math.floor(m / 60)
  return h < 24 ? `${h}h ${String(m % 60).padStart(2, '0')}m` : `${Math.floor(h / 24)}d ${h % 24}h`
}
