/**
 * Each defect is cured by the patch, and there without it: a test that passes on both sides tests nothing. That is
 * looked at among the long tests, as what waits there for what never comes takes its time.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { isSlow } from '../fixture/require.ts'
import { defects } from './defects.ts'
import { patched_path, type Unpatched, unpack } from './unpatched.ts'

const program = join(import.meta.dir, 'run.ts')

async function run(
  path: string,
  name: string,
  limit_ms: number,
): Promise<{ code: number; text: string }> {
  const child = Bun.spawn([process.execPath, program, path, name, String(limit_ms)], {
    stdout: 'ignore',
    stderr: 'pipe',
  })
  // An endless loop is deaf to the program's own limit.
  const timer = setTimeout(() => child.kill('SIGKILL'), limit_ms + 1_000)
  const text = await new Response(child.stderr).text()
  const code = await child.exited
  clearTimeout(timer)
  return { code, text }
}

/** What has not ended by now without the patch never will. */
const hang_ms = 2_500

describe('ssh2', () => {
  let unpatched: Unpatched | undefined
  beforeAll(() => {
    if (isSlow) unpatched = unpack()
  })
  afterAll(() => unpatched?.[Symbol.dispose]())

  for (const name of Object.keys(defects))
    test.concurrent(name, async () => {
      const [before, after] = await Promise.all([
        unpatched === undefined ? undefined : run(unpatched.path, name, hang_ms),
        run(patched_path, name, 20_000),
      ])
      expect(after.text).toBe('')
      expect(after.code).toBe(0)
      if (before !== undefined)
        expect(before.code, 'the defect does not show without the patch').not.toBe(0)
    }, 60_000)
})
