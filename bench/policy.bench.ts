/**
 * What policy adds to an exec, and to Enter in a shell: reading the line, its risk and Cedar's decision, over the committed corpus, at 1,000 rules
 * and 10,000 groups. The rival is Cedar over all rules at once, without slices. And how well lines are recognised.
 *
 * @module
 */
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import type { Approver, HeldCommand } from '../proxy/core/approval.ts'
import type { ChannelRequest } from '../proxy/core/connector.ts'
import type { Identity } from '../proxy/core/identity.ts'
import type { TypedConfidence } from '../proxy/core/ports.ts'
import { createDesk } from '../proxy/policy/approval/desk.ts'
import { builtin_text } from '../proxy/policy/cedar/builtin.ts'
import { createPolicy } from '../proxy/policy/policy.ts'
import { type PolicyParts, preparePolicy } from '../proxy/policy/prepare.ts'
import { assess } from '../proxy/policy/risk/assess.ts'
import { corpusLines, measureCorpus } from '../proxy/policy/risk/corpus.ts'
import type { Options } from './main.ts'
import { measureApprovalsByRest } from './measure/approvals.ts'
import { figure, quantile, type Report } from './report.ts'

const rules = 1_000
const groups = 10_000
const targets = 100
/** Groups of one person, of those that there are. */
const groups_each = 50
const people = 200
/** How a typed line is known. */
const confidences = ['shell', 'screen'] as const
const pending = 1_000

export async function bench(options: Options): Promise<Report> {
  const { ordinary, risky } = await corpusLines()
  const lines = [...ordinary, ...risky.map(({ line }) => line)].map((line) =>
    new TextEncoder().encode(line),
  )
  const parts = await prepare()
  const policy = createPolicy(
    {
      policy: {
        forwarding: 'deny',
        agent_forwarding: 'deny',
        transfers: { upload: 'deny', download: 'deny' },
      },
      targets: Array.from({ length: targets }, (_, at) => ({
        name: `t${at}`,
        accounts: { deploy: {} },
        labels: { env: at % 2 === 0 ? 'prod' : 'dev' },
      })),
    },
    parts,
  )
  const whole: Time[][] = []
  const first: Time[][] = []
  const reading: Time[][] = []
  const rival: Time[][] = []
  const typed: Record<TypedConfidence, Time[][]> = { shell: [], screen: [] }
  for (let round = 0; round < options.rounds; round++) {
    const commands: Time[] = []
    const connects: Time[] = []
    const enters: Record<TypedConfidence, Time[]> = { shell: [], screen: [] }
    for (let at = 0; at < people; at++) {
      const who = person(round * people + at)
      const place = { account: 'deploy', source: '10.1.2.3:4711' }
      const target = `t${at % targets}`
      connects.push(timed(() => policy.connect(who, 'deploy', target, place.source)))
      for (const command of pick(lines, at))
        commands.push(timed(() => policy.channel(who, target, exec(command), place)))
      // As a shell does that begins.
      if (!policy.judgesTyped(who, target, place)) throw new Error('nothing is judged')
      for (const confidence of confidences)
        for (const text of pick(lines, at + 3)) {
          const line = { text, confidence, is_terminal: true }
          enters[confidence].push(timed(() => policy.typed(who, target, line, place)))
        }
    }
    whole.push(commands)
    first.push(connects)
    for (const confidence of confidences) typed[confidence].push(enters[confidence])
    reading.push(lines.map((line) => timed(() => assess(parts.read(line), line))))
    rival.push(unsliced(parts))
  }
  const p = (
    rounds: readonly (readonly Time[])[],
    q: number,
    of: keyof Time = 'wall_ms',
  ): number[] =>
    rounds.map((round) =>
      quantile(
        round.map((time) => time[of]),
        q,
      ),
    )
  const score = await measureCorpus(parts.read)
  const approvals = await measureApprovals()
  const rest: number[] = []
  for (let round = 0; round < options.rounds; round++)
    rest.push(await measureApprovalsByRest(Array.from({ length: pending }, (_, at) => held(at))))
  const exec_wall_p99 = figure('exec p99', 'ms', p(whole, 0.99))
  const exec_p99 = figure(
    'exec p99, computing',
    'ms',
    p(whole, 0.99, 'cpu_ms'),
    'all threads of it',
  )
  const enter_p99 = confidences.map((confidence) => [
    figure(`Enter p99, ${confidence}`, 'ms', p(typed[confidence], 0.99)),
    figure(`Enter p99, ${confidence}, computing`, 'ms', p(typed[confidence], 0.99, 'cpu_ms')),
  ])
  return {
    figures: [
      figure('exec p50', 'ms', p(whole, 0.5), 'line read, judged, decided'),
      exec_wall_p99,
      figure('exec p50, computing', 'ms', p(whole, 0.5, 'cpu_ms')),
      exec_p99,
      ...confidences.flatMap((confidence, at) => [
        figure(
          `Enter p50, ${confidence}`,
          'ms',
          p(typed[confidence], 0.5),
          confidence === 'shell'
            ? 'a line that a shell tells of'
            : 'one that is read from a screen',
        ),
        ...(enter_p99[at] ?? []),
      ]),
      figure('of it recognition p50', 'ms', p(reading, 0.5)),
      figure('of it recognition p99', 'ms', p(reading, 0.99)),
      figure(
        'connect p50',
        'ms',
        p(first, 0.5),
        'the first question of a person: their rules are prepared',
      ),
      figure('connect p99', 'ms', p(first, 0.99)),
      figure('Cedar over all rules p50', 'ms', p(rival, 0.5), 'one decision without slices'),
      figure('Cedar over all rules p99', 'ms', p(rival, 0.99)),
      figure(
        'recall',
        'ratio',
        [1 - score.missed.length / score.risky],
        `${score.risky} risky lines`,
      ),
      figure(
        'false holds',
        'ratio',
        [score.held.length / score.ordinary],
        `${score.ordinary} ordinary lines`,
      ),
      figure('votes', '1/s', [approvals.votes_s], 'without the disk'),
      figure(
        'approvals by REST',
        '1/s',
        rest,
        'over HTTP, each durable in the log of a data directory',
      ),
      figure('memory of 1,000 requests', 'MB', [approvals.memory_mb]),
    ],
    goals: [
      {
        name: 'exec p99',
        value: exec_wall_p99.value,
        unit: 'ms',
        at_most: 1,
      },
      { name: 'exec p99, computing', value: exec_p99.value, unit: 'ms', at_most: 1 },
      ...enter_p99.flat().map(({ name, value }) => ({ name, value, unit: 'ms', at_most: 1 })),
      {
        name: 'approvals by REST',
        value: figure('approvals by REST', '1/s', rest).value,
        unit: '1/s',
        at_least: 200,
      },
      { name: 'memory of 1,000 requests', value: approvals.memory_mb, unit: 'MB', at_most: 50 },
    ],
    method: {
      rules,
      groups,
      groups_each,
      targets,
      people,
      lines: lines.length,
      corpus: 'proxy/policy/risk/corpus, written for this project by whoever wrote the catalogue',
      cedar: cedar.getCedarVersion(),
    },
  }
}

/** Each rule is of a group, half of them for a target, some with a condition on the command. */
async function prepare(): Promise<PolicyParts> {
  const texts = Array.from({ length: rules }, (_, at) => {
    const group = (at * 7) % groups
    const resource = at % 2 === 0 ? 'resource' : `resource == Target::"t${at % targets}"`
    const condition =
      at % 3 === 0
        ? ' when { context.program == "systemctl" && context.arguments.contains("restart") }'
        : ''
    return `permit (principal in Group::"g${group}", action == Action::"exec", ${resource})${condition};`
  })
  const prepared = await preparePolicy([
    { name: 'builtin.cedar', text: builtin_text },
    { name: 'rules.cedar', text: texts.join('\n') },
  ])
  if (!prepared.ok) throw new Error(prepared.problem)
  return prepared.parts
}

/** Every seventh group has a rule, so that each person's slice is a few of them. */
function person(at: number): Identity {
  const own = Array.from({ length: groups_each }, (_, n) => `g${(at * 131 + n * 197) % groups}`)
  return {
    issuer: 'keys',
    subject: `p${at}`,
    groups: own,
    method: 'public_key',
    credential: 'SHA256:x',
  }
}

const exec = (command: Uint8Array): ChannelRequest => ({ kind: 'exec', command, env: {} })

/** Fifty of the lines, other ones for each person. */
const pick = (lines: readonly Uint8Array[], at: number): readonly Uint8Array[] =>
  Array.from({ length: 50 }, (_, n) => lines[(at * 31 + n * 7) % lines.length] ?? new Uint8Array())

/** Time on the clock, and what this process computed meanwhile: the first has the machine's other work in it. */
interface Time {
  readonly wall_ms: number
  readonly cpu_ms: number
}

function timed(run: () => void): Time {
  const cpu = process.cpuUsage()
  const began_ms = performance.now()
  run()
  const wall_ms = performance.now() - began_ms
  const { user, system } = process.cpuUsage(cpu)
  return { wall_ms, cpu_ms: (user + system) / 1_000 }
}

function unsliced({ policies }: PolicyParts): Time[] {
  cedar.preparsePolicySet('bench', {
    staticPolicies: Object.fromEntries(policies.map(({ id, text }) => [id, text])),
  })
  return Array.from({ length: 100 }, (_, at) => {
    const who = person(at)
    return timed(() => {
      const answer = cedar.statefulIsAuthorized({
        principal: { type: 'User', id: who.subject },
        action: { type: 'Action', id: 'exec' },
        resource: { type: 'Target', id: 't1' },
        context: { risk: 'low', program: 'systemctl', arguments: ['restart', 'nginx'] },
        preparsedPolicySetId: 'bench',
        entities: [
          {
            uid: { type: 'User', id: who.subject },
            attrs: {},
            parents: who.groups.map((id) => ({ type: 'Group', id })),
          },
        ],
      })
      if (answer.type === 'failure' || answer.response.decision !== 'allow')
        throw new Error('not decided')
    })
  })
}

async function measureApprovals(): Promise<{ votes_s: number; memory_mb: number }> {
  const desk = createDesk({
    now_us: () => Date.now() * 1_000,
    after: () => () => {},
    mayApprove: () => true,
    note: async () => {},
    mask: async (text) => text,
  })
  Bun.gc(true)
  const before = memory()
  for (let at = 0; at < pending; at++)
    if (desk.hold(held(at)) === undefined) throw new Error('no place')
  Bun.gc(true)
  const memory_mb = (memory() - before) / 1e6
  const bob: Approver = { subject: 'bob', issuer: '', groups: [], roles: ['approver'] }
  const began_ms = performance.now()
  for (const { id } of desk.requests())
    await desk.vote(id, { decision: 'approve', approver: bob, comment: '' })
  return { votes_s: pending / ((performance.now() - began_ms) / 1_000), memory_mb }
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const held = (at: number): HeldCommand => ({
  session: crypto.randomUUID(),
  channel: 1,
  identity: person(at),
  account: 'deploy',
  target: 't1',
  labels: { env: 'prod' },
  source: '10.0.0.1:1',
  environment: { LANG: 'C.UTF-8' },
  is_terminal: false,
  command: new Uint8Array(4_096).fill(0x61),
  shown: { text: 'a'.repeat(4_096), rules: [] },
  rule: 'policy.risk.high',
  terms: {
    approvals: [{ group: '', quorum: 1 }],
    expires_ms: 900_000,
    reason: '',
    risk: 'high',
    says: '',
    findings: [],
  },
})
