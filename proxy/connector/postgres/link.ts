/**
 * A client and its target joined: one channel, which is the connection.
 *
 * @module
 */
import type { Channel, Endpoint, Link } from '../../core/connector.ts'
import type { Lookup } from '../../core/statement.ts'
import type { StreamEndpoint } from '../stream/endpoint.ts'
import { createCodecs } from './codec.ts'
import type { Analyser } from './plan.ts'

export interface Joined {
  readonly client: StreamEndpoint
  readonly target: StreamEndpoint
  readonly address: string
  readonly host_key: string
  readonly database: string
  readonly analyser: Analyser
  /** Of which nothing is known where nobody asked. */
  readonly lookup: Lookup
  /** Of each result; undefined for all. */
  readonly recorded_rows_max: number | undefined
  /** Tells the client that it is in. Called once. */
  readonly welcome: () => void
}

export function joinTarget(joined: Joined): Link {
  const { client, target } = joined
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
    dialled: { address: joined.address, host_key: joined.host_key },
    start(events) {
      events.channel(channelOf(joined))
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

function channelOf({ client, target, database, welcome, ...joined }: Joined): Channel {
  const { analyser, lookup, recorded_rows_max } = joined
  return {
    id: 1,
    request: { kind: 'database', command: new TextEncoder().encode(database), env: {} },
    client,
    codecs: (_, judge) => createCodecs(analyser, judge, lookup, recorded_rows_max),
    async dial(): Promise<Endpoint> {
      welcome()
      return target
    },
    refuse(message) {
      client.closeWith(message)
      target.close()
    },
  }
}
