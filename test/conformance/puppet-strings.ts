/**
 * The test's side of its puppets: a socket that they report to, each by its number.
 *
 * @module
 */
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Collected } from './collected.ts'
import { messageOf, readMessages } from './message.ts'
import type { Program } from './world.ts'

export interface Puppets extends AsyncDisposable {
  /** The command line that runs puppet so-and-so. */
  command(number: number): string
  begun(number: number): boolean
  /** Resolves once it runs. */
  program(number: number): Promise<Program>
}

/** In one message: small, so that what was taken is known closely. */
const piece_bytes = 64 * 1024

export async function openPuppets(dir: string): Promise<Puppets> {
  const path = join(dir, 'puppets')
  const programs = new Map<number, PromiseWithResolvers<Program>>()
  const running = new Set<number>()
  const sockets = new Set<Socket>()
  const programOf = (number: number): PromiseWithResolvers<Program> => {
    const program = programs.get(number) ?? Promise.withResolvers<Program>()
    programs.set(number, program)
    return program
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    const pull = pullStrings(socket)
    socket.on(
      'data',
      readMessages((letter, bytes) => {
        if (letter === 'h') {
          const number = Number(bytes.toString())
          running.add(number)
          programOf(number).resolve(pull.program)
        } else pull.said(letter, bytes)
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    command: (number) => `exec ${process.execPath} ${script} ${path} ${number}`,
    begun: (number) => running.has(number),
    program: (number) => programOf(number).promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const script = fileURLToPath(import.meta.resolve('./puppet.ts'))

function pullStrings(socket: Socket): {
  program: Program
  said(letter: string, bytes: Buffer): void
} {
  const input = new Collected()
  // Of each print that waits: how many bytes must have been taken in all.
  const waiting: { until: number; resolve: () => void }[] = []
  let printed = 0
  let asked = 0
  const program: Program = {
    input,
    get printed() {
      return printed
    },
    print(bytes, stream = 1) {
      for (let at = 0; at < bytes.length; at += piece_bytes)
        socket.write(messageOf(stream === 2 ? 'e' : 'o', bytes.subarray(at, at + piece_bytes)))
      asked += bytes.length
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({ until: asked, resolve })
      return promise
    },
    endOutput: () => socket.write(messageOf('c')),
    pause: () => socket.write(messageOf('s')),
    resume: () => socket.write(messageOf('r')),
    exit: (code) => socket.write(messageOf('x', Uint8Array.of(code))),
  }
  return {
    program,
    said(letter, bytes) {
      if (letter === 'i') input.push(new Uint8Array(bytes))
      else if (letter === 'z') input.end()
      else if (letter === 'p') {
        printed += bytes.readUInt32BE()
        while (waiting[0] !== undefined && waiting[0].until <= printed) waiting.shift()?.resolve()
      }
    },
  }
}
