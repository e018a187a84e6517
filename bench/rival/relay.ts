/**
 * The least that a gateway of this runtime can do: bytes pass as they come, both ways, and nothing looks at them. What
 * it reaches bounds what a gateway that reads them can. Started as a program of its own: `relay.ts PORT`.
 *
 * @module
 */
import type { Socket } from 'bun'
import { type Program, startProgram } from '../measure/program.ts'

/** Between whoever connects and `to`, a port of loopback. */
export const startRelay = (to: number): Promise<Program> =>
  startProgram([import.meta.path, `${to}`])

/** One of two ends: where its bytes go, and those that wait until that one takes more. */
interface End {
  peer: Socket<End> | undefined
  waiting: Buffer[]
}

function pass(to: Socket<End>, from: Socket<End>, bytes: Buffer): void {
  const { waiting } = to.data
  const taken = waiting.length === 0 ? Math.max(to.write(bytes), 0) : 0
  if (taken === bytes.length) return
  waiting.push(Buffer.from(bytes.subarray(taken)))
  from.pause()
}

const socket = {
  data(from: Socket<End>, bytes: Buffer) {
    if (from.data.peer === undefined) from.data.waiting.push(Buffer.from(bytes))
    else pass(from.data.peer, from, bytes)
  },
  drain(to: Socket<End>) {
    const all = Buffer.concat(to.data.waiting)
    const taken = Math.max(to.write(all), 0)
    to.data.waiting = taken < all.length ? [all.subarray(taken)] : []
    if (taken === all.length) to.data.peer?.resume()
  },
  close(end: Socket<End>) {
    end.data.peer?.end()
  },
}

function relay(to: number): void {
  const { port } = Bun.listen<End>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      ...socket,
      async open(near) {
        near.data = { peer: undefined, waiting: [] }
        near.setNoDelay(true)
        const far = await Bun.connect<End>({
          hostname: '127.0.0.1',
          port: to,
          data: { peer: near, waiting: [] },
          socket,
        })
        far.setNoDelay(true)
        const early = near.data.waiting
        near.data = { peer: far, waiting: [] }
        for (const bytes of early) pass(far, near, bytes)
      },
    },
  })
  console.log(port)
  process.stdin.once('end', () => process.exit(0)).resume()
}

if (import.meta.main) relay(Number(process.argv[2]))
