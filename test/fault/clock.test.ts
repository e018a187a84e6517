/**
 * The machine's clock jumps while sessions run: they go on, no record is dated before the one it follows, and what
 * is left verifies.
 */
import { expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeClock } from '../fixture/faked-clock.ts'
import { openGuarded } from '../fixture/guarded.ts'
import { faketime, ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'

const day_ms = 86_400_000
testSlow(
  [ssh, sshd, ssh_keygen, faketime],
  'the clock jumps a day ahead, then three days back',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-clock-'))
    const clock = fakeClock(dir)
    clock.set('+0')
    const started_ms = Date.now()
    await using guarded = await openGuarded({
      env: clock.env,
    })
    await guarded.trust()
    const long = Bun.spawn([...guarded.ssh(), 'cat'], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'ignore',
    })
    const reader = long.stdout.getReader()
    const echoed = async (line: string): Promise<void> => {
      void long.stdin.write(`${line}\n`)
      let text = ''
      while (!text.includes(line)) text += Buffer.from((await reader.read()).value ?? []).toString()
    }
    await echoed('before')
    clock.set('+1d')
    await echoed('a day later')
    expect((await guarded.run('echo tomorrow')).stdout).toBe('tomorrow\n')
    clock.set('-2d')
    await echoed('three days earlier')
    expect((await guarded.run('echo the day before yesterday')).code).toBe(0)
    // A checkpoint of a second is signed under each of the clocks.
    await Bun.sleep(1_500)
    await long.stdin.end()
    expect(await long.exited).toBe(0)
    expect(await guarded.gateway.stop()).toBe(0)

    const sessions = await guarded.sessions()
    expect(sessions.map(({ end_reason }) => end_reason)).toEqual(['client', 'client', 'client'])
    let latest_us = 0
    for (const { id } of sessions) {
      const times = (await guarded.records(id)).map(({ header }) => header.t_us)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      latest_us = Math.max(latest_us, ...times)
    }
    // The jump ahead was followed: the test's own canary.
    expect(latest_us / 1000 - started_ms).toBeGreaterThan(0.9 * day_ms)
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    rmSync(dir, { recursive: true, force: true })
  },
  60_000,
)
