/**
 * Connections to databases that do nothing: what each of them costs the gateway in memory.
 *
 * @module
 */
import { startPostgres } from '../../test/fixture/postgres.ts'
import { logIn } from '../../test/postgres/wire.ts'
import { openWorld } from '../../test/postgres/world.ts'
import { rssOf } from './process.ts'

/** So many at once are logged in: a login is two handshakes and some hundred durable bytes. */
const at_once = 8
/** What is there once whoever many come: code that is compiled, tables that have grown. */
const warm = 50
/** Memory that the logins took is given back by then. */
const calm_ms = 5_000

/** Resident KiB of each of `count` connections, by round. */
export async function idleConnections(count: number, rounds: number): Promise<number[]> {
  await using database = await startPostgres({ config: [`max_connections=${count + 200}`] })
  const each: number[] = []
  for (let round = 0; round < rounds; round++) {
    await using world = await openWorld({ database, tls: 'off' })
    await using open = new AsyncDisposableStack()
    const enter = async (wanted: number): Promise<void> => {
      let left = wanted
      const work = async (): Promise<void> => {
        while (left-- > 0) open.use(await logIn(world.gateway.postgres.port, world.login))
      }
      await Promise.all(Array.from({ length: at_once }, work))
      await Bun.sleep(calm_ms)
    }
    await enter(warm)
    const before = rssOf(world.gateway.pid)
    await enter(count)
    each.push((rssOf(world.gateway.pid) - before) / 1024 / count)
  }
  return each
}
