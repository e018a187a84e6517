/**
 * A client and its target joined: the client's channels become channels of the session, each with its own
 * channel at the target once it is dialled, and the target's connections find their way to the client.
 *
 * @module
 */
import type { Channel, Link } from '../../core/connector.ts'
import type { ClientSide } from './client-side.ts'
import { codecsFor } from './codec.ts'
import type { DialedTarget } from './dial.ts'
import type { Address, Incoming, Place } from './forward.ts'
import type { LibraryChannel, LibraryClient } from './library.ts'
import { channel_open_ms, socket_linger_ms } from './limits.ts'
import type { Asking, Side } from './open.ts'

/** `tells`: shells there are made to tell of their commands. */
export function joinTarget(
  client: ClientSide,
  target: DialedTarget,
  target_name: string,
  tells: boolean,
): Link {
  const { address, host_key, socket } = target
  const side: Side<LibraryClient> = {
    connection: target.client,
    socket,
    title: `target ${target_name} (${address})`,
  }
  let reason: 'client' | 'target' | 'gateway' | undefined
  let failure: Error | undefined
  let isTargetGone = false
  let channels = 0

  target.client.on('error', (error: Error) => {
    failure ??= error
  })
  const target_closed = new Promise<void>((resolve) => {
    const onClose = (): void => {
      isTargetGone = true
      reason ??= 'target'
      // The pipeline shows what came last, then closes its channels; a client without any is told now.
      const message = `the connection to target ${target_name} ended`
      if (client.channels === 0) client.end(message)
      else client.onIdle = () => client.end()
      resolve()
    }
    // It may have ended in the same breath as it let us in: no event will say so.
    if (socket.destroyed) onClose()
    else socket.once('close', onClose)
  })
  void client.closed.then(() => {
    reason ??= 'client'
    endTarget()
  })
  const both_closed = Promise.all([client.closed, target_closed])

  return {
    dialled: { address, host_key },
    start(events) {
      // Also when both are gone already.
      void both_closed.then(() =>
        events.closed(reason ?? 'gateway', reason === 'target' ? failure : undefined),
      )
      serveTarget(target.client, client)
      client.start({
        opened: (asking) => {
          channels += 1
          events.channel(channelOf(asking, channels, side, tells))
        },
        async asked(name, detail) {
          const verdict = await events.capability(name, detail)
          return verdict.allowed ? undefined : verdict.message
        },
        listen: (at) => listenAt(target.client, at),
        unlisten: (at) => unlistenAt(target.client, at),
      })
    },
    close(message) {
      reason ??= 'gateway'
      client.end(message)
      endTarget()
    },
  }

  function endTarget(): void {
    if (isTargetGone) return
    target.client.end()
    const timer = setTimeout(() => socket.destroy(), socket_linger_ms)
    void target_closed.then(() => clearTimeout(timer))
  }
}

function channelOf(
  asking: Asking,
  id: number,
  target: Side<LibraryClient>,
  tells: boolean,
): Channel {
  const { dialTelling } = asking
  return {
    id,
    request: asking.request,
    client: asking.endpoint,
    codecs: (grant) => codecsFor(grant),
    dial: () => asking.dial(target),
    ...(tells && dialTelling !== undefined ? { dialTelling: () => dialTelling(target) } : {}),
    ...(asking.wait === undefined ? {} : { wait: asking.wait }),
    ...(asking.say === undefined ? {} : { say: asking.say }),
    refuse: (message, exit_code) => asking.refuse(message, exit_code),
  }
}

/** What the target begins. It comes only where it was asked for, and policy is asked again for each. */
function serveTarget(target: LibraryClient, client: ClientSide): void {
  target.on('tcp connection', (info: ForwardedTcp, accept: Accept, reject: Reject) => {
    const origin: Address = { host: info.srcIP, port: info.srcPort }
    client.connected({ host: info.destIP, port: info.destPort }, origin, incoming(accept, reject))
  })
  target.on('unix connection', (info: ForwardedUnix, accept: Accept, reject: Reject) =>
    client.connected({ path: info.socketPath }, undefined, incoming(accept, reject)),
  )
  target.on('agent connection', (accept: Accept, reject: Reject) =>
    client.agentWanted(incoming(accept, reject)),
  )
}

type Accept = () => LibraryChannel
type Reject = () => void

/** The target is told no more than that it may not: whoever runs programs there need not know why. */
const incoming = (accept: Accept, reject: Reject): Incoming => ({ accept, reject: () => reject() })

interface ForwardedTcp {
  readonly destIP: string
  readonly destPort: number
  readonly srcIP: string
  readonly srcPort: number
}

interface ForwardedUnix {
  readonly socketPath: string
}

function listenAt(target: LibraryClient, at: Place): Promise<number | undefined> {
  return answerOf((done) => {
    if ('path' in at) target.openssh_forwardInStreamLocal(at.path, (error) => done(error, 0))
    else target.forwardIn(at.host, at.port, done)
  })
}

async function unlistenAt(target: LibraryClient, at: Place): Promise<boolean> {
  const answer = await answerOf((done) => {
    if ('path' in at) target.openssh_unforwardInStreamLocal(at.path, (error) => done(error, 0))
    else target.unforwardIn(at.host, at.port, (error) => done(error, 0))
  })
  return answer !== undefined
}

/** What the target says to a global request; nothing when it says no, or nothing in time. */
function answerOf(
  ask: (done: (error: Error | undefined, port: number) => void) => void,
): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const timer = setTimeout(() => resolve(undefined), channel_open_ms)
  try {
    ask((error, port) => resolve(error === undefined ? port : undefined))
  } catch {
    // It is not connected any more.
    resolve(undefined)
  }
  return promise.finally(() => clearTimeout(timer))
}
