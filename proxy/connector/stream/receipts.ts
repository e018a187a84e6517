/**
 * Who waits for what was written to be sent: each is told once, in the order of the writes, also when the stream
 * is lost with some of it.
 *
 * @module
 */
interface Receipt {
  readonly sent: (() => void) | undefined
  isSettled: boolean
}

export class Receipts {
  #receipts: Receipt[] = []

  /** Nobody waits. */
  get isEmpty(): boolean {
    return this.#receipts.length === 0
  }

  /** Returns what to call when this write is sent, or will never be. */
  expect(sent: (() => void) | undefined): () => void {
    const receipt: Receipt = { sent, isSettled: false }
    this.#receipts.push(receipt)
    return () => {
      receipt.isSettled = true
      this.#tell()
    }
  }

  settleAll(): void {
    for (const receipt of this.#receipts) receipt.isSettled = true
    this.#tell()
  }

  #tell(): void {
    while (this.#receipts[0]?.isSettled === true) this.#receipts.shift()?.sent?.()
  }
}
