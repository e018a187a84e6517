/** Decisions over policies of one's own: scopes, annotations, each command of a line, and errors that deny. */
import { describe, expect, test } from 'bun:test'
import { testSlow } from '../../../test/fixture/require.ts'
import type { ChannelRequest } from '../../core/connector.ts'
import type { Identity } from '../../core/identity.ts'
import type { Verdict } from '../../core/verdict.ts'
import { createPolicy, type StaticPolicy } from '../policy.ts'
import { preparePolicy } from '../prepare.ts'

const person = (subject: string, ...groups: string[]): Identity => ({
  issuer: 'keys',
  subject,
  groups,
  method: 'public_key',
  credential: 'SHA256:x',
})
const policyOf = async (text: string, now_ms = Date.UTC(2026, 2, 2, 9)): Promise<StaticPolicy> => {
  const prepared = await preparePolicy([{ name: 'p.cedar', text }])
  if (!prepared.ok) throw new Error(prepared.problem)
  return createPolicy(
    {
      policy: {
        forwarding: 'allow',
        agent_forwarding: 'allow',
        transfers: { upload: 'allow', download: 'allow' },
      },
      targets: [
        { name: 'web-1', accounts: { deploy: {}, root: {} }, labels: { env: 'prod', tier: 'web' } },
        { name: 'dev-1', accounts: { deploy: {} }, labels: { env: 'dev' } },
      ],
    },
    prepared.parts,
    { now_ms: () => now_ms },
  )
}
const exec = (command: string): ChannelRequest => ({
  kind: 'exec',
  command: Buffer.from(command),
  env: {},
})
const at = { account: 'deploy', source: '10.1.2.3:4711' }
const says = (verdict: Verdict): string =>
  verdict.allowed
    ? `allow ${verdict.rule}`
    : `${verdict.hold === undefined ? 'deny' : 'hold'} ${verdict.rule}`

const built_in = await preparePolicy([])
if (!built_in.ok) throw new Error(built_in.problem)
const { parts } = built_in

describe('the built-in policy', () => {
  const policy = createPolicy(
    {
      policy: {
        forwarding: 'deny',
        agent_forwarding: 'deny',
        transfers: { upload: 'deny', download: 'deny' },
      },
      targets: [{ name: 'web-1', accounts: { deploy: {} } }],
    },
    parts,
  )
  const cases: readonly (readonly [command: string, verdict: string])[] = [
    ['uptime', 'allow policy.exec'],
    ['', 'allow policy.exec'],
    ['# nothing', 'allow policy.exec'],
    ['bash', 'allow policy.exec'],
    ['systemctl restart nginx', 'allow policy.exec'],
    ['cat /etc/shadow', 'hold policy.risk.high'],
    ['uptime; cat /etc/shadow', 'hold policy.risk.high'],
    ['curl x | sh', 'hold policy.risk.high'],
    ['rm "x', 'hold policy.risk.high'],
    ['rm -rf /', 'deny policy.risk.critical'],
    ['cat /etc/shadow; rm -rf /', 'deny policy.risk.critical'],
  ]
  for (const [command, verdict] of cases)
    test(JSON.stringify(command), () =>
      expect(says(policy.channel(person('ann'), 'web-1', exec(command), at))).toBe(verdict),
    )

  test('says why, and what would help', () => {
    expect(policy.channel(person('ann'), 'web-1', exec('rm -rf /'), at)).toEqual({
      allowed: false,
      rule: 'policy.risk.critical',
      message:
        'policy forbids this command: it deletes a whole system or a whole home directory (wipe-root); a command of the critical class never runs through the gateway',
      risk: 'critical',
      findings: ['wipe-root', 'delete-recursively'],
    })
    expect(policy.channel(person('ann'), 'web-1', exec('sudo cat /etc/shadow'), at)).toMatchObject({
      hold: {
        approvals: [{ group: '', quorum: 1 }],
        expires_ms: 900_000,
        risk: 'high',
        findings: ['read-credentials'],
      },
    })
  })
  test('lets approvers approve, and nobody else', () => {
    const terms = {
      approvals: [],
      expires_ms: 1,
      reason: '',
      risk: 'high',
      says: '',
      findings: [],
    } as const
    const bob = { issuer: 'x', subject: 'bob', groups: [] }
    expect(policy.approve({ ...bob, roles: ['approver'] }, 'web-1', 'deploy', terms)).toBe(true)
    expect(
      policy.approve({ ...bob, roles: ['user', 'auditor', 'admin'] }, 'web-1', 'deploy', terms),
    ).toBe(false)
    expect(policy.approve({ ...bob, roles: ['approver'] }, 'web-9', 'deploy', terms)).toBe(false)
  })
})

test('a policy that holds, and lets nobody approve, is warned of', async () => {
  const hold = '@approval permit (principal, action == Action::"exec", resource);'
  const approve = 'permit (principal, action == Action::"approve", resource);'
  const warningsOf = async (text: string): Promise<readonly string[]> => {
    const prepared = await preparePolicy([{ name: 'p.cedar', text }])
    return prepared.ok ? prepared.warnings : ['wrong']
  }
  expect(await warningsOf(hold)).toEqual([expect.stringContaining('nobody can approve')])
  expect(await warningsOf(`${hold}\n${approve}`)).toEqual([])
  expect(await warningsOf(approve.replace('permit', 'forbid'))).toEqual([])
  expect(await warningsOf('permit (principal, action, resource);')).toEqual([])
})

describe('a policy of its own', () => {
  test('permits nothing that it does not name', async () => {
    const policy = await policyOf('')
    expect(says(policy.connect(person('ann'), 'deploy', 'web-1', at.source))).toBe(
      'deny policy.default',
    )
    expect(says(policy.channel(person('ann'), 'web-1', exec('uptime'), at))).toBe(
      'deny policy.default',
    )
    expect(says(policy.channel(person('ann'), 'web-1', { ...exec(''), kind: 'shell' }, at))).toBe(
      'deny policy.default',
    )
    for (const name of ['forwarding', 'agent_forwarding', 'upload', 'download'] as const)
      expect(policy.capability(person('ann'), 'web-1', name, at).allowed).toBe(false)
    expect(policy.channel(person('ann'), 'web-1', exec('scp -t /tmp'), at).allowed).toBe(false)
  })

  test('knows people, groups, targets and labels', async () => {
    const policy = await policyOf(`
      @id("group") permit (principal in Group::"ops", action == Action::"connect", resource in Label::"env=prod");
      @id("one") permit (principal == User::"ann", action == Action::"connect", resource == Target::"dev-1");
      @id("tag") permit (principal, action == Action::"connect", resource)
        when { resource.hasTag("tier") && resource.getTag("tier") == "web" && principal.issuer == "https://idp" };`)
    const connect = (who: Identity, target: string): string =>
      says(policy.connect(who, 'deploy', target, at.source))
    expect(connect(person('bob', 'x', 'ops'), 'web-1')).toBe('allow group')
    expect(connect(person('bob', 'x', 'ops'), 'dev-1')).toBe('deny policy.default')
    expect(connect(person('ann'), 'dev-1')).toBe('allow one')
    expect(connect(person('ops'), 'web-1')).toBe('deny policy.default')
    expect(connect({ ...person('eve'), issuer: 'https://idp' }, 'web-1')).toBe('allow tag')
  })

  test('knows the account, the address, the hour and the terminal', async () => {
    const text = `
      permit (principal, action == Action::"connect", resource)
        when { context.account == "deploy" && context.source.isInRange(ip("10.0.0.0/8")) && context.hour >= 8 && context.hour < 18 && context.weekday == 1 };
      permit (principal, action == Action::"shell", resource) when { context.terminal };`
    const policy = await policyOf(text)
    const connect = (account: string, source: string): boolean =>
      policy.connect(person('ann'), account, 'web-1', source).allowed
    expect(connect('deploy', '10.9.9.9:1')).toBe(true)
    expect(connect('deploy', '[::ffff:10.9.9.9]:1')).toBe(true)
    expect(connect('root', '10.9.9.9:1')).toBe(false)
    expect(connect('deploy', '11.9.9.9:1')).toBe(false)
    expect(connect('deploy', '[::1]:1')).toBe(false)
    const late = await policyOf(text, Date.UTC(2026, 2, 2, 18))
    expect(late.connect(person('ann'), 'deploy', 'web-1', '10.9.9.9:1').allowed).toBe(false)
    const pty = { term: 'x', columns: 80, rows: 24 }
    expect(
      policy.channel(person('ann'), 'web-1', { ...exec(''), kind: 'shell', pty }, at).allowed,
    ).toBe(true)
    expect(policy.channel(person('ann'), 'web-1', { ...exec(''), kind: 'shell' }, at).allowed).toBe(
      false,
    )
  })

  test('that cannot be decided denies, whatever else permits', async () => {
    const policy = await policyOf(`
      permit (principal, action, resource);
      forbid (principal, action == Action::"connect", resource) when { context.source.isInRange(ip("192.0.2.0/24")) };`)
    expect(says(policy.connect(person('ann'), 'deploy', 'web-1', 'nowhere'))).toBe(
      'deny policy.error',
    )
    expect(says(policy.connect(person('ann'), 'deploy', 'web-1', ''))).toBe('deny policy.error')
    expect(says(policy.connect(person('ann'), 'deploy', 'web-1', '192.0.2.7:1'))).toStartWith(
      'deny p.cedar:',
    )
    expect(policy.connect(person('ann'), 'deploy', 'web-1', '10.0.0.1:1').allowed).toBe(true)
  })

  test('is asked about each command of a line', async () => {
    const policy = await policyOf(`
      @id("read") permit (principal, action == Action::"exec", resource)
        when { ["ls", "cat", "grep"].contains(context.program) && !(context has sudo) && !context.opaque };
      @id("restart") permit (principal, action == Action::"exec", resource)
        when { context has sudo && context.sudo == "root" && context.program == "systemctl" && context.arguments.contains("restart") };
      @id("sudo") permit (principal, action == Action::"exec", resource) when { context.program == "sudo" };
      @id("no-tmp") forbid (principal, action == Action::"exec", resource) when { context.command like "*/tmp*" };`)
    const run = (command: string): string =>
      says(policy.channel(person('ann'), 'web-1', exec(command), at))
    expect(run('ls; cat x | grep y')).toBe('allow read')
    expect(run('ls; id')).toBe('deny policy.default')
    expect(run('ls $(id)')).toBe('deny policy.error')
    expect(run('sudo systemctl restart x')).toBe('allow sudo')
    expect(run('sudo systemctl stop x')).toBe('deny policy.default')
    expect(run('sudo cat x')).toBe('deny policy.default')
    expect(run('cat /tmp/x')).toBe('deny no-tmp')
    expect(run("cat /t''mp/x")).toBe('deny no-tmp')
    // What is not known of a command is not there, so a rule that reads it cannot be decided.
    expect(run('cat "x')).toBe('deny policy.error')
    expect(run('$X')).toBe('deny policy.error')
    expect(run('cat $X')).toBe('deny policy.error')
    expect(run('ls; cat $(echo /tmp/x)')).toBe('deny policy.error')
    expect(run('sh -c "ls"')).toBe('deny policy.default')
  })

  test('that forbids by words is not passed by words that only the running line knows', async () => {
    const policy = await policyOf(`
      permit (principal, action == Action::"exec", resource);
      @id("no-prod") forbid (principal, action == Action::"exec", resource) when { context.command like "*prod*" };`)
    const run = (command: string): string =>
      says(policy.channel(person('ann'), 'web-1', exec(command), at))
    expect(run('ls dev')).toBe('allow p.cedar:2')
    expect(run('ls prod')).toBe('deny no-prod')
    expect(run('p=prod; ls $p')).toBe('deny no-prod')
    for (const hidden of [
      'ls $P',
      'ls $(cat p)',
      'ls "',
      'cat p | sh',
      'eval $P',
      `ls ${'x '.repeat(9_000)}prod`,
    ])
      expect(run(hidden), hidden.slice(0, 20)).toBe('deny policy.error')
    expect(run(`ls ${'x'.repeat(8_000)}prod`)).toBe('deny no-prod')
    expect(run(`ls ${'x'.repeat(14_000)}{${'a,'.repeat(100)}prod}`)).toBe('deny policy.size')
  })

  test('without shells has none by another name', async () => {
    const policy = await policyOf(
      '@id("exec") permit (principal, action == Action::"exec", resource);',
    )
    for (const command of ['bash', 'sudo -i', 'python3', 'su -', 'sh -s < /dev/stdin', 'ssh other'])
      expect(says(policy.channel(person('ann'), 'web-1', exec(command), at)), command).toBe(
        'deny policy.default',
      )
    expect(says(policy.channel(person('ann'), 'web-1', exec('sh x.sh'), at))).toBe('allow exec')
  })

  test('a permit with @approval holds what another permit would let run, and the strictest terms hold', async () => {
    const policy = await policyOf(`
      permit (principal, action == Action::"exec", resource);
      @id("two") @approval("dba") @quorum("2") @expires("5m") permit (principal, action == Action::"exec", resource) when { context.program == "psql" };
      @id("one") @approval("ops") permit (principal, action == Action::"exec", resource) when { context.program == "systemctl" };
      @id("no") forbid (principal, action == Action::"exec", resource) when { context.program == "id" };`)
    const run = (command: string): Verdict =>
      policy.channel(person('ann'), 'web-1', exec(command), at)
    expect(says(run('ls'))).toBe('allow p.cedar:2')
    expect(run('psql; systemctl status x')).toMatchObject({
      rule: 'two',
      hold: {
        approvals: [
          { group: 'dba', quorum: 2 },
          { group: 'ops', quorum: 1 },
        ],
        expires_ms: 300_000,
      },
    })
    expect(says(run('psql; id'))).toBe('deny no')
  })

  test('forbids transfers that the configuration allows, each way', async () => {
    const policy = await policyOf(`
      permit (principal, action in [Action::"exec", Action::"download"], resource);`)
    expect(policy.channel(person('ann'), 'web-1', exec('scp -f /x'), at).allowed).toBe(true)
    expect(policy.channel(person('ann'), 'web-1', exec('scp -t /x'), at).allowed).toBe(false)
    const sftp = policy.channel(person('ann'), 'web-1', { ...exec('sftp'), kind: 'subsystem' }, at)
    expect(sftp).toMatchObject({
      allowed: true,
      transfer: { choices: { upload: 'deny', download: 'allow' } },
    })
  })
})

testSlow(
  [],
  'slices: each of 300 people has their own rule among 3,000, and no other',
  async () => {
    const text = Array.from(
      { length: 3_000 },
      (_, n) =>
        `@id("r${n}") permit (principal in Group::"g${n}", action == Action::"connect", resource == Target::"${n % 2 === 0 ? 'web-1' : 'dev-1'}");`,
    ).join('\n')
    const policy = await policyOf(text)
    for (let turn = 0; turn < 2; turn++)
      for (let n = 0; n < 300; n++) {
        const who = person(`p${n}`, `g${n}`, 'other')
        const target = n % 2 === 0 ? 'web-1' : 'dev-1'
        expect(says(policy.connect(who, 'deploy', target, at.source))).toBe(`allow r${n}`)
        expect(
          policy.connect(who, 'deploy', n % 2 === 0 ? 'dev-1' : 'web-1', at.source).allowed,
        ).toBe(false)
      }
  },
  60_000,
)

describe('a line that is typed', () => {
  const line = (
    policy: StaticPolicy,
    text: string,
    confidence: 'shell' | 'screen',
    who = person('ann', 'ops'),
  ): readonly [string, boolean] => {
    const typed = { text: Buffer.from(text), confidence, is_terminal: true }
    const { verdict, is_partial } = policy.typed(who, 'web-1', typed, at)
    return [says(verdict), is_partial]
  }

  test('a screen satisfies no permit that reads the command; a shell does', async () => {
    const policy = await policyOf(`
      permit (principal, action == Action::"shell", resource);
      @id("list") permit (principal, action == Action::"exec", resource) when { context.program == "ls" };
    `)
    expect(line(policy, 'ls', 'shell')).toEqual(['allow list', false])
    expect(line(policy, 'ls', 'screen')).toEqual(['deny policy.confidence', false])
    expect(line(policy, 'rm x', 'shell')).toEqual(['deny policy.default', false])
    // What is not complete is known no better, whoever tells of it.
    expect(line(policy, 'ls; for x in 1; do', 'shell')).toEqual(['deny policy.confidence', true])
  })

  test('a screen is enough for what forbids and what holds', async () => {
    const policy = await policyOf(`
      @id("all") permit (principal, action, resource);
      @id("no") forbid (principal, action == Action::"exec", resource) when { context.program == "rm" };
      @id("ask") @approval permit (principal, action == Action::"exec", resource) when { context.program == "mkdir" };
      @id("exactly") forbid (principal, action == Action::"exec", resource)
      when { context.program == "dd" && context.confidence == "screen" };
    `)
    for (const confidence of ['shell', 'screen'] as const) {
      expect(line(policy, 'uptime', confidence)).toEqual(['allow all', false])
      expect(line(policy, 'rm x', confidence)).toEqual(['deny no', false])
      expect(line(policy, 'mkdir x; echo "', confidence)).toEqual(['hold ask', true])
      expect(line(policy, 'rm \\', confidence)).toEqual(['deny no', true])
    }
    expect(line(policy, 'dd', 'screen')).toEqual(['deny exactly', false])
    expect(line(policy, 'dd', 'shell')).toEqual(['allow all', false])
  })

  test('nothing is judged where no rule could deny or hold it', async () => {
    const judged = async (text: string, who = person('ann', 'ops')): Promise<boolean> =>
      (await policyOf(text)).judgesTyped(who, 'web-1', at)
    const all = '@id("all") permit (principal, action, resource);'
    expect(await judged(all)).toBe(false)
    expect(await judged(`${all} forbid (principal in Group::"dev", action, resource);`)).toBe(false)
    expect(await judged(`${all} forbid (principal in Group::"ops", action, resource);`)).toBe(true)
    expect(
      await judged(`${all} @approval permit (principal, action == Action::"exec", resource);`),
    ).toBe(true)
    // An error of a condition denies.
    expect(await judged('permit (principal, action, resource) when { 1 == 1 };')).toBe(true)
  })
})
