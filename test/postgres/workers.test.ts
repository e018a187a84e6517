/** `--workers` with PostgreSQL: sessions spread, are read and verified as one, and are cancelled whichever process has them. */
import { expect } from 'bun:test'
import { message } from '../../proxy/connector/postgres/message.ts'
import { workerData } from '../../storage/store/gathered.ts'
import { sluice } from '../fixture/gateway.ts'
import { endsIn, isAlive, workersOf } from '../fixture/workers.ts'
import { inWorld } from './in-world.ts'
import { logIn, openWire, query } from './wire.ts'
import type { PostgresWorld } from './world.ts'

let world: PostgresWorld
const holds = inWorld({ arguments: ['--workers', '2'] }, (made) => {
  world = made
})

const enter = () => logIn(world.gateway.postgres.port, world.login)

holds('a request to cancel finds the process that has the session', async () => {
  // The system spreads connections by a hash of the addresses: that all find their own at once has odds of 1 in 2^12.
  for (let number = 0; number < 12; number++) {
    await using wire = await enter()
    const sleep = `SELECT pg_sleep(${50 + number})`
    wire.send(query(sleep))
    const busy = `SELECT count(*) FROM pg_stat_activity WHERE query = '${sleep}' AND state = 'active'`
    while ((await world.database.run(busy)).trim() !== '1') await Bun.sleep(10)
    await using other = await openWire(world.gateway.postgres.port)
    other.send(message(0, { u32: 80877102 }, wire.key))
    expect(await other.rest()).toEqual([])
    expect(await wire.ready()).toContain('E 57014 canceling statement due to user request')
  }
})

holds('sessions are in both, and their evidence is one', async () => {
  const held = await Promise.all([1, 2].map((number) => endsIn(workerData(world.data, number))))
  expect(held.reduce((sum, { size }) => sum + size, 0)).toBeGreaterThanOrEqual(12)
  for (const { size } of held) expect(size).toBeGreaterThan(0)
  expect(await world.show()).toContain('pg_sleep(61)')
})

holds('one that is killed takes its own sessions with it, and the others go on', async () => {
  const wires = await Promise.all(Array.from({ length: 12 }, enter))
  const [victim] = workersOf(world.gateway.pid).values()
  if (victim === undefined) throw new Error('there is no worker')
  process.kill(victim, 'SIGKILL')
  while (isAlive(victim)) await Bun.sleep(10)
  const answers = await Promise.all(
    wires.map(async (wire) => {
      try {
        wire.send(query('SELECT 7'))
        return (await wire.ready()).join()
      } catch {
        return 'gone'
      }
    }),
  )
  const alive = answers.filter((answer) => answer.includes('7'))
  expect(alive.length).toBeGreaterThan(0)
  expect(alive.length).toBeLessThan(12)
  for (const wire of wires) await wire[Symbol.asyncDispose]()
  // It is started again, and meanwhile the other one takes who comes; some may meet the port that went.
  let rows = ''
  for (let tries = 0; tries < 100 && rows !== '8\n'; tries++)
    rows = (await world.query('SELECT 8')).stdout
  expect(rows).toBe('8\n')
})

holds('and all of it verifies', async () => {
  expect(await world.gateway.stop()).toBe(0)
  const trust = `${world.data}/../trust.json`
  const exported = await sluice(['trust', 'export', '--data', world.data, '-o', trust])
  expect(exported.code, exported.stderr).toBe(0)
  const verified = await sluice(['verify', world.data, '--trust', trust])
  expect(verified.code, verified.stdout + verified.stderr).toBe(0)
})
