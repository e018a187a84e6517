/**
 * The machine's clock jumps while sessions run: they go on, no record is dated before the one it follows, and what
 * is left verifies.
 */
import { expect } from 'bun:test'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openGuarded } from '../fixture/guarded.ts'
import { faketime, ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'

const day_ms = 86_400_000
/** Debian keeps it where no program finds it by itself. */
const library = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`

testWith(
  [ssh, sshd, ssh_keygen, faketime],
  'the clock jumps a day ahead, then three days back',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-clock-'))
    const clock = join(dir, 'clock')
    const set = (offset: string): void => {
      // At once, as who reads half of it is told another time.
      writeFileSync(`${clock}.new`, `${offset}\n`)
      renameSync(`${clock}.new`, clock)
    }
    set('+0')
    const started_ms = Date.now()
    await using guarded = await openGuarded({
      env: {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        // As a clock that an administrator sets: what counts the time since the start is none of his business.
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
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
    set('+1d')
    await echoed('a day later')
    expect((await guarded.run('echo tomorrow')).stdout).toBe('tomorrow\n')
    set('-2d')
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
