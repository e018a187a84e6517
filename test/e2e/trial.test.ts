/**
 * The trial as someone meets it who has never heard of it: start it, copy each line that it prints into a shell,
 * and see what it promises.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Gateway, gatewayConfig, runGateway, startGateway } from '../fixture/gateway.ts'
import { type Ran, ranOf } from '../fixture/ran.ts'
import { ssh, testWith } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { signIn } from '../fixture/sign-in.ts'
import { startTrialRun, type TrialRun } from '../fixture/trial.ts'
import { until } from '../fixture/until.ts'
import { openTerminal } from './terminal.ts'

const needs = [ssh, '/usr/bin/curl']
/** How often what it looks for stands in the store when all of it is there. */
const printed_times = 4
/** A hang guard. */
const projected_ms_max = 20_000

describe('the trial', () => {
  let trial: TrialRun
  let clone = ''
  let data = ''
  let gateway: Gateway
  let steps: TrialRun['steps']
  let more: TrialRun['more']
  let curl = ''
  let secrets: readonly string[]

  beforeAll(async () => {
    trial = await startTrialRun()
    ;({ clone, data, gateway, steps, more, curl } = trial)
    secrets = readSecrets(join(data, 'trial/home/secrets.env'))
  }, 60_000)
  afterAll(() => trial[Symbol.asyncDispose](), 30_000)

  const copied = (...lines: readonly string[]): Promise<Ran> => runLines(clone, lines)

  testWith(needs, 'what is printed has every step', () => {
    expect(steps.map((lines) => lines.length)).toEqual([2, 2, 2, 4])
    expect(curl).toStartWith('curl ')
    expect(secrets).toHaveLength(3)
  })

  testWith(needs, '1. the fake secrets are masked', async () => {
    const ran = await copied(steps[0]?.[0] ?? '')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toStartWith('GREETING=hello\n')
    expect(ran.stdout).toContain('GITHUB_TOKEN=')
    for (const secret of secrets) expect(ran.stdout).not.toContain(secret)
  })

  testWith(needs, '1. and so they are for who looks around', async () => {
    await using terminal = openTerminal(['bash', '-c', steps[0]?.[1] ?? ''], { cwd: clone })
    await terminal.until(/[$#] $/)
    terminal.type('cat secrets.env\n')
    await terminal.until(/DATABASE_URL=[^\r\n]*\r\n/)
    terminal.type('exit\n')
    expect(await terminal.exited).toBe(0)
    for (const secret of secrets) expect(terminal.text()).not.toContain(secret)
  })

  testWith(needs, '2. the sessions are listed and the last one plays again', async () => {
    const listed = await copied(steps[1]?.[0] ?? '')
    expect(listed.code).toBe(0)
    expect(listed.stdout.match(/\byou\b.*\bdemo@trial\b|\bdemo\b.*\btrial\b/g)).toHaveLength(2)
    await copied(steps[0]?.[0] ?? '')
    const played = await copied(steps[1]?.[1] ?? '')
    expect(played.code).toBe(0)
    expect(played.stdout.replaceAll('\r', '')).toContain('GREETING=hello\n')
    expect(played.stdout).toContain('GITHUB_TOKEN=')
    for (const secret of secrets) expect(played.stdout).not.toContain(secret)
  })

  testWith(needs, '3. what is exported verifies', async () => {
    const [exporting = '', verifying = ''] = steps[2] ?? []
    expect(await copied(exporting)).toMatchObject({ code: 0 })
    const verified = await copied(verifying)
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
    expect(verified.stdout).toContain('verified')
  })

  testWith(needs, 'the API answers with the token, and not without it', async () => {
    const answered = await copied(`${curl} -s`)
    expect(answered.code).toBe(0)
    const { sessions } = JSON.parse(answered.stdout) as { sessions: { target: string }[] }
    expect(sessions.map(({ target }) => target)).toEqual(['trial', 'trial', 'trial'])
    const url = / (http:\S+)$/.exec(curl)?.[1] ?? ''
    expect((await fetch(url)).status).toBe(401)
    expect((await fetch(url, { headers: { authorization: 'Bearer x' } })).status).toBe(401)
  })

  testWith(
    needs,
    'who signs in once reaches the machine by a name alone',
    async () => {
      const [, password = ''] = / engineer (\S+),/.exec(gateway.stdout()) ?? []
      await using terminal = openTerminal(['bash', '-c', more[1] ?? ''], {
        cwd: clone,
        columns: 300,
      })
      await terminal.until(/code \S+\./)
      const { last } = await signIn(
        /(http:\S+\/login\/device\S+)/.exec(terminal.text())?.[1] ?? '',
        ...(['engineer', password] as const),
      )
      expect(last.text).toContain('You are signed in')
      expect(await terminal.exited).toBe(0)
      expect(terminal.text()).toContain('demo@trial; targets: trial, vault')
      const ran = await copied(`${more[2]} cat secrets.env`)
      expect(ran).toMatchObject({ code: 0, stderr: '' })
      expect(ran.stdout).toStartWith('GREETING=hello\n')
    },
    60_000,
  )

  testWith(
    needs,
    'a command that may do harm waits for somebody else',
    async () => {
      const held = copied(more[3] ?? '')
      const [id] = await until('a request that waits', async () => {
        const { stdout } = await copied(more[4] ?? '')
        return /^(\w{10})  .* rm -rf \/var\/lib\/not-there$/m.exec(stdout)?.slice(1)
      })
      expect(await copied((more[5] ?? '').replace('ID', id ?? ''))).toMatchObject({ code: 0 })
      expect(await held).toMatchObject({ code: 0, stdout: '' })
    },
    60_000,
  )

  testWith(needs, 'the secrets rest nowhere but where they were', async () => {
    await projected()
    const home = 'trial/home'
    for (const secret of secrets) expect(filesWith(data, secret, home)).toEqual([])
    // It would find them: what is no secret is in the journal and in the store, and they are in the home.
    const seen = filesWith(data, 'GREETING=hello').map((name) => name.split('/')[0])
    expect([...new Set(seen)]).toEqual(expect.arrayContaining(['journal', 'store.db', 'trial']))
    expect(filesWith(data, secrets[0] ?? '')).toEqual([`${home}/secrets.env`])
  })

  testWith(
    needs,
    '4. one changed byte, and verification names the session and the record',
    async () => {
      await projected()
      const tampered = await copied('set -e', ...(steps[3] ?? []))
      expect(tampered.code, tampered.stdout + tampered.stderr).toBe(1)
      expect(tampered.stdout).toContain('record_edited')
      const { stdout } = await copied('bun run --silent sluice sessions --json')
      const ids = (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id)
      expect(ids.some((id) => tampered.stdout.includes(id))).toBe(true)
    },
    60_000,
  )

  testWith(needs, 'it stops when it is told to', async () => {
    expect(await gateway.stop()).toBe(0)
  })

  testWith(needs, 'its records and those of a real gateway never share a folder', async () => {
    const config = gatewayConfig({ dir: join(clone, 'real'), targets: [], keys: [] })
    const real = await runGateway({ config, data })
    expect([real.code, real.stdout]).toEqual([1, ''])
    expect(real.stderr).toStartWith(`${data} is the trial's`)
    const other = join(clone, 'real/data')
    await using started = await startGateway({ config, data: other })
    await started.stop()
    const tried = await runGateway({ data: other })
    expect([tried.code, tried.stdout]).toEqual([1, ''])
    expect(tried.stderr).toStartWith(`${other} is not a trial's`)
  })

  /** The lines say "a few seconds after it was recorded": until the store itself has all of it. */
  async function projected(): Promise<void> {
    const printed = () => readFileSync(join(data, 'store.db')).toString('latin1')
    for (
      let waited_ms = 0;
      printed().split('GREETING=hello').length <= printed_times;
      waited_ms += 100
    ) {
      if (waited_ms > projected_ms_max) throw new Error('the store does not have the records')
      await Bun.sleep(100)
    }
  }
})

/** Token, key and password: what a rule must find, not what stands around it. */
function readSecrets(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const patterns = [/^GITHUB_TOKEN=(.+)$/m, /^AWS_ACCESS_KEY_ID=(.+)$/m, /:\/\/app:([^@]+)@/]
  return patterns.flatMap((pattern) => pattern.exec(text)?.[1] ?? [])
}

async function runLines(cwd: string, lines: readonly string[]): Promise<Ran> {
  const child = Bun.spawn(['bash', '-c', lines.join('\n')], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return ranOf(child)
}
