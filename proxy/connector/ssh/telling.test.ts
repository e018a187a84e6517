/** A target that only says it is a shell which tells of its commands: what it may ask for. */
import { expect, test } from 'bun:test'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { LibraryChannel, LibraryClient, Receiver, SessionRequest } from './library.ts'
import { told_waiting_max } from './limits.ts'
import { openTellingShell } from './telling.ts'

/** Of the relay: what it is sent, and what it says. */
function targetOf(): {
  readonly connection: LibraryClient
  says(...fields: readonly string[]): void
  readonly heard: string[]
} {
  let relay: Receiver | undefined
  const heard: string[] = []
  const channel = (): LibraryChannel =>
    Object.assign(new EventEmitter(), {
      outgoing: { id: 0, state: 'open' as const },
      direct() {},
      consumed() {},
      transmit(bytes: Uint8Array, _stderr: boolean, taken?: () => void) {
        heard.push(new TextDecoder().decode(bytes))
        taken?.()
      },
      eof() {},
      close() {},
    })
  const connection = {
    session(
      { receiver }: SessionRequest,
      opened: (error: undefined, channel: LibraryChannel, pty_refused: boolean) => void,
    ) {
      relay ??= receiver
      opened(undefined, channel(), false)
    },
  }
  return {
    // Of a client nothing else is used.
    connection: connection as unknown as LibraryClient,
    says: (...fields) =>
      relay?.data(Buffer.from(fields.map((each) => `${each}\0`).join('')), false),
    heard,
  }
}

test('requests that are not answered are few: with one more it tells no more', async () => {
  const { connection, says, heard } = targetOf()
  const opening = openTellingShell(
    { connection, socket: new PassThrough(), title: 'a target' },
    { env: {}, agent: false },
  )
  await Bun.sleep(0)
  says('/tmp/sluice.x', '/bin/bash')
  await Bun.sleep(0)
  says('ready')
  const shell = await opening
  const nonce = heard.at(-1)?.trim() ?? ''
  const asked: string[] = []
  let lost = 0
  shell?.listen({
    asks: ({ id }) => asked.push(id),
    began() {},
    prompts() {},
    lost() {
      lost += 1
    },
  })
  let number = 0
  const ask = async (): Promise<void> => {
    number += 1
    says('R', nonce, String(number & 1), '/', 'id', 't')
    await Bun.sleep(0)
  }
  // As a shell does: each is answered before the next.
  for (let count = 0; count < 2 * told_waiting_max; count += 1) {
    await ask()
    shell?.answer(asked.at(-1) ?? '')
  }
  expect([asked.length, lost]).toEqual([2 * told_waiting_max, 0])
  for (let count = 0; count < 1_000; count += 1) await ask()
  expect([asked.length, lost]).toEqual([3 * told_waiting_max, 1])
})
