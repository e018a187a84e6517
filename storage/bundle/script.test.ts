/** `commands.sh` under the real bash: it runs what was run, and nothing that somebody wrote into a command or a name. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '../evidence/bytes.ts'
import { command_stream, commitSpan, spanNonce } from '../evidence/commitment.ts'
import { auditedEvidence } from '../verify/audited-fixture.ts'
import { EvidenceWriter } from '../verify/fixture.ts'
import { readArchive } from './archive.ts'
import { bundleOf } from './fixture.ts'

setDefaultTimeout(60_000)

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const folder = mkdtempSync(join(tmpdir(), 'sluice-script-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Everything that a shell does something with, and what hides it. */
const hostile: readonly string[] = [
  `'; touch pwned; '`,
  `$(touch pwned)`,
  '`touch pwned`',
  `\ntouch pwned\n`,
  `\r\ntouch pwned\r`,
  `"; touch pwned; "`,
  `\\'; touch pwned; #`,
  `'$(touch pwned)'\\''`,
  `$'\\x27; touch pwned'`,
  `\u001b]0;title\u0007\u001b[2J`,
  `\u2028touch pwned\u2029`,
  `\u202etouch pwned`,
  `é ü 漢 \u0080`,
  `-rf / --help`,
  `!touch`,
  `{touch,pwned}; ~; *; ?`,
  `EOF\ntouch pwned\nEOF`,
]

interface Hostile {
  readonly script: string
  readonly texts: string
}

/** A session in which everything that has a text has a hostile one. */
async function hostileScript(commands: readonly Uint8Array[]): Promise<Hostile> {
  const writer = new EvidenceWriter({ seed: 'hostile' })
  await writer.knowAuditor()
  writer.begin()
  const session = await writer.session()
  let channel = 1
  for (const [index, command] of commands.entries()) {
    const bad = hostile[index % hostile.length] ?? ''
    const env = {
      LANG: bad,
      [`LC_${bad}`]: 'x',
      LD_PRELOAD: bad,
      BASH_ENV: bad,
      [bad]: bad,
      TZ: 'UTC',
    }
    session.record({ kind: 'channel', channel, request: 'exec', env })
    session.record({ kind: 'command', channel, confidence: 'exact', spans: [] }, command)
    const approvals = [{ group: bad, quorum: 2 }]
    const held = { request: bad, digest: '0'.repeat(64), rule: bad, approvals, expires_us: 1 }
    session.record({ kind: 'hold', channel, ...held })
    const by = [{ subject: bad, issuer: bad }]
    session.record({
      kind: 'approval',
      channel,
      request: bad,
      outcome: 'approved',
      by,
      comment: bad,
    })
    session.record({
      kind: 'verdict',
      channel,
      allowed: true,
      rule: bad,
      asked: bad,
      findings: [bad],
    })
    session.record(
      { kind: 'input_text', channel, offset: 0, length: bad.length, spans: [] },
      utf8(bad),
    )
    session.record({ kind: 'failed', channel, code: bad, message: bad })
    session.record({ kind: 'change', channel, tool: bad, operation: bad, path: bad, to: bad })
    session.record({ kind: 'exit', channel, code: 0 })
    session.record({ kind: 'channel_end', channel })
    channel++
  }
  session.end('client')
  writer.sign()
  return scriptsOf(await bundleOf(writer, session))
}

function scriptsOf(bundle: Uint8Array): Hostile {
  const archive = readArchive(bundle)
  if (!archive.ok) throw new Error(archive.reason)
  const text = (name: string): string => new TextDecoder().decode(archive.files.get(name))
  return { script: text('commands.sh'), texts: text('commands.json') }
}

/** Runs the script with a `bash` in its path that only notes what it is told, and its environment. */
function run(script: string, env: Readonly<Record<string, string>> = {}) {
  const dir = mkdtempSync(join(folder, 'run-'))
  const [bin, home, log] = [join(dir, 'bin'), join(dir, 'home'), join(dir, 'log')]
  for (const each of [bin, home]) mkdirSync(each)
  const noting = `#!/bin/sh
{ printf '%s\\0' "$#" "$1" "$2" "$LANG" "$TZ" "$LD_PRELOAD$BASH_ENV"; } >> ${log}
`
  writeFileSync(join(bin, 'bash'), noting, { mode: 0o755 })
  const file = join(dir, 'commands.sh')
  writeFileSync(file, script)
  const ran = Bun.spawnSync(['/bin/bash', file], {
    cwd: home,
    env: { PATH: `${bin}:/usr/bin:/bin`, HOME: home, ...env },
  })
  const parts = existsSync(log) ? readFileSync(log).toString('latin1').split('\0').slice(0, -1) : []
  const calls = Array.from({ length: parts.length / 6 }, (_, at) => parts.slice(at * 6, at * 6 + 6))
  return { code: ran.exitCode, err: ran.stderr.toString(), calls, left: readdirSync(home) }
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

describe('commands.sh', () => {
  test('gives each command to a shell as it was, whatever is in it, and runs nothing else', async () => {
    const commands = [
      ...hostile.map(utf8),
      Uint8Array.of(0xff, 0x27, 0xfe, 0x0a, 0x80),
      utf8('id -u'),
    ]
    const { script } = await hostileScript(commands)
    const { code, err, calls, left } = run(script)
    expect(code, err).toBe(0)
    expect(left).toEqual([])
    expect(calls.map(([count, option, command]) => [count, option, command])).toEqual(
      commands.map((command) => ['2', '-c', Buffer.from(command).toString('latin1')]),
    )
    for (const [index, [, , , lang, tz, dangerous]] of calls.entries()) {
      expect(lang).toBe(latin1(hostile[index % hostile.length] ?? ''))
      expect([tz, dangerous]).toEqual(['UTC', ''])
    }
  })

  test('is text in which nothing acts on a terminal, each comment one line', async () => {
    const { script, texts } = await hostileScript(hostile.map(utf8))
    for (const text of [script, texts]) expect(text).toMatch(/^[\n\P{C}]*$/u)
    const lines = script.split('\n')
    expect(lines.filter((line) => !/^(?:#|$|cd -- |env -- )/.test(line))).toEqual([])
    expect(JSON.parse(texts)).toBeArray()
  })

  test('one with a NUL, one that was denied and one that policy said nothing of are comments', async () => {
    const nul = await hostileScript([utf8('a\0b')])
    expect(run(nul.script).calls).toEqual([])
    expect(nul.script).toContain('not repeated, record 2: it has a NUL')
    const writer = new EvidenceWriter({ seed: 'denied' })
    await writer.knowAuditor()
    writer.begin()
    const session = await writer.session()
    const command = { kind: 'command', confidence: 'exact', spans: [] } as const
    session.record({ kind: 'channel', channel: 1, request: 'exec', env: {} })
    session.record({ ...command, channel: 1 }, utf8('reboot'))
    session.record({ kind: 'verdict', channel: 1, allowed: false, rule: 'critical', asked: 'exec' })
    session.record({ kind: 'channel', channel: 2, request: 'exec', env: {} })
    session.record({ ...command, channel: 2 }, utf8('halt'))
    session.record({ kind: 'channel', channel: 3, request: 'subsystem', env: {} })
    session.record({ ...command, channel: 3 }, utf8('sftp'))
    session.record({ kind: 'verdict', channel: 3, allowed: true, rule: 'static', asked: 'sftp' })
    session.end()
    writer.sign()
    const { script } = scriptsOf(await bundleOf(writer, session))
    expect(run(script).calls).toEqual([])
    expect(script).toContain('denied by critical: exec')
    expect(script).toContain('# not repeated, record 2: reboot')
    expect(script).toContain('# not decided, record 5: halt')
    expect(script).toContain('# not repeated, record 7: sftp')
  })

  test('who approved a command stands before it, and one that was not approved is not repeated', async () => {
    const writer = new EvidenceWriter({ seed: 'approved' })
    await writer.knowAuditor()
    writer.begin()
    const session = await writer.session()
    for (const [channel, outcome] of [
      [1, 'approved'],
      [2, 'denied'],
    ] as const) {
      session.record({ kind: 'channel', channel, request: 'exec', env: {} })
      session.record(
        { kind: 'command', channel, confidence: 'exact', spans: [] },
        utf8(`c${channel}`),
      )
      const approvals = [{ group: 'leads', quorum: 1 }]
      const held = { request: 'r', digest: '0'.repeat(64), rule: 'high', approvals, expires_us: 1 }
      session.record({ kind: 'hold', channel, ...held })
      const by = [{ subject: 'eve', issuer: 'corp' }]
      session.record({ kind: 'approval', channel, request: 'r', outcome, by, comment: 'as agreed' })
      const allowed = outcome === 'approved'
      session.record({
        kind: 'verdict',
        channel,
        allowed,
        rule: 'high',
        asked: 'exec',
        risk: 'high',
      })
    }
    session.end()
    writer.sign()
    const { script } = scriptsOf(await bundleOf(writer, session))
    expect(script).toMatch(
      /approval: approved: eve of corp: as agreed\n.*allowed by high: exec \(high\)\nenv -- bash -c 'c1'\n/,
    )
    expect(script).toContain('hold: waits by high as request r for 1 of leads')
    expect(run(script).calls.map(([, , command]) => command)).toEqual(['c1'])
  })

  test('what was masked has to be given, and is put back where it was', async () => {
    const { writer, session } = await auditedEvidence()
    const { script } = scriptsOf(await bundleOf(writer, session))
    const without = run(script)
    expect(without.code).not.toBe(0)
    expect(without.err).toContain('SLUICE_MASKED_1: record')
    expect(without.err).toContain('6 bytes, rule password')
    expect(without.calls).toEqual([])
    const given = run(script, { SLUICE_MASKED_1: `s3'$(x)"` })
    expect(given.calls.map(([, , command]) => command)).toEqual([`deploy -p s3'$(x)" now`, 'id -u'])
  })

  test('a rule whose name is a program stays a name', async () => {
    const writer = new EvidenceWriter({ seed: 'rule' })
    await writer.knowAuditor()
    writer.begin()
    const session = await writer.session()
    session.record({ kind: 'channel', channel: 1, request: 'exec', env: {} })
    const nonce = spanNonce(session.secrets.salt, session.id, 1, command_stream, 0)
    const commitment = toHex(commitSpan(nonce, utf8('abc')))
    const rule = '}"; touch pwned; "$(touch pwned)`touch pwned`'
    const spans = [{ at: 0, n: 3, offset: 0, length: 3, rule, commitment }]
    session.record({ kind: 'command', channel: 1, confidence: 'exact', spans }, utf8('***'))
    session.record({ kind: 'verdict', channel: 1, allowed: true, rule: 'x', asked: 'exec' })
    session.end()
    writer.sign()
    const { script } = scriptsOf(await bundleOf(writer, session))
    expect(run(script).left).toEqual([])
    const { calls, left } = run(script, { SLUICE_MASKED_1: 'abc' })
    expect([calls[0]?.[2], left]).toEqual(['abc', []])
  })
})
