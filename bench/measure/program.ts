/**
 * A program of the benchmark that serves on a port of loopback, in a process of its own.
 *
 * @module
 */

export interface Program extends AsyncDisposable {
  readonly port: number
}

/** The first line that it prints ends with its port, and it ends with its input. */
export async function startProgram(words: readonly string[]): Promise<Program> {
  const child = Bun.spawn([process.execPath, ...words], {
    ...{ stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  })
  const { value } = await child.stdout.getReader().read()
  const port = Number(/(\d+)\s*$/.exec(Buffer.from(value ?? []).toString())?.[1])
  if (!(port > 0)) throw new Error(`did not start: ${words.join(' ')}`)
  return {
    port,
    async [Symbol.asyncDispose]() {
      await child.stdin.end()
      await child.exited
    },
  }
}
