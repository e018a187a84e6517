/**
 * What a client asks for once it is in: channels, in order; each of them refused or dialled; and the end of it all.
 *
 * @module
 */
import { expect } from 'bun:test'
import type { Channel } from '../../../proxy/core/connector.ts'
import { TargetError } from '../../../proxy/core/errors.ts'
import { chance_ms, within } from '../collected.ts'
import { dialled, greeted, linked } from '../scene.ts'
import { grant, start, watch } from '../stand.ts'
import type { ClientEnd } from '../world.ts'
import type { Case } from './case.ts'

export const channel_cases: readonly Case[] = [
  {
    name: 'what was dialled is named',
    needs: ['commands'],
    async run(world) {
      await using scene = await linked(world)
      expect(scene.link.dialled.address).toMatch(/^\S+:\d+$/)
      expect(scene.link.dialled.host_key).toMatch(/^SHA256:\S{43}$/)
    },
  },
  {
    name: 'a channel that was opened during the dial is delivered, with what was sent into it',
    async run(world) {
      await using scene = await greeted(world)
      scene.client.channel.send(Buffer.from('sent early\n'))
      await Bun.sleep(chance_ms)
      const link = await scene.greeting.welcome(grant)
      await Bun.sleep(chance_ms)
      const channel = await start(link).channel()
      const near = watch(channel.client)
      await within('the early bytes arrive', near.streams[0].until(11))
      expect(near.streams[0].text()).toBe('sent early\n')
    },
  },
  {
    name: 'ids are above zero, which is the session itself',
    async run(world) {
      await using scene = await linked(world)
      const { id } = await scene.channel()
      expect(Number.isSafeInteger(id)).toBe(true)
      expect(id).toBeGreaterThan(0)
    },
  },
  {
    name: 'ids are unique and in the order of opening',
    needs: ['channels'],
    async run(world) {
      await using scene = await linked(world, { multiplexed: true })
      const ids = [(await scene.channel()).id]
      for (let i = 0; i < 4; i++) {
        await scene.client.open()
        ids.push((await scene.channel()).id)
      }
      expect(new Set(ids).size).toBe(5)
      expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    },
  },
  {
    name: 'nothing begins at the target before the channel is dialled',
    needs: ['commands'],
    async run(world) {
      await using scene = await linked(world)
      const channel = await scene.channel()
      await Bun.sleep(chance_ms)
      expect(scene.client.channel.begun).toBe(false)
      await channel.dial()
      await within('the program begins', scene.client.channel.program())
    },
  },
  {
    name: 'a channel says what it wants',
    needs: ['commands', 'terminal'],
    async run(world) {
      await using scene = await linked(world, { terminal: { columns: 91, rows: 31 } })
      const { request } = await scene.channel()
      expect(request.kind).toBe('exec')
      expect(request.pty).toEqual({ term: 'xterm', columns: 91, rows: 31 })
      expect(Buffer.from(request.command).toString()).toContain('puppet')
    },
  },
  {
    name: 'a change of size is an event',
    needs: ['terminal'],
    async run(world) {
      await using scene = await dialled(world, { terminal: { columns: 91, rows: 31 } })
      const near = watch(scene.opened.client)
      scene.client.channel.resize(132, 50)
      await within('the size arrives', includes(near.order, 'resize 132x50'))
    },
  },
  {
    name: 'a channel that is refused shows why',
    async run(world) {
      await using scene = await linked(world)
      const channel = await scene.channel()
      channel.refuse('not on a Friday', 126)
      await within('the client is told', shows(scene.client.channel, 'not on a Friday'))
      await within('the channel ends', scene.client.channel.output.ended())
    },
  },
  {
    name: 'a channel that is refused has the exit code, and the others go on',
    needs: ['channels', 'exit_code'],
    async run(world) {
      await using scene = await linked(world, { multiplexed: true })
      const first = await scene.channel()
      await first.dial()
      const second = await scene.client.open()
      const refused = await scene.channel()
      refused.refuse('no second one', 126)
      expect(await within('the refused channel ends', second.exited)).toBe(126)
      const near = watch(first.client)
      scene.client.channel.send(Buffer.from('still here\n'))
      await within('the first channel goes on', near.streams[0].until(11))
      expect(scene.closes).toEqual([])
    },
  },
  ...(['forwarding', 'agent_forwarding', 'x11'] as const).map(
    (asks): Case => ({
      name: `${asks} is asked of policy, and its denial is shown`,
      needs: ['capabilities'],
      async run(world) {
        await using scene = await linked(world, { asks })
        const channel = await scene.channel()
        await channel.dial()
        await within('policy is asked', includes(scene.asked, asks))
        await within(
          'the client is told',
          shows(scene.client.channel, `${asks} is off in this test`),
        )
        expect(scene.closes).toEqual([])
      },
    }),
  ),
  {
    name: 'closing a link shows its message and ends both sides; closed comes once, last',
    async run(world) {
      await using scene = await dialled(world)
      const near = watch(scene.opened.client)
      const far = watch(scene.far)
      scene.link.close('the gateway is going home')
      scene.link.close('and says so only once')
      await within('the client is told', shows(scene.client.channel, 'the gateway is going home'))
      await within('the client sees an end', scene.client.channel.output.ended())
      scene.client.leave()
      await within('the program loses its input', scene.program.input.ended())
      await within('the link closes', scene.closed)
      await within('both ends close', Promise.all([near.closed, far.closed]))
      await Bun.sleep(chance_ms)
      expect(scene.closes).toEqual(['gateway'])
      expect(seen(scene.client.channel)).not.toContain('only once')
    },
  },
  {
    name: 'a client that leaves is the reason, and takes the target with it',
    async run(world) {
      await using scene = await dialled(world)
      watch(scene.opened.client)
      watch(scene.far)
      scene.client.kill()
      await within('the link closes', scene.closed)
      await within('the greeting closes', scene.greeting.closed)
      await within('the program loses its input', scene.program.input.ended())
      await Bun.sleep(chance_ms)
      expect(scene.closes).toEqual(['client'])
    },
  },
  {
    name: 'a target that is lost is the reason, and the client is not left alone',
    async run(world) {
      await using scene = await dialled(world)
      const near = watch(scene.opened.client)
      const far = watch(scene.far)
      scene.client.cutTarget()
      await within('its end closes', far.closed)
      // What the pump does then.
      scene.opened.client.close()
      await within('the client sees an end', scene.client.channel.output.ended())
      scene.client.leave()
      await within('the link closes', scene.closed)
      await within('its other end closes', near.closed)
      await Bun.sleep(chance_ms)
      expect(scene.closes).toEqual(['target'])
    },
  },
  {
    name: 'a channel that is dialled too late is a TargetError, or closes at once',
    async run(world) {
      await using scene = await linked(world)
      const channel = await scene.channel()
      scene.client.cutTarget()
      await Bun.sleep(chance_ms)
      const far = await within('the dial settles', dialOf(channel))
      if (far instanceof Error) expect(far).toBeInstanceOf(TargetError)
      else await within('its end closes', watch(far).closed)
    },
  },
]

const dialOf = (channel: Channel) => channel.dial().catch((error: unknown) => error as Error)

const seen = (end: ClientEnd): string => `${end.output.text()}${end.errors.text()}`

async function shows(end: ClientEnd, text: string): Promise<void> {
  while (!seen(end).includes(text)) await Bun.sleep(5)
}

async function includes(list: readonly string[], text: string): Promise<void> {
  while (!list.some((each) => each.startsWith(text))) await Bun.sleep(5)
}
