/**
 * What a test and its puppet say to each other: one letter, a length, bytes.
 *
 * @module
 */

/** Letter, u32be length, bytes. */
export function messageOf(letter: string, bytes: Uint8Array = new Uint8Array()): Uint8Array {
  const message = Buffer.alloc(5 + bytes.length)
  message.write(letter, 0, 'latin1')
  message.writeUInt32BE(bytes.length, 1)
  message.set(bytes, 5)
  return message
}

/** Takes any split. `on` may keep the bytes. */
export function readMessages(
  on: (letter: string, bytes: Buffer) => void,
): (chunk: Uint8Array) => void {
  let held = Buffer.alloc(0)
  return (chunk) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 5) {
      const end = 5 + held.readUInt32BE(1)
      if (held.length < end) return
      on(held.toString('latin1', 0, 1), held.subarray(5, end))
      held = held.subarray(end)
    }
  }
}
