/**
 * The disk under the evidence runs full. Running sessions end with a message, new ones are refused,
 * nothing that was shown is lost, and when space returns so does the gateway.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { openGuarded, outputOf } from '../fixture/guarded.ts'
import { mountSmallDisk } from '../fixture/small-disk.ts'

const disk_mib = 64
const segment_bytes = 4 * 2 ** 20

describe.skipIf(process.getuid?.() !== 0 && process.env['SLUICE_TEST_REQUIRE'] !== '1')(
  'disk full',
  () => {
    test('sessions end, new ones are refused, and all comes back', async () => {
      using disk = mountSmallDisk(disk_mib)
      await using guarded = await openGuarded({
        data: join(disk.path, 'data'),
        sections: { journal: { segment_bytes } },
      })
      await guarded.trust()
      expect(await guarded.run('echo before')).toMatchObject({ code: 0, stdout: 'before\n' })

      const client = Bun.spawn([...guarded.ssh(), 'seq -f "line %.0f of the log" 1 100000000'], {
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const stdout = client.stdout.bytes()
      const stderr = client.stderr.text()
      disk.fill()
      const code = await Promise.race([client.exited, Bun.sleep(45_000).then(() => -1)])
      if (code === -1) client.kill('SIGKILL')
      expect(code, 'the session went on without evidence').toBeGreaterThan(0)
      expect(await stderr).toMatch(/record|disk|space|journal/i)

      const refused = await guarded.run('echo never printed')
      expect(refused.code).not.toBe(0)
      expect(refused.code, 'the client hung').not.toBe(137)
      expect(refused.stdout).toBe('')
      expect(refused.stderr).toMatch(/record|disk|space|journal/i)

      disk.empty()
      const back = await eventually(async () => {
        const ran = await guarded.run('echo after')
        return ran.code === 0 ? ran : undefined
      })
      expect(back).toMatchObject({ stdout: 'after\n' })

      const cut = (await guarded.sessions()).find((each) => each.end_reason === 'recording_failed')
      if (cut === undefined) throw new Error('the session that was cut is not on record as such')
      const seen = Buffer.from(await stdout)
      const recorded = Buffer.from(outputOf(await guarded.records(cut.id), 1))
      expect(seen.length).toBeGreaterThan(0)
      expect(recorded.length).toBeGreaterThanOrEqual(seen.length)
      expect(recorded.subarray(0, seen.length).equals(seen)).toBe(true)

      expect(await guarded.gateway.stop()).toBe(0)
      const verified = await guarded.verify()
      expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    }, 180_000)
  },
)

async function eventually<Value>(
  attempt: () => Promise<Value | undefined>,
): Promise<Value | undefined> {
  for (let n = 0; n < 30; n++) {
    const value = await attempt()
    if (value !== undefined) return value
    await Bun.sleep(1000)
  }
  return undefined
}
