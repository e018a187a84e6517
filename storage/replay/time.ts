/**
 * Times as people read them: RFC 3339, UTC, with microseconds.
 *
 * @module
 */

/** Microseconds since 1970 -> `2026-01-31T12:00:00.000001Z`. */
export function formatTime(t_us: number): string {
  const ms = Math.floor(t_us / 1000)
  const rest_us = String(t_us - ms * 1000).padStart(3, '0')
  // Outside of what a Date can hold nothing was recorded; a damaged header may claim it.
  if (!Number.isSafeInteger(t_us) || Math.abs(ms) > 8.64e15) return 'invalid time'
  return new Date(ms).toISOString().replace('Z', `${rest_us}Z`)
}

/** RFC 3339 with an offset, or a date alone, which is midnight UTC -> microseconds since 1970. */
export function parseTime(text: string): number | undefined {
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2}))?$/.exec(
      text,
    )
  if (match === null) return undefined
  const [, date = '', clock = '00:00:00', fraction = '', zone = 'Z'] = match
  const ms = Date.parse(`${date}T${clock}${zone.toUpperCase()}`)
  if (Number.isNaN(ms)) return undefined
  return ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
}
