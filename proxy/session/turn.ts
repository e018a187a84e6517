/**
 * What is done once a turn of the loop is over: by one timer for all sessions, as each one of its own costs as much as a short query.
 *
 * @module
 */

let due: (() => void)[] = []

/** In the order of the calls. A `run` that throws keeps none of the others from running. */
export function afterTurn(run: () => void): void {
  if (due.length === 0) setImmediate(runDue)
  due.push(run)
}

function runDue(): void {
  const runs = due
  due = []
  for (let next = 0; next < runs.length; next++) {
    try {
      runs[next]?.()
    } catch (error) {
      // As one of a timer's own would: nobody is there to catch it.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
