/**
 * The replicating Worker: a composition root of its own.
 *
 * @module
 */
import { join } from 'node:path'
import type { Hold } from '../evidence/hold.ts'
import { Backlog } from '../store/backlog.ts'
import { readCosigned } from '../store/cosigned.ts'
import { database_name, receipts_name } from '../store/layout.ts'
import { isPassing, ReplicaError } from './errors.ts'
import { status_ms } from './limits.ts'
import type { FromReplica, ReplicaSetup, ToReplica } from './messages.ts'
import { Receipts } from './receipts.ts'
import { Replicator, type Status } from './replicator.ts'
import { openBucket } from './s3.ts'

declare const self: Worker

let replicator: Replicator | undefined
let hurry = (): void => {}
/** They may come before it is open. */
let holds: readonly Hold[] | undefined

self.onmessage = ({ data }: MessageEvent<ToReplica>) => {
  switch (data.kind) {
    case 'open':
      void open(data)
      return
    case 'durable':
      replicator?.durable(data.lsn)
      return
    case 'holds':
      holds = data.holds
      replicator?.holds(holds)
      return
    case 'logged':
      replicator?.logged()
      return
    case 'stop':
      replicator?.stop(Date.now() + data.within_ms)
      hurry()
  }
}

const post = (message: FromReplica): void => self.postMessage(message)

async function open(setup: ReplicaSetup): Promise<void> {
  try {
    const backlog = Backlog.open(join(setup.data, database_name), setup.key)
    const receipts = new Receipts(join(setup.data, receipts_name), setup.key)
    replicator = new Replicator(
      {
        bucket: openBucket(setup.bucket),
        ...{ backlog, receipts },
        cosigned: () => readCosigned(setup.data),
        ...{ verifier_key: setup.verifier_key, retention: setup.retention },
        is_shredding: setup.is_shredding === true,
        now_ms: Date.now,
        random: Math.random,
        pause: (delay_ms) =>
          new Promise((resolve) => {
            const timer = setTimeout(resolve, delay_ms)
            hurry = () => {
              clearTimeout(timer)
              resolve()
            }
          }),
      },
      {
        status: tellStatus,
        replicated: (lsn) => post({ kind: 'replicated', lsn }),
        receipts: (arrived) => post({ kind: 'receipts', receipts: arrived }),
        refused: ({ code, message }) => post({ kind: 'refused', code, message }),
      },
    )
    if (holds !== undefined) replicator.holds(holds)
    await proveOnce(replicator)
    post({ kind: 'opened' })
    await replicator.run()
    backlog.close()
    receipts.close()
    post({ kind: 'stopped' })
  } catch (error) {
    const known = error instanceof ReplicaError ? error.code : 'store_io'
    const message = error instanceof Error ? error.message : 'unknown'
    post({ kind: 'refused', code: known, message })
    post({ kind: 'stopped' })
  }
}

/** A bucket that cannot be reached now may be later; one that does not lock is no bucket for evidence. */
async function proveOnce(of: Replicator): Promise<void> {
  try {
    await of.prove()
  } catch (error) {
    if (error instanceof ReplicaError && isPassing(error)) return
    throw error
  }
}

let told_ms = 0
let untold: ReturnType<typeof setTimeout> | undefined

function tellStatus(status: Status): void {
  clearTimeout(untold)
  const wait_ms = told_ms + status_ms - Date.now()
  const tell = (): void => {
    told_ms = Date.now()
    post({ kind: 'status', status })
  }
  if (wait_ms <= 0) tell()
  else untold = setTimeout(tell, wait_ms)
}
