/**
 * For tests of what fails.
 *
 * @module
 */
import { systemCode } from './errors.ts'

/** The code of the error that this throws; undefined when it throws none. An error without a code is thrown on. */
export function codeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    return code
  }
  return undefined
}
