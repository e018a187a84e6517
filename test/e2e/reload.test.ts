/**
 * New masking rules for a gateway that runs, by SIGHUP, with real clients and a real sshd: sessions that are open stay open and
 * keep the rules that they began with, later ones have the new rules, and what cannot be taken changes nothing.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDocument } from '../../storage/evidence/document.ts'
import { decodeLogEntry } from '../../storage/evidence/log-entry.ts'
import { openReader } from '../../storage/store/reader.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, sshd, testSlow, testWith } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { until } from '../fixture/until.ts'
import { workersOf } from '../fixture/workers.ts'

const needs = [ssh, sshd]
const made = (prefix: string): string => `${prefix}-${randomBytes(9).toString('hex')}`
const stars = (text: string): string => '*'.repeat(text.length)

describe('the masking rules of a gateway that runs', () => {
  const listed = made('Listed')
  const password = made('Of-the-account')
  const employee = 'EMP-123456'
  const token = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`
  let dir = ''
  let config = ''
  let guarded: Guarded
  let first: Open

  /** Replaces the section `masking`, and what stands behind web-1. */
  const configure = (masking: unknown, targets = true): void => {
    const old = JSON.parse(readFileSync(config, 'utf8')) as { targets: unknown[] }
    writeFileSync(
      config,
      JSON.stringify({ ...old, masking, targets: targets ? old.targets : old.targets.slice(0, 1) }),
    )
  }
  const events = (name: string): readonly Readonly<Record<string, unknown>>[] =>
    guarded.gateway
      .stderr()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Readonly<Record<string, unknown>> => JSON.parse(line))
      .filter(({ event }) => event === name)
  /** Signals, and waits for the next event of that name. */
  const reload = async (name: string): Promise<Readonly<Record<string, unknown>>> => {
    const before = events(name).length
    process.kill(guarded.gateway.pid, 'SIGHUP')
    for (let waited = 0; waited < 30_000; waited += 20) {
      const event = events(name)[before]
      if (event !== undefined) return event
      await Bun.sleep(20)
    }
    throw new Error(`no ${name}: ${guarded.gateway.stderr()}`)
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-reload-'))
    writeFileSync(join(dir, 'password'), `${password}\n`, { mode: 0o600 })
    guarded = await openGuarded({
      // The collector takes this for all memory there is, and does not let the heap double before it looks.
      env: { BUN_JSC_forceRAMSize: '200000000' },
      targets: (target) => [
        {
          name: 'db-1',
          address: target.address,
          host_key: target.host_key.public_line,
          accounts: { root: { password_file: join(dir, 'password') } },
        },
      ],
    })
    config = join(guarded.dir, 'gateway', 'sluice.yaml')
    await guarded.trust()
    first = openLines(guarded)
  }, 60_000)
  afterAll(async () => {
    await first?.end()
    await guarded?.[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true, force: true })
  }, 30_000)

  testWith(
    needs,
    'are those of the new file for new sessions; an open one goes on as it was',
    async () => {
      expect(await first.says(`a ${employee} b`)).toBe(`a ${employee} b`)
      // In the midst of a match when the rules change.
      first.print(`x ${token.slice(0, 20)}`)
      writeFileSync(join(dir, 'known'), `${listed}\n`, { mode: 0o600 })
      configure({
        packs: ['secrets'],
        custom: [{ name: 'employee-id', pattern: '\\bEMP-[0-9]{6}\\b' }],
        known_secrets_file: join(dir, 'known'),
      })
      expect(await reload('configuration_reloaded')).toMatchObject({
        level: 'info',
        known_secrets: 2,
      })
      first.print(`${token.slice(20)} y\n`)
      // A pause in its midst shows six characters at most, and the rest is masked whatever happens meanwhile.
      expect(await first.line()).toMatch(/^x (?:ghp_..)?\*+ y$/)
      expect(await first.says(`${employee} ${listed}`)).toBe(`${employee} ${listed}`)
      const { stdout } = await guarded.run(`echo '${employee} ${listed} ${token}'`)
      expect(stdout).toBe(`${stars(employee)} ${stars(listed)} ${stars(token)}\n`)
      // Still the first one's.
      expect(await first.says(employee)).toBe(employee)
    },
  )

  testWith(needs, 'stay when the new ones cannot be, and the log says why and where', async () => {
    const whole = readFileSync(config, 'utf8')
    for (const [masking, reason] of [
      [
        { custom: [{ name: 'x', pattern: 'ab(c' }] },
        /sluice\.yaml:\d+:\d+ masking\.custom\[0\].* at character \d+/,
      ],
      [
        { packs: ['secrets'], custom: [{ name: 'x', pattern: '[ab]*a[ab]{200}c' }] },
        /needs too many states.* at character 7/,
      ],
      [{ known_secrets_file: join(dir, 'nowhere') }, /no such file/],
      [{ packs: ['none'] }, /masking\.packs/],
    ] as const) {
      configure(masking)
      const event = await reload('configuration_not_reloaded')
      expect(event).toMatchObject({ level: 'error' })
      expect(String(event['reason'])).toMatch(reason)
      const { stdout } = await guarded.run(`echo '${employee} ${listed}'`)
      expect(stdout).toBe(`${stars(employee)} ${stars(listed)}\n`)
    }
    writeFileSync(config, 'masking: [')
    expect(String((await reload('configuration_not_reloaded'))['reason'])).toContain('sluice.yaml')
    expect((await guarded.run(`echo '${employee}'`)).stdout).toBe(`${stars(employee)}\n`)
    writeFileSync(config, whole)
  })

  testWith(needs, 'mask the passwords in use, though the file has them no more', async () => {
    configure({ packs: [] }, false)
    expect(await reload('configuration_reloaded')).toMatchObject({ known_secrets: 1 })
    const { stdout } = await guarded.run(`echo '${employee} ${listed} ${password}'`)
    expect(stdout).toBe(`${employee} ${listed} ${stars(password)}\n`)
  })

  testWith(needs, 'are named in the log and in the manifest of each session', async () => {
    expect(await first.end()).toBe(0)
    const hashes = events('configuration_reloaded').map((event) => String(event['rules_hash']))
    expect(new Set(hashes).size).toBe(2)
    // The client is gone a moment before its session is.
    const logged = await until('the end of the session', async () => {
      const found = await documentsOf(guarded.data)
      return isOver(found) ? found : undefined
    })
    const of = (type: string): readonly string[] =>
      logged.filter((each) => each.type === type).map((each) => each.rules_hash)
    const [start = '', ...changes] = of('configuration.changed')
    expect(changes).toEqual(hashes)
    // The first session began before, and ended last.
    const [one = '', other = ''] = hashes
    expect(of('session.started')).toEqual([start, ...Array.from({ length: 6 }, () => one), other])
    expect(of('session.ended')).toEqual([...of('session.started').slice(1), start])
    expect(await guarded.verify()).toMatchObject({ code: 0 })
    for (const value of [listed, password]) {
      expect(guarded.gateway.stderr()).not.toContain(value)
      // What the first session said in clear before it was a secret is on record as it was said.
      if (value === password) expect(filesWith(guarded.data, value)).toEqual([])
    }
  })

  testSlow(
    needs,
    'are collected when nobody has them: forty reloads cost no memory to speak of',
    async () => {
      const rounds = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) {
          configure({ custom: [{ name: 'employee-id', pattern: `EMP-[0-9]{${5 + (i % 7)}}` }] })
          await reload('configuration_reloaded')
          await guarded.run('true')
        }
      }
      await rounds(10)
      const before_mb = guarded.gateway.rss_mb()
      await rounds(30)
      // Each set has some 4 MB with its windows: a hundred, would they stay.
      expect(guarded.gateway.rss_mb() - before_mb).toBeLessThan(60)
    },
    300_000,
  )
})

describe('with several workers', () => {
  testSlow(
    needs,
    'each of them takes the new rules, and none of them ends',
    async () => {
      await using guarded = await openGuarded({ arguments: ['--workers', '2'] })
      const config = join(guarded.dir, 'gateway', 'sluice.yaml')
      const before = workersOf(guarded.gateway.pid)
      expect(before.size).toBe(2)
      const custom = [{ name: 'employee-id', pattern: 'EMP-[0-9]{6}' }]
      const old = JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>
      writeFileSync(config, JSON.stringify({ ...old, masking: { custom } }))
      process.kill(guarded.gateway.pid, 'SIGHUP')
      // The gateway's own, which logs who reads, and theirs.
      await until('three reloads', () =>
        guarded.gateway.stderr().split('"configuration_reloaded"').length === 4 ? true : undefined,
      )
      // By a hash of the addresses, either may have it.
      for (let i = 0; i < 12; i++)
        expect((await guarded.run('echo EMP-123456')).stdout).toBe('**********\n')
      expect([...workersOf(guarded.gateway.pid)]).toEqual([...before])
    },
    60_000,
  )
})

const isOver = (logged: readonly { readonly type: string }[]): boolean =>
  logged.filter(({ type }) => type === 'session.started').length ===
  logged.filter(({ type }) => type === 'session.ended').length

/** Of each entry of the log whose document has one, its rules' hash. */
async function documentsOf(
  data: string,
): Promise<readonly { readonly type: string; readonly rules_hash: string }[]> {
  const reader = openReader(data)
  try {
    const { size } = await reader.log()
    const found: { type: string; rules_hash: string }[] = []
    for (const entry of await reader.logEntries(0, size)) {
      const { digest = '' } = decodeLogEntry(entry) ?? {}
      const document = await reader.document(digest)
      const { type, rules_hash } = openDocument(document?.bytes ?? new Uint8Array()) ?? {}
      if (typeof rules_hash === 'string') found.push({ type: String(type), rules_hash })
    }
    return found
  } finally {
    reader.close()
  }
}

/** A session whose target says what it is told to, as long as it is open. */
interface Open {
  print(text: string): void
  /** The next line that came. */
  line(): Promise<string>
  says(text: string): Promise<string>
  end(): Promise<number>
}

function openLines(guarded: Guarded): Open {
  const child = Bun.spawn([...guarded.ssh(), 'cat'], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const reader = child.stdout.getReader()
  const decoder = new TextDecoder()
  let text = ''
  const line = async (): Promise<string> => {
    for (;;) {
      const end = text.indexOf('\n')
      if (end >= 0) {
        const found = text.slice(0, end)
        text = text.slice(end + 1)
        return found
      }
      const { value, done } = await reader.read()
      if (done) throw new Error(`the session ended: ${await child.stderr.text()}`)
      text += decoder.decode(value, { stream: true })
    }
  }
  const print = (more: string): void => {
    void child.stdin.write(more)
    void child.stdin.flush()
  }
  return {
    print,
    line,
    says: (more) => {
      print(`${more}\n`)
      return line()
    },
    end: async () => {
      await child.stdin.end()
      return child.exited
    },
  }
}
