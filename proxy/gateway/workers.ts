/**
 * The workers of a gateway: starts them, starts one again that died, asks them, ends them.
 * A worker that dies takes its own sessions with it and no others.
 *
 * @module
 */
import type { Hold } from '../../storage/evidence/hold.ts'
import type { WaitingLogin } from '../console/ports.ts'
import type { ApprovalRequest, DeskChange, Vote, VoteResult } from '../core/approval.ts'
import type { Proven } from '../core/sign-in.ts'
import type { Denial } from '../core/verdict.ts'
import type { Login, WatchedSignIn } from '../identity/sign-in-watch.ts'
import type { Log } from '../log.ts'
import type { Family } from '../metrics/family.ts'
import type { AccessState } from './access.ts'
import type { Evidence } from './evidence.ts'
import {
  restart_forgiven_ms,
  restart_ms_max,
  restart_ms_min,
  worker_answer_ms,
  worker_end_ms,
  worker_ready_ms,
} from './limits.ts'
import type { Addresses, FromWorker, Question, ToWorker } from './messages.ts'
import { type WorkerPorts, workerWord } from './options.ts'
import { Refusal } from './refusal.ts'

export interface WorkersOptions {
  readonly count: number
  /** What they share; port 0 for one of the system's choice. */
  readonly addresses: Addresses
  /** The command that starts a gateway; the word that makes it a worker is added. */
  readonly command: readonly string[]
  readonly drain_ms: number
  readonly access: AccessState
  readonly holds: readonly Hold[]
  readonly log: Log
  /** At the desk of one of them. */
  changed(change: DeskChange): void
  /** At one of them. */
  signedIn(signed_in: WatchedSignIn): void
}

export interface Workers {
  readonly addresses: Addresses
  failing(): readonly string[]
  /** The login that waits under this name in any of them. */
  waitingLogin(id: string): Promise<WaitingLogin | undefined>
  /** False when it waits in none of them any more. */
  settleLogin(id: string, result: Proven | Denial): Promise<boolean>
  /** They read the configuration again. */
  reload(): void
  /** They, and those that start later, know what is given and taken away. */
  access(state: AccessState): void
  /** ... what must be kept. */
  holds(holds: readonly Hold[]): void
  /** They let go whose time has come. */
  retain(): void
  /** The one that has the session erases it before its time. */
  readonly shred: Evidence['shred']
  /** Of all of them that answer in time. */
  requests(): Promise<readonly ApprovalRequest[]>
  vote(id: string, vote: Vote): Promise<VoteResult>
  /** What each of them counts. */
  families(): Promise<readonly (readonly Family[])[]>
  /** On which their sessions rest; undefined when one of them does not answer. */
  signIns(): Promise<readonly Login[] | undefined>
  /** They drain, and end. */
  stop(): Promise<void>
}

interface Worker {
  readonly number: number
  child: Child | undefined
  /** Why it cannot record, one line each; undefined while it does not run. */
  reasons: readonly string[] | undefined
  restart_ms: number
}

type Answer = Extract<FromWorker, { ask: number }>
type Distribute<Message> = Message extends unknown ? Omit<Message, 'ask'> : never

type Child = Bun.Subprocess<'ignore', 'inherit', 'inherit'>

/** Resolves when all of them accept. Rejects with {@link Refusal} when one does not start; then none is left. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { log } = options
  const workers = Array.from(
    { length: options.count },
    (_, at): Worker => ({
      number: at + 1,
      child: undefined,
      reasons: undefined,
      restart_ms: restart_ms_min,
    }),
  )
  const waiting = new Map<number, (answer: Answer) => void>()
  let { access, holds } = options
  let ask_next = 1
  let ports = portsOf(options.addresses)
  let is_started = false
  let is_stopping = false

  /** Resolves when it accepts; rejects when it ended before. */
  const start = (worker: Worker): Promise<Addresses> =>
    new Promise((resolve, reject) => {
      const started_ms = performance.now()
      const child: Child = Bun.spawn([...options.command, workerWord(worker.number, ports)], {
        stdin: 'ignore',
        stdout: 'inherit',
        stderr: 'inherit',
        ipc: (message: FromWorker) => {
          if (message.kind === 'hello') {
            child.send({ kind: 'holds', holds } satisfies ToWorker)
            child.send({ kind: 'access', state: access } satisfies ToWorker)
          } else if (message.kind === 'ready') {
            clearTimeout(late)
            worker.reasons = []
            resolve(message.addresses)
          } else if (message.kind === 'health') worker.reasons = message.reasons
          else if (message.kind === 'desk') options.changed(message.change)
          else if (message.kind === 'signed_in') options.signedIn(message.signed_in)
          else if (message.kind === 'cancel') {
            for (const other of workers) if (other !== worker) other.child?.send(message)
          } else waiting.get(message.ask)?.(message)
        },
      })
      worker.child = child
      // One that hangs as it starts would be missed for ever.
      const late = setTimeout(() => child.kill('SIGKILL'), worker_ready_ms)
      void child.exited.then((code) => {
        clearTimeout(late)
        worker.child = undefined
        worker.reasons = undefined
        reject(new Refusal(1, `worker ${worker.number} did not start`))
        if (!is_started || is_stopping) return
        log('error', 'worker_gone', { worker: worker.number, code, signal: child.signalCode ?? '' })
        if (performance.now() - started_ms >= restart_forgiven_ms)
          worker.restart_ms = restart_ms_min
        setTimeout(() => restart(worker), worker.restart_ms)
        worker.restart_ms = Math.min(worker.restart_ms * 2, restart_ms_max)
      })
    })

  const restart = (worker: Worker): void => {
    if (is_stopping) return
    start(worker).then(
      () => log('info', 'worker_restarted', { worker: worker.number }),
      // Its end has been logged, and it is tried again.
      () => {},
    )
  }

  const stop = async (): Promise<void> => {
    is_stopping = true
    const children = workers.flatMap(({ child }) => child ?? [])
    for (const child of children) child.kill('SIGTERM')
    const timer = setTimeout(() => {
      for (const child of children) child.kill('SIGKILL')
    }, options.drain_ms + worker_end_ms)
    await Promise.all(children.map(({ exited }) => exited))
    clearTimeout(timer)
  }

  /** Answers until one is `enough`, all have answered, or it takes too long. */
  const askAll = (
    message: Distribute<Question>,
    enough: (answer: Answer) => boolean,
  ): Promise<readonly Answer[]> =>
    new Promise((resolve) => {
      const asked = workers.flatMap(({ child }) => child ?? [])
      const ask = ask_next++
      const answers: Answer[] = []
      const end = (): void => {
        clearTimeout(late)
        waiting.delete(ask)
        resolve(answers)
      }
      const late = setTimeout(end, worker_answer_ms)
      waiting.set(ask, (answer) => {
        answers.push(answer)
        if (enough(answer) || answers.length === asked.length) end()
      })
      if (asked.length === 0) end()
      for (const child of asked) child.send({ ...message, ask })
    })

  const [first, ...others] = workers
  if (first === undefined) throw new Refusal(2, 'a gateway needs a worker')
  let addresses: Addresses
  try {
    // The first one learns the ports, if the system is to choose them.
    addresses = await start(first)
    ports = portsOf(addresses)
    await Promise.all(others.map(start))
  } catch (error) {
    await stop()
    throw error
  }
  is_started = true

  return {
    addresses,
    failing: () =>
      workers.flatMap(({ number, reasons }) =>
        reasons === undefined
          ? [`worker ${number} does not run`]
          : reasons.map((reason) => `worker ${number}: ${reason}`),
      ),
    waitingLogin: async (id) => {
      const answers = await askAll(
        { kind: 'waiting_login', id },
        (answer) => answer.kind === 'login' && answer.login !== undefined,
      )
      return answers
        .flatMap((answer) => (answer.kind === 'login' ? (answer.login ?? []) : []))
        .at(-1)
    },
    settleLogin: async (id, result) => {
      const isItsOwn = (answer: Answer): boolean => answer.kind === 'settled' && answer.is_there
      return (await askAll({ kind: 'settle_login', id, result }, isItsOwn)).some(isItsOwn)
    },
    requests: async () =>
      (await askAll({ kind: 'requests' }, () => false)).flatMap((answer) =>
        answer.kind === 'requests' ? answer.requests : [],
      ),
    families: async () =>
      (await askAll({ kind: 'metrics' }, () => false)).flatMap((answer) =>
        answer.kind === 'metrics' ? [answer.families] : [],
      ),
    async signIns() {
      const running = workers.filter(({ child }) => child !== undefined).length
      const answers = await askAll({ kind: 'sign_ins' }, () => false)
      if (answers.length < running) return undefined
      return answers.flatMap((answer) => (answer.kind === 'sign_ins' ? answer.logins : []))
    },
    vote: async (id, vote) => {
      const isItsOwn = (answer: Answer): boolean =>
        answer.kind === 'voted' && (answer.result.ok || answer.result.code !== 'unknown')
      const answers = await askAll({ kind: 'vote', id, vote }, isItsOwn)
      const results = answers.flatMap((answer) => (answer.kind === 'voted' ? answer.result : []))
      return (
        results.find((result) => result.ok || result.code !== 'unknown') ??
        results[0] ?? { ok: false, code: 'unknown', message: 'no worker answers' }
      )
    },
    access(state) {
      access = state
      for (const { child } of workers) child?.send({ kind: 'access', state } satisfies ToWorker)
    },
    holds(next) {
      holds = next
      for (const { child } of workers) child?.send({ kind: 'holds', holds } satisfies ToWorker)
    },
    shred: async (session, by, reason, release) => {
      const isItsOwn = (answer: Answer): boolean =>
        answer.kind === 'shredded' && (answer.result.ok || answer.result.code !== 'unknown')
      const answers = await askAll({ kind: 'shred', session, by, reason, release }, isItsOwn)
      const results = answers.flatMap((each) => (each.kind === 'shredded' ? each.result : []))
      return (
        results.find((result) => result.ok || result.code !== 'unknown') ??
        results[0] ?? { ok: false, code: 'recording', message: 'no worker answers' }
      )
    },
    retain: () => {
      for (const { child } of workers) child?.send({ kind: 'retain' } satisfies ToWorker)
    },
    reload: () => {
      for (const { child } of workers) child?.send({ kind: 'reload' } satisfies ToWorker)
    },
    stop,
  }
}

const portsOf = ({ ssh, postgres }: Addresses): WorkerPorts => ({
  ssh: ssh?.port,
  postgres: postgres?.port,
})
