/**
 * What is done once records are durable, in their order.
 *
 * @module
 */

export interface InOrder {
  /** Acts once that is durable and all before it have acted or failed; never, if it fails. */
  (recorded: Promise<unknown>, act?: () => void): void
  /** Acts now, unless one before has not yet. */
  next(act: () => void): void
}

interface Step {
  is_settled: boolean
  act: (() => void) | undefined
}

/**
 * Acts on records in the order in which they were asked for, whatever each promise takes to resolve. One reaction for each
 * record, as this is on the way of every key.
 */
export function inOrder(failed: (error: unknown) => void): InOrder {
  const steps: Step[] = []
  const go = (): void => {
    while (steps[0]?.is_settled === true) {
      const { act } = steps.shift() as Step // There is one.
      try {
        act?.()
      } catch (error) {
        failed(error)
      }
    }
  }
  const after = (recorded: Promise<unknown>, act?: () => void): void => {
    const step: Step = { is_settled: false, act }
    steps.push(step)
    recorded.then(
      () => {
        step.is_settled = true
        go()
      },
      (error: unknown) => {
        step.is_settled = true
        step.act = undefined
        failed(error)
        go()
      },
    )
  }
  const next = (act: () => void): void => {
    if (steps.length === 0) act()
    else after(Promise.resolve(), act)
  }
  return Object.assign(after, { next })
}
