/**
 * How far a case lets a connection come before it looks: greeted, linked, dialled. Each ends what it began.
 *
 * @module
 */
import type { Channel, Endpoint, Greeting } from '../../proxy/core/connector.ts'
import { within } from './collected.ts'
import { grant, openStand, type Stand, type Started, start } from './stand.ts'
import type { Client, ConnectOptions, Program, World } from './world.ts'

export interface Connected extends AsyncDisposable {
  readonly stand: Stand
  readonly client: Client
}

/** A client on its way. */
export async function connected(world: World, options?: ConnectOptions): Promise<Connected> {
  const stand = await openStand(world)
  const client = await world.connect(stand.port, options)
  return {
    stand,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await stand[Symbol.asyncDispose]()
    },
  }
}

export interface Greeted extends Connected {
  readonly greeting: Greeting
}

/** A client that has said who it is and where it wants to go. */
export async function greeted(world: World, options?: ConnectOptions): Promise<Greeted> {
  const scene = await connected(world, options)
  return ending(scene, async () => ({ ...scene, greeting: await scene.stand.accepted() }))
}

export type Linked = Greeted & Started

/** ... whose target was dialled. */
export async function linked(world: World, options?: ConnectOptions): Promise<Linked> {
  const scene = await greeted(world, options)
  return ending(scene, async () => {
    const link = await within('the target is dialled', scene.greeting.welcome(grant))
    return { ...scene, ...start(link) }
  })
}

export interface Dialled extends Linked {
  readonly opened: Channel
  readonly far: Endpoint
  readonly program: Program
}

/** ... and whose first channel is open at the target. Neither of its ends is started. */
export async function dialled(world: World, options?: ConnectOptions): Promise<Dialled> {
  const scene = await linked(world, options)
  return ending(scene, async () => {
    const opened = await scene.channel()
    const far = await within('the channel is dialled', opened.dial())
    const program = await within('its program begins', scene.client.channel.program())
    return { ...scene, opened, far, program }
  })
}

/** Ends the scene when the rest of it cannot be set. */
async function ending<T>(scene: AsyncDisposable, next: () => Promise<T>): Promise<T> {
  try {
    return await next()
  } catch (error) {
    await scene[Symbol.asyncDispose]()
    throw error
  }
}
