/**
 * A client and its target joined: the client's channels become channels of the session, each with its own
 * channel at the target once it is dialled.
 *
 * @module
 */
import type { Channel, ChannelRequest, Endpoint, Link, LinkEvents } from '../../core/connector.ts'
import { TargetError } from '../../core/errors.ts'
import { ChannelEndpoint } from './channel.ts'
import { type Asked, type ClientSide, refuseOn } from './client-side.ts'
import { codecs } from './codec.ts'
import type { DialedTarget } from './dial.ts'
import { protocolOf } from './library.ts'
import { channel_open_ms, socket_linger_ms } from './limits.ts'
import { clean, line } from './line.ts'
import type { OpenedSession } from './session.ts'

export function joinTarget(client: ClientSide, target: DialedTarget, target_name: string): Link {
  const { address, host_key } = target
  let reason: 'client' | 'target' | 'gateway' | undefined
  let failure: Error | undefined
  let isTargetGone = false
  let channels = 0

  target.client.on('error', (error: Error) => {
    failure ??= error
  })
  const target_closed = new Promise<void>((resolve) => {
    target.socket.once('close', () => {
      isTargetGone = true
      reason ??= 'target'
      // The pipeline shows what came last, then closes its channels; a client without any is told now.
      const message = `the connection to target ${target_name} ended`
      if (client.channels === 0) client.end(message)
      else client.onIdle = () => client.end()
      resolve()
    })
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
      client.start({
        opened: (session) => {
          channels += 1
          events.channel(channelOf(session, channels, target, target_name))
        },
        asked: (name, detail) => answer(events, name, detail),
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
    const timer = setTimeout(() => target.socket.destroy(), socket_linger_ms)
    void target_closed.then(() => clearTimeout(timer))
  }
}

const titles: Readonly<Record<Asked, string>> = {
  forwarding: 'forwarding',
  agent_forwarding: 'agent forwarding',
  x11: 'X11 forwarding',
}

/** Asks policy, so that the answer is recorded. What it allows is still refused, with another line. */
function answer(events: LinkEvents, name: Asked, detail: string): string {
  const verdict = events.capability(name, detail)
  return verdict.allowed ? `${titles[name]} is not available yet` : verdict.message
}

function channelOf(
  session: OpenedSession,
  id: number,
  target: DialedTarget,
  target_name: string,
): Channel {
  return {
    id,
    request: session.request,
    client: session.endpoint,
    codec: codecs,
    dial: () => openAtTarget(session, target, target_name),
    refuse: (message, exit_code) => refuseOn(session, message, exit_code),
  }
}

/** Opens the same request at the target, with the same terminal and environment. */
function openAtTarget(
  { request, pty, endpoint: client }: OpenedSession,
  target: DialedTarget,
  target_name: string,
): Promise<Endpoint> {
  const { promise, resolve, reject } = Promise.withResolvers<Endpoint>()
  const fail = (what: string, cause?: unknown): void =>
    reject(
      new TargetError('target_protocol', `target ${target_name} (${target.address}) ${what}`, {
        cause,
      }),
    )
  const timer = setTimeout(() => fail('does not open a channel in time'), channel_open_ms)
  const endpoint = new ChannelEndpoint('target')
  const terminal = pty && {
    term: pty.term,
    cols: pty.columns,
    rows: pty.rows,
    width: pty.width,
    height: pty.height,
    modes: Buffer.from(pty.modes),
  }
  const command = Buffer.from(request.command)
  const { kind, env } = request
  const asked = {
    kind,
    command,
    env,
    ...(terminal && { pty: terminal }),
    receiver: endpoint.receiver,
  }
  try {
    target.client.session(asked, (error, channel, pty_refused) => {
      clearTimeout(timer)
      if (error !== undefined) {
        fail(`refused ${describe(request)}: ${clean(error.message)}`, error)
        return
      }
      endpoint.attach(channel, protocolOf(target.client))
      if (pty_refused)
        client.write({ kind: 'data', stream: 2, bytes: line('the target refused a terminal') })
      resolve(endpoint)
    })
  } catch (error) {
    clearTimeout(timer)
    fail('is not connected any more', error)
  }
  return promise
}

/** Without the command: an error never carries payload. */
function describe(request: ChannelRequest): string {
  switch (request.kind) {
    case 'exec':
      return 'to run the command'
    case 'shell':
      return 'to start a shell'
    case 'subsystem':
      return 'the subsystem'
  }
}
