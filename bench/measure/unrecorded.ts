/**
 * A gateway that records nothing, in a process of its own.
 *
 * @module
 */
import { join } from 'node:path'

export interface Unrecorded extends AsyncDisposable {
  readonly port: number
}

/** With the configuration and the keys of one that has been started. */
export async function startUnrecorded(config: string, data: string): Promise<Unrecorded> {
  const child = Bun.spawn(
    [
      ...[process.execPath, join(import.meta.dir, 'unrecorded-gateway.ts')],
      ...['--config', config, '--data', data],
    ],
    { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
  )
  const { value } = await child.stdout.getReader().read()
  const port = Number(/:(\d+)\s*$/.exec(Buffer.from(value ?? []).toString())?.[1])
  if (!(port > 0)) throw new Error('the gateway that records nothing did not start')
  return {
    port,
    async [Symbol.asyncDispose]() {
      await child.stdin.end()
      await child.exited
    },
  }
}
