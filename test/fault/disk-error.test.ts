/**
 * The disk under the evidence answers with `EIO`: all of it, one segment of the journal, the store's database, and a sync
 * of its log. Nothing is shown that has no durable record, who is cut off is told why, `/healthz` is red for as
 * long as nobody knows that the disk is well, and what was acknowledged verifies.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { listSegments } from '../../storage/journal/directory.ts'
import { database_name, journal_name } from '../../storage/store/layout.ts'
import { canTrace, failDisk } from '../fixture/failing-disk.ts'
import { type Guarded, openGuarded, outputOf } from '../fixture/guarded.ts'
import { isSlow } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'

const cannot_record = 'the gateway cannot record this session'

interface Health {
  readonly status: number
  readonly reasons: readonly string[]
}

async function healthOf({ gateway }: Guarded): Promise<Health> {
  const answer = await fetch(`${gateway.api}/healthz`)
  const { reasons } = (await answer.json()) as { readonly reasons: readonly string[] }
  return { status: answer.status, reasons }
}

const isWell = async (guarded: Guarded): Promise<boolean> =>
  (await healthOf(guarded)).status === 200

/** A client whose output never ends by itself. */
async function pour(guarded: Guarded) {
  const client = Bun.spawn([...guarded.ssh(), 'seq -f "line %.0f of the log" 1 100000000'], {
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  })
  const parts: Uint8Array[] = []
  const first = Promise.withResolvers<void>()
  const read = async (): Promise<Buffer> => {
    for await (const part of client.stdout) {
      parts.push(part)
      first.resolve()
    }
    first.resolve()
    return Buffer.concat(parts)
  }
  const seen = read()
  const said = client.stderr.text()
  await first.promise
  return { client, seen, said }
}

/** It ends, is told why, and what it saw is on record. */
async function expectCut(
  guarded: Guarded,
  { client, seen, said }: Awaited<ReturnType<typeof pour>>,
): Promise<() => Promise<void>> {
  const code = await Promise.race([client.exited, Bun.sleep(45_000).then(() => -1)])
  if (code === -1) client.kill('SIGKILL')
  expect(code, 'the session went on without evidence').toBeGreaterThan(0)
  expect(await said).toContain(cannot_record)
  const bytes = await seen
  expect(bytes.length).toBeGreaterThan(0)
  return async () => {
    const cut = (await guarded.sessions()).find((each) => each.end_reason === 'recording_failed')
    if (cut === undefined) throw new Error('the session that was cut is not on record as such')
    const recorded = Buffer.from(outputOf(await guarded.records(cut.id), 1))
    expect(recorded.length).toBeGreaterThanOrEqual(bytes.length)
    // Not `toEqual`: a difference in megabytes is no message.
    expect(recorded.subarray(0, bytes.length).equals(bytes)).toBe(true)
  }
}

async function expectVerified(guarded: Guarded): Promise<void> {
  const verified = await guarded.verify()
  expect(verified.code, verified.stdout + verified.stderr).toBe(0)
}

const long = test.skipIf(!isSlow)

describe.skipIf(!canTrace && process.env['SLUICE_TEST_REQUIRE'] !== '1')('EIO', () => {
  test('on everything: sessions end, new ones are refused, health stays red until a write succeeds', async () => {
    await using guarded = await openGuarded()
    await guarded.trust()
    const poured = await pour(guarded)
    const ran = join(guarded.dir, 'ran')
    const expectRecorded = await (async () => {
      await using _ = await failDisk({ pid: guarded.gateway.pid, error: 'EIO' })
      const recorded = await expectCut(guarded, poured)
      // Longer than it takes to see that there is room in the journal, which says nothing of its disk.
      for (let look = 0; look < 15; look++) {
        const { status, reasons } = await healthOf(guarded)
        expect([status, reasons.includes(cannot_record)]).toEqual([503, true])
        await Bun.sleep(100)
      }
      const refused = await guarded.run(`touch ${ran}`)
      expect(refused.code).toBe(126)
      expect(refused.stderr).toContain(cannot_record)
      expect(existsSync(ran), 'a command ran without a record').toBe(false)
      return recorded
    })()
    await until('the gateway is well', () => isWell(guarded))
    expect(await guarded.run('echo after')).toMatchObject({ code: 0, stdout: 'after\n' })
    await expectRecorded()
    await expectVerified(guarded)
    expect(await guarded.gateway.stop()).toBe(0)
    await expectVerified(guarded)
  }, 120_000)

  test('on one segment of the journal: its sessions end, and the next goes on in another', async () => {
    await using guarded = await openGuarded()
    await guarded.trust()
    const poured = await pour(guarded)
    const { segments } = listSegments(join(guarded.data, journal_name))
    const paths = segments.map(({ path }) => path)
    await using _ = await failDisk({ pid: guarded.gateway.pid, error: 'EIO', paths })
    const expectRecorded = await expectCut(guarded, poured)
    await until('the gateway is well', () => isWell(guarded))
    expect(await guarded.run('echo after')).toMatchObject({ code: 0, stdout: 'after\n' })
    const newer = listSegments(join(guarded.data, journal_name)).segments.at(-1)
    expect(paths).not.toContain(newer?.path ?? '')
    await expectRecorded()
    await expectVerified(guarded)
  }, 120_000)

  long(
    "on the store's database: sessions go on, health is red, and verification reads what the journal has",
    async () => {
      await using guarded = await openGuarded()
      await guarded.trust()
      const paths = ['', '-wal', '-shm'].map((suffix) =>
        join(guarded.data, `${database_name}${suffix}`),
      )
      {
        await using _ = await failDisk({ pid: guarded.gateway.pid, error: 'EIO', paths })
        expect(await guarded.run('echo meanwhile')).toMatchObject({
          code: 0,
          stdout: 'meanwhile\n',
        })
        const { reasons } = await until('health is red', async () => {
          const health = await healthOf(guarded)
          return health.status === 503 ? health : undefined
        })
        expect(reasons).toHaveLength(1)
        expect(reasons[0]).toStartWith('store_io: ')
        expect(await guarded.sessions()).toHaveLength(1)
        await expectVerified(guarded)
      }
      await until('the gateway is well', () => isWell(guarded))
      expect(await guarded.run('echo after')).toMatchObject({ code: 0, stdout: 'after\n' })
      expect(await guarded.gateway.stop()).toBe(0)
      await expectVerified(guarded)
    },
    120_000,
  )

  long(
    "on a sync of the store's log: a second try proves nothing, and the journal keeps all until the next start",
    async () => {
      await using guarded = await openGuarded()
      await guarded.trust()
      const paths = [join(guarded.data, `${database_name}-wal`)]
      const calls = ['fsync', 'fdatasync']
      {
        await using _ = await failDisk({ pid: guarded.gateway.pid, error: 'EIO', paths, calls })
        expect(await guarded.run('echo meanwhile')).toMatchObject({
          code: 0,
          stdout: 'meanwhile\n',
        })
        await until('health is red', async () => !(await isWell(guarded)))
      }
      // It would sync again every few seconds.
      for (let look = 0; look < 7; look++) {
        const { reasons } = await healthOf(guarded)
        expect(reasons.join()).toContain('until the gateway is started again')
        await Bun.sleep(1_000)
      }
      expect(await guarded.run('echo after')).toMatchObject({ code: 0, stdout: 'after\n' })
      await expectVerified(guarded)
      expect(await guarded.gateway.stop()).toBe(0)
      await guarded.restart()
      expect(await healthOf(guarded)).toEqual({ status: 200, reasons: [] })
      expect(await guarded.sessions()).toHaveLength(2)
      await expectVerified(guarded)
    },
    120_000,
  )
})
