/**
 * What is done once records are durable, in their order.
 *
 * @module
 */

export interface InOrder {
  /** The result resolves when this one, and so all before it, has acted or failed. */
  (recorded: Promise<void>, act?: () => void): Promise<void>
  /** Acts now, unless one before has not yet. */
  next(act: () => void): void
}

/** Acts on records in the order in which they were asked for, whatever each promise takes to resolve. */
export function inOrder(failed: (error: unknown) => void): InOrder {
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  const after = (recorded: Promise<void>, act?: () => void): Promise<void> => {
    // Handled here already: the one before may fail first, and then nobody else looks at this one.
    recorded.catch(failed)
    waiting += 1
    last = last
      .then(() => recorded)
      .finally(() => {
        waiting -= 1
      })
      .then(act)
      .catch(failed)
    return last
  }
  const next = (act: () => void): void => {
    if (waiting === 0) act()
    else void after(Promise.resolve(), act)
  }
  return Object.assign(after, { next })
}
