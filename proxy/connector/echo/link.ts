/**
 * A client and its target joined: one channel, open from the beginning.
 *
 * @module
 */
import type { Channel, Link } from '../../core/connector.ts'
import type { StreamEndpoint } from '../stream/endpoint.ts'
import { LineCodec } from './codec.ts'

export function joinTarget(
  client: StreamEndpoint,
  target: StreamEndpoint,
  target_name: string,
): Link {
  let reason: 'client' | 'target' | 'gateway' | undefined
  void target.gone.then(() => {
    // The pipeline shows what came last, then closes its channel.
    reason ??= 'target'
  })
  void client.gone.then(() => {
    reason ??= 'client'
    // Whose stream has ended both ways may have left bytes that are still on their way to the target.
    if (client.failure !== undefined) target.close()
  })
  const both_gone = Promise.all([client.gone, target.gone])

  return {
    dialled: { address: target_name, host_key: '' },
    start(events) {
      events.channel(channelOf(client, target))
      // Also when both are gone already.
      void both_gone.then(() =>
        events.closed(reason ?? 'gateway', reason === 'target' ? target.failure : undefined),
      )
    },
    close(message) {
      reason ??= 'gateway'
      if (message === undefined) client.close()
      else client.closeWith(message)
      target.close()
    },
  }
}

function channelOf(client: StreamEndpoint, target: StreamEndpoint): Channel {
  return {
    id: 1,
    request: { kind: 'shell', command: new Uint8Array(), env: {} },
    client,
    codecs: () => ({ to_target: new LineCodec(0), to_client: new LineCodec(1) }),
    dial: async () => target,
    refuse(message) {
      client.closeWith(message)
      target.close()
    },
  }
}
