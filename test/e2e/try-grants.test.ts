/** docs/try-grants.md as somebody reads it: each of its lines is copied into a shell beside the trial. */
import { expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ranOf } from '../fixture/ran.ts'
import { ssh, testSlow } from '../fixture/require.ts'
import { startTrialRun } from '../fixture/trial.ts'

const text = readFileSync(join(import.meta.dir, '../../docs/try-grants.md'), 'utf8')
const blocks = [...text.matchAll(/```sh\n([^]*?)```/g)].map(([, lines = '']) => lines)

testSlow(
  [ssh],
  'a grant is asked for, given, used and taken back by the lines of the page',
  async () => {
    await using trial = await startTrialRun()
    expect(blocks).toHaveLength(5)
    // Where somebody else has the usual ports.
    const script = blocks
      .map((lines) => `${lines}echo "== $?"\n`)
      .join('')
      .replaceAll('-p 2222', `-p ${trial.gateway.ssh.port}`)
    const child = Bun.spawn(['bash', '-c', `exec 2>&1\n${script}`], {
      cwd: trial.clone,
      env: { ...process.env, NO_COLOR: '1', SLUICE_GATEWAY: trial.gateway.api },
      ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    })
    const { stdout } = await ranOf(child)
    const [refused = '', asked = '', decided = '', used = '', recorded = ''] =
      stdout.split(/== \d+\n/)
    expect(refused).toContain('sluice: this target needs a grant: sluice request --target vault')
    expect(refused).not.toContain('uid=')
    expect(asked).toMatch(/g\w{11}: needs an approval by any approver/)
    expect(asked).toMatch(/waiting +you +vault +ticket 7/)
    expect(decided).toContain('a request is decided by somebody else than who made it')
    expect(decided).toMatch(/approved: a grant of 2 min: ticket 7/)
    expect(used).toContain('I am in\n')
    expect(used).toMatch(/given +you +vault +\d{4}-/)
    expect(used).toContain('was revoked')
    // The last of it is the door again.
    expect(used).toContain('this target needs a grant')
    expect(recorded).toMatch(/ you +demo@vault .* revoked\n/)
    expect(recorded).toContain('verified')
    expect([...stdout.matchAll(/== (\d+)/g)].map(([, code]) => Number(code))).toEqual([
      126, 0, 0, 126, 0,
    ])
  },
  90_000,
)
