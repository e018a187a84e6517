/** `sluice policy` as a process. */
import { afterAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadPolicyCases } from '../config/policy-cases.ts'
import { builtin_text } from '../policy/cedar/builtin.ts'
import { createWorkplace } from './workplace.ts'

const { folder, sluice, remove } = createWorkplace()
afterAll(remove)
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)

test('explain prints the built-in policy, which a file may hold as it is', async () => {
  const { code, out } = await sluice(['policy', 'explain', '--builtin'])
  expect([code, out]).toEqual([0, builtin_text])
  write('copy.cedar', out)
  write(
    'copy.yaml',
    'policies: [copy.cedar]\ncases: [{ subject: ann, target: t, command: rm -rf /, expect: deny, rule: policy.risk.critical }]',
  )
  expect((await sluice(['policy', 'test', 'copy.yaml'])).out).toBe('1 case, 0 failures\n')
}, 30_000)

test('explain says what a command is found to do, and which policy decides', async () => {
  const who = ['--subject', 'ann', '--target', 'web-1']
  const held = await sluice(['policy', 'explain', ...who, "uptime; sudo cat /etc/sha''dow"])
  expect(held).toMatchObject({
    code: 1,
    out: [
      'hold by policy.risk.high',
      '  this command waits for an approval by any approver: it reads or copies a file of passwords, keys or tokens (read-credentials); somebody else looks at a command of the high class first',
      'risk high',
      '  uptime: low',
      '  sudo cat /etc/shadow: low',
      '  cat /etc/shadow: high (read-credentials)',
      '',
    ].join('\n'),
  })
  expect((await sluice(['policy', 'explain', ...who, 'uptime'])).code).toBe(0)
  // Words of a command as ssh takes them.
  const words = await sluice(['policy', 'explain', ...who, '--', 'rm', '-rf', '/'])
  expect(words.out).toContain('rm -rf /: critical (wipe-root, ')
  const unquoted = await sluice(['policy', 'explain', ...who, 'rm', '-rf', '/'])
  expect(unquoted).toMatchObject({ code: 2 })
  expect(unquoted.err).toContain('put the command in quotes, or behind --')
  const { out } = await sluice(['policy', 'explain', ...who, '--json', 'rm -rf /'])
  expect(JSON.parse(out)).toMatchObject({
    decision: 'deny',
    rule: 'policy.risk.critical',
    risk: 'critical',
  })
}, 60_000)

test('test runs cases, and says where one fails', async () => {
  write(
    'p.cedar',
    '@id("ops") permit (principal in Group::"ops", action, resource in Label::"env=prod") when { principal.issuer == "https://idp" };',
  )
  write(
    'cases.yaml',
    `policies: ['*.cedar']
cases:
  - { subject: ann, issuer: 'https://idp', groups: [ops], target: t, labels: { env: prod }, command: uptime, expect: allow, rule: ops }
  - { subject: ann, groups: [ops], target: t, labels: { env: prod }, action: connect, expect: deny }
  - { name: wrong, subject: ann, target: t, command: uptime, expect: allow }
`,
  )
  write('copy.cedar', '')
  expect(await sluice(['policy', 'test', 'cases.yaml'])).toMatchObject({
    code: 1,
    out: 'cases.yaml:5:5 cases[2]: wrong: expected allow, and it is deny by policy.default\n3 cases, 1 failure\n',
  })
}, 30_000)

test('statements are judged by the whole of their tree', async () => {
  const who = ['--subject', 'ann', '--target', 'orders', '--action', 'query']
  const held = await sluice(['policy', 'explain', ...who, 'EXPLAIN ANALYZE DELETE FROM a.t'])
  expect(held).toMatchObject({
    code: 1,
    out: [
      'hold by policy.query.high',
      '  this statement waits for an approval by any approver: it changes or deletes every row of a table (all-rows); somebody else looks at a statement of the high class first',
      'risk high',
      '  EXPLAIN ANALYZE DELETE FROM a.t: high (all-rows)',
      '    known: exact',
      '    kinds: explain, delete',
      '    objects: a.t',
      '',
    ].join('\n'),
  })
  expect((await sluice(['policy', 'explain', ...who, 'SELECT 1'])).code).toBe(0)
  write(
    'q.cedar',
    `@id("reading") permit (principal, action == Action::"query", resource) when { ["select"].containsAll(context.kinds) && context.database == "shop" };
@id("people") forbid (principal, action == Action::"query", resource) when { context.objects.contains("public.people") };`,
  )
  const cases = [
    ['SELECT * FROM orders', 'allow, rule: reading'],
    ['SELECT * FROM public.people', 'deny, rule: people'],
    // Where names are looked up is not known here, and then it may be that table.
    ['SELECT * FROM people', 'deny, rule: people'],
    ['SELECT * FROM people', 'allow, search_path: [sales]'],
    ['SELECT * FROM people', 'deny, search_path: [sales, public]'],
    ['WITH people AS (SELECT 1) SELECT * FROM people', 'allow'],
    ['WITH people AS (SELECT * FROM people) SELECT 1', 'deny, rule: people'],
    ['SELECT 1; DELETE FROM orders', 'deny, rule: policy.default'],
    ['SELECT (', 'deny, rule: policy.sql.unparsed'],
  ]
  const lines = cases.map(
    ([sql, expect_]) =>
      `  - { subject: ann, target: orders, database: shop, statement: ${JSON.stringify(sql)}, expect: ${expect_} }`,
  )
  write('q.yaml', `policies: [q.cedar]\ncases:\n${lines.join('\n')}\n`)
  expect((await sluice(['policy', 'test', 'q.yaml'])).out).toBe('9 cases, 0 failures\n')
}, 60_000)

test('cases say who reads evidence, and who changes the gateway', async () => {
  write(
    'd.cedar',
    `@id("reviewers") permit (principal in Group::"reviewers", action == Action::"read_evidence", resource in Label::"env=test")
when { context.part != "records" };
@id("not-of-the-chief") forbid (principal, action == Action::"read_evidence", resource) when { context.subject == "ceo" };
@id("own") permit (principal, action == Action::"read_evidence", resource) when { context.own };
@id("reload-only") permit (principal == User::"ops", action == Action::"configure", resource == Gateway::"edge-1") when { context.change == "reload" };`,
  )
  const eve = 'subject: eve, groups: [reviewers], target: web-1, action: read_evidence'
  const ops = 'subject: ops, action: configure'
  const cases = [
    `${eve}, roles: [auditor], labels: { env: test }, of: { subject: max }, expect: allow, rule: reviewers`,
    `${eve}, roles: [auditor], labels: { env: test }, of: { subject: max }, part: records, expect: deny, rule: policy.default`,
    `${eve}, roles: [auditor], labels: { env: prod }, of: { subject: max }, expect: deny`,
    `${eve}, roles: [auditor], labels: { env: test }, of: { subject: ceo }, expect: deny, rule: not-of-the-chief`,
    // Roles come first, whatever policy says.
    `${eve}, roles: [user], labels: { env: test }, of: { subject: max }, expect: deny, rule: api.role`,
    `${eve}, roles: [user], part: lines, expect: allow, rule: own`,
    `${eve}, roles: [], expect: deny, rule: api.role`,
    // The same name by another's word is somebody else.
    `${eve}, issuer: 'https://idp', roles: [user], of: { subject: eve, issuer: keys }, expect: deny, rule: api.role`,
    `${ops}, roles: [admin], gateway: edge-1, change: reload, expect: allow, rule: reload-only`,
    `${ops}, roles: [admin], gateway: edge-2, change: reload, expect: deny`,
    `${ops}, roles: [auditor], gateway: edge-1, change: reload, expect: deny, rule: api.role`,
    `${ops}, roles: [admin], gateway: edge-1, change: revoke, expect: deny, rule: policy.default`,
    `${ops}, roles: [auditor], gateway: edge-1, change: hold, expect: deny, rule: policy.default`,
  ]
  const file = (lines: readonly string[]): string =>
    `policies: [d.cedar]\ncases:\n${lines.map((line) => `  - { ${line} }`).join('\n')}\n`
  write('d.yaml', file(cases))
  expect((await sluice(['policy', 'test', 'd.yaml'])).out).toBe('13 cases, 0 failures\n')
  write('d.yaml', file(cases.map((line) => line.replace('expect: allow', 'expect: deny'))))
  expect((await sluice(['policy', 'test', 'd.yaml'])).out).toEndWith('13 cases, 3 failures\n')
  const wrong = [
    [`${ops}, roles: [admin], change: reload, expect: allow`, 'cases[0].gateway: is missing'],
    [`${eve}, expect: allow`, 'cases[0].roles: is missing'],
    [
      `${ops}, roles: [admin], gateway: g, change: reload, target: t, expect: allow`,
      'cases[0].target: is nothing that configure is asked with',
    ],
    [
      'subject: ann, target: t, command: id, roles: [admin], expect: allow',
      'cases[0].roles: is for the actions read_evidence and configure',
    ],
    ['subject: ann, command: id, expect: allow', 'cases[0].target: is missing'],
    [
      `${ops}, roles: [root], gateway: g, change: reload, expect: allow`,
      'cases[0].roles[0]: expected user or approver or auditor or admin',
    ],
  ] as const
  for (const [line, problem] of wrong) {
    write('wrong.yaml', file([line]))
    const loaded = loadPolicyCases(join(folder, 'wrong.yaml'))
    expect(loaded.ok ? '' : loaded.problem).toContain(problem)
  }
}, 60_000)

test('what is wrong is one line', async () => {
  write('bad.cedar', 'permit (principal, action == Action::"fly", resource);')
  write(
    'bad.yaml',
    'policies: [bad.cedar]\ncases: [{ subject: a, target: t, command: x, expect: allow }]',
  )
  const bad = await sluice(['policy', 'test', 'bad.yaml'])
  expect(bad.code).toBe(1)
  expect(bad.err).toContain('bad.cedar:1:30')
  write('shape.yaml', 'cases: [{ subject: a, target: t, comand: x, expect: allow }]')
  expect((await sluice(['policy', 'test', 'shape.yaml'])).err).toContain(
    'shape.yaml:1:34 cases[0].comand: unknown key',
  )
  expect((await sluice(['policy', 'test', 'none.yaml'])).err).toContain('none.yaml: no such file')
  expect((await sluice(['policy', 'explain', 'ls'])).code).toBe(2)
}, 60_000)
