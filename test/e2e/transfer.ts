/**
 * OpenSSH's and rsync's own tools through a gateway, as the tests of transfers need them.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RecordHeader } from '../../storage/evidence/record.ts'
import { type Guarded, openGuarded, type StoredRecord } from '../fixture/guarded.ts'
import { type Ran, ranOf } from '../fixture/ran.ts'
import { until } from '../fixture/until.ts'

export const secret: string = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')

export type Transferred = Extract<RecordHeader, { kind: 'transfer' }>

export interface Transfers extends AsyncDisposable {
  readonly guarded: Guarded
  /** Two folders on the same machine: the client's, and what is reached through the gateway. */
  readonly near: string
  readonly far: string
  /** `ssh_config` with the host `gateway`. */
  readonly config: string
  /** Runs a tool in {@link near}. */
  call(argv: readonly string[], timeout_ms?: number): Promise<Ran>
  /** `sftp` in batch mode: a command in each line. A failing one ends it, unless it begins with `-`. */
  sftp(batch: string, ...options: string[]): Promise<Ran>
  /** The records of the newest session, once it has ended. */
  recorded(): Promise<readonly StoredRecord[]>
}

export async function openTransfers(
  upload: 'allow' | 'deny' | 'scan',
  download: 'allow' | 'deny' | 'scan',
): Promise<Transfers> {
  const policy = { forwarding: 'deny', agent_forwarding: 'deny', transfers: { upload, download } }
  const guarded = await openGuarded({ sections: { policy } })
  await guarded.trust()
  const [near, far] = [join(guarded.dir, 'near'), join(guarded.dir, 'far')]
  mkdirSync(near)
  mkdirSync(far)
  const config = join(guarded.dir, 'ssh_config')
  writeFileSync(config, guarded.sshConfig('gateway', 'IdentityAgent none', 'LogLevel ERROR'))
  const run = (argv: readonly string[], stdin: string, timeout_ms: number): Promise<Ran> => {
    const child = Bun.spawn([...argv], {
      ...{ cwd: near, stdin: new TextEncoder().encode(stdin), stdout: 'pipe', stderr: 'pipe' },
      env: { PATH: Bun.env['PATH'] ?? '', HOME: near, LC_ALL: 'C' },
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout_ms)
    return ranOf(child).finally(() => clearTimeout(timer))
  }
  return {
    guarded,
    near,
    far,
    config,
    call: (argv, timeout_ms = 50_000) => run(argv, '', timeout_ms),
    sftp: (batch, ...options) =>
      run(['sftp', '-F', config, '-b', '-', ...options, 'gateway'], `${batch}\n`, 50_000),
    async recorded() {
      const { id } = await until('the end of the session', async () => {
        const [session] = await guarded.look()
        return session?.end_reason === undefined ? undefined : session
      })
      return guarded.records(id)
    },
    [Symbol.asyncDispose]: () => guarded[Symbol.asyncDispose](),
  }
}

export const transfersIn = (records: readonly StoredRecord[]): readonly Transferred[] =>
  records.flatMap(({ header }) => (header.kind === 'transfer' ? [header] : []))

/** `OPERATION PATH [TO]`, in order. */
export const changesIn = (records: readonly StoredRecord[]): readonly string[] =>
  records.flatMap(({ header }) =>
    header.kind === 'change'
      ? [[header.operation, header.path, header.to ?? ''].join(' ').trimEnd()]
      : [],
  )

/** Everything that is on record, as text: for what must not be in it. */
export const everything = (records: readonly StoredRecord[]): string =>
  records
    .map(({ header, payload }) => JSON.stringify(header) + Buffer.from(payload).toString('latin1'))
    .join('\n')
