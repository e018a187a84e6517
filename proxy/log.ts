/**
 * The gateway's own log: one JSON object a line. Facts only, never payload.
 *
 * @module
 */

export type LogLevel = 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, string | number | boolean>>
export type Log = (level: LogLevel, event: string, fields: LogFields) => void

/** `about` stands in every line. */
export function createLog(
  write: (line: string) => void,
  now_ms: () => number,
  about: LogFields = {},
): Log {
  return (level, event, fields) => {
    const time = new Date(now_ms()).toISOString()
    write(`${JSON.stringify({ time, level, event, ...about, ...fields })}\n`)
  }
}

/** The same log; whoever counts hears of each fact first. */
export function heardBy(hear: (event: string, fields: LogFields) => void, log: Log): Log {
  return (level, event, fields) => {
    hear(event, fields)
    log(level, event, fields)
  }
}
