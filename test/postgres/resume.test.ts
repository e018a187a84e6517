/** What stands still for a while and goes on: nobody else waits for it, and nothing of it is lost. */
import { describe, expect } from 'bun:test'
import { inWorld } from './in-world.ts'
import { bind, cancelWith, execute, logIn, parse, query, sync, type Wire } from './wire.ts'
import type { PostgresWorld } from './world.ts'

let world: PostgresWorld
const holds = inWorld({}, (made) => {
  world = made
})

const enter = (): Promise<Wire & { readonly key: Uint8Array }> =>
  logIn(world.gateway.postgres.port, world.login)
const rows = 20_000
/** Far more than may be in flight. */
const much = query(`SELECT n || repeat('x', 1000) FROM generate_series(1, ${rows}) n`)

async function pidOf(wire: Wire): Promise<number> {
  wire.send(query('SELECT pg_backend_pid()'))
  const [, row = ''] = await wire.ready()
  return Number(row.slice(2))
}

describe('while one stands still', () => {
  holds(
    'a client that reads nothing: the others go on, and it has every row once it reads',
    async () => {
      await using slow = await enter()
      await using other = await enter()
      slow.socket.pause()
      slow.send(much)
      await Bun.sleep(1_000)
      for (let n = 0; n < 50; n++) {
        other.send(parse('SELECT $1::int'), bind({ values: [`${n}`] }), execute(), sync())
        expect(await other.ready()).toContain(`D ${n}`)
      }
      slow.socket.resume()
      const came = await slow.ready()
      const values = came.filter((each) => each.startsWith('D '))
      expect(values.length).toBe(rows)
      expect(values.every((each, index) => each.startsWith(`D ${index + 1}x`))).toBe(true)
      slow.send(query('SELECT 7'))
      expect(await slow.ready()).toContain('D 7')
    },
  )
  holds('a target that stands still in the middle of a result', async () => {
    await using wire = await enter()
    await using other = await enter()
    const pid = await pidOf(wire)
    process.kill(pid, 'SIGSTOP')
    wire.send(much)
    await Bun.sleep(500)
    other.send(query('SELECT 1'))
    expect(await other.ready()).toContain('D 1')
    process.kill(pid, 'SIGCONT')
    while ((await wire.next()).type !== 'D') continue
    process.kill(pid, 'SIGSTOP')
    await Bun.sleep(1_000)
    other.send(query('SELECT 2'))
    expect(await other.ready()).toContain('D 2')
    process.kill(pid, 'SIGCONT')
    const came = await wire.ready()
    expect(came.at(-2)).toBe(`C SELECT ${rows}`)
  })
  holds(
    'many, while others are cancelled, killed and left: each of them ends as it should',
    async () => {
      const steady = async (): Promise<number> => {
        await using wire = await enter()
        for (let n = 0; n < 100; n++) {
          wire.send(query(`SELECT ${n}`))
          expect(await wire.ready()).toContain(`D ${n}`)
        }
        return 100
      }
      const cancelled = async (): Promise<number> => {
        await using wire = await enter()
        wire.send(query('SELECT pg_sleep(60)'))
        await Bun.sleep(200)
        await cancelWith(world.gateway.postgres.port, wire.key)
        expect((await wire.ready()).join()).toContain('E 57014')
        wire.send(much)
        await Bun.sleep(50)
        await cancelWith(world.gateway.postgres.port, wire.key)
        const end = (await wire.ready()).at(-2) ?? ''
        expect(end === `C SELECT ${rows}` || end.startsWith('E 57014')).toBe(true)
        return 100
      }
      const killed = async (): Promise<number> => {
        await using wire = await enter()
        const pid = await pidOf(wire)
        wire.send(much)
        await Bun.sleep(50)
        await world.database.run(`SELECT pg_terminate_backend(${pid})`)
        expect((await wire.rest()).length).toBeGreaterThan(0)
        return 100
      }
      const left = async (): Promise<number> => {
        const wire = await enter()
        wire.send(much)
        await Bun.sleep(50)
        wire.socket.destroy()
        return 100
      }
      const each = [steady, cancelled, killed, left]
      const all = Array.from({ length: 4 }, () => each).flat()
      const done = await Promise.all(all.map((run) => run()))
      expect(done).toEqual(Array.from({ length: 16 }, () => 100))
      expect(await steady()).toBe(100)
    },
  )
})
