/**
 * `sluice policy explain` and `sluice policy test`: what policy says, and why.
 *
 * @module
 */

import { case_actions, loadPolicyCases, type PolicyCase } from '../config/policy-cases.ts'
import type { Config } from '../config.ts'
import { approvalsText } from '../core/approval.ts'
import type { Verdict } from '../core/verdict.ts'
import { builtin_text } from '../policy/cedar/builtin.ts'
import { schema_text } from '../policy/cedar/schema.ts'
import { createCaseJudge } from './case-judge.ts'
import { loadConfigured } from './configured.ts'
import { formatCount } from './table.ts'
import { type Call, type ExitCode, json_option, UsageError, type Verb, VerbError } from './verb.ts'

export const policy: Verb = {
  name: 'policy',
  summary: 'Say what policy decides and why: sluice policy explain [COMMAND], policy test FILE',
  operands: 'explain|test [COMMAND|FILE]',
  operands_min: 1,
  /** Words of a command are one, as over ssh. */
  operands_max: 1_000,
  completions: ['explain', 'test'],
  options: {
    builtin: { help: 'explain: print the policy that holds without policy.files' },
    schema: { help: 'explain: print what a policy can speak of' },
    config: {
      value: 'FILE',
      help: 'explain: the policies and targets of this configuration (default: the built-in policy)',
    },
    subject: { value: 'NAME', help: 'explain: who asks' },
    group: { value: 'NAME', is_repeatable: true, help: 'explain: a group of theirs' },
    issuer: { value: 'NAME', help: 'explain: who vouches for them (default keys)' },
    target: { value: 'NAME', help: 'explain: where to' },
    account: { value: 'NAME', help: 'explain: as whom there' },
    source: { value: 'IP', help: 'explain: from where (default 127.0.0.1)' },
    action: {
      value: 'NAME',
      help: 'explain: connect, query, shell, upload, download or forward (default exec)',
    },
    database: { value: 'NAME', help: 'explain: the database of a query' },
    'search-path': {
      value: 'SCHEMA',
      is_repeatable: true,
      help: 'explain: where a query looks names up (default: not known)',
    },
    json: json_option,
  },
  async run(call) {
    switch (call.operands[0]) {
      case 'explain':
        return explain(call)
      case 'test':
        return test(call)
      default:
        throw new UsageError('expected explain or test')
    }
  },
}

async function explain(call: Call): Promise<ExitCode> {
  const { console } = call
  if (call.flag('builtin') || call.flag('schema')) {
    if (call.flag('builtin')) await console.out(builtin_text)
    if (call.flag('schema')) await console.out(schema_text)
    return 0
  }
  const subject = call.text('subject')
  const target = call.text('target')
  if (subject === undefined || target === undefined)
    throw new UsageError('--subject and --target say who asks and where to; or --builtin, --schema')
  const action = call.text('action') ?? 'exec'
  const words = call.operands.slice(1)
  const command = words.length === 0 ? undefined : words.join(' ')
  if ((action === 'exec' || action === 'query') && command === undefined)
    throw new UsageError(action === 'exec' ? 'COMMAND is missing' : 'the statement is missing')
  if (!isAction(action)) throw new UsageError(`--action takes one of ${case_actions.join(', ')}`)
  const [issuer, account, source] = [call.text('issuer'), call.text('account'), call.text('source')]
  const database = call.text('database')
  const loaded = await configured(call)
  const known = loaded?.targets.find(({ name }) => name === target)
  if (loaded !== undefined && known === undefined)
    throw new VerbError(`no target ${JSON.stringify(target)} in the configuration`)
  const asked: PolicyCase = {
    subject,
    target,
    action,
    expect: 'allow',
    groups: [...call.texts('group')],
    ...(known === undefined ? {} : { labels: known.labels }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(account === undefined ? {} : { account }),
    ...(source === undefined ? {} : { source }),
    ...(command === undefined ? {} : action === 'query' ? { statement: command } : { command }),
    ...(database === undefined ? {} : { database }),
    ...(call.texts('search-path').length === 0
      ? {}
      : { search_path: [...call.texts('search-path')] }),
  }
  const judge = await createCaseJudge(loaded?.files ?? [])
  const judged = judge(asked)
  const { commands } = judged
  const verdict = withApprovals(judged.verdict, action === 'query' ? 'statement' : 'command')
  const said = saysOf(verdict)
  if (call.flag('json')) {
    await console.json({ decision: said, ...verdict, commands })
    return said === 'allow' ? 0 : 1
  }
  await console.line(`${said} by ${verdict.rule}`)
  if (!verdict.allowed) await console.line(`  ${verdict.message}`)
  if (verdict.risk !== undefined) await console.line(`risk ${verdict.risk}`)
  for (const { text, risk, findings, confidence, kinds, objects, functions } of commands) {
    await console.line(
      `  ${text}: ${risk}${findings.length === 0 ? '' : ` (${findings.join(', ')})`}`,
    )
    if (confidence === undefined) continue
    await console.line(`    known: ${confidence}`)
    for (const [what, names] of Object.entries({ kinds, objects, functions }))
      if (names !== undefined && names.length > 0)
        await console.line(`    ${what}: ${names.join(', ')}`)
  }
  return said === 'allow' ? 0 : 1
}

/** Nobody is there to give one here; at a gateway it says of whom. */
function withApprovals(verdict: Verdict, what: 'command' | 'statement'): Verdict {
  if (verdict.allowed || verdict.hold === undefined) return verdict
  const { approvals, says, findings, reason, passkey } = verdict.hold
  const signed = passkey === true ? ', signed with a passkey' : ''
  const found = says === '' ? '' : `: it ${says} (${findings.join(', ')})`
  const why = reason === '' ? '' : `; ${reason}`
  return {
    ...verdict,
    message: `this ${what} waits for ${approvalsText(approvals)}${signed}${found}${why}`,
  }
}

async function test(call: Call): Promise<ExitCode> {
  const { console } = call
  const [, path, ...more] = call.operands
  if (path === undefined) throw new UsageError('FILE is missing')
  if (more.length > 0) throw new UsageError('one FILE at a time')
  const loaded = loadPolicyCases(path)
  if (!loaded.ok) throw new VerbError(loaded.problem)
  const judge = await createCaseJudge(
    loaded.policies.length > 0 ? loaded.policies : ((await configured(call))?.files ?? []),
  )
  const failures = loaded.cases.flatMap((each, index) => {
    const { verdict } = judge(each)
    const said = saysOf(verdict)
    const is_met = said === each.expect && (each.rule === undefined || each.rule === verdict.rule)
    return is_met
      ? []
      : [{ index, name: each.name ?? '', expected: each.expect, said, rule: verdict.rule }]
  })
  if (call.flag('json')) await console.json({ cases: loaded.cases.length, failures })
  else {
    for (const { index, name, expected, said, rule } of failures)
      await console.line(
        loaded.locate(
          index,
          `${name === '' ? '' : `${name}: `}expected ${expected}, and it is ${said} by ${rule}`,
        ),
      )
    await console.line(
      `${formatCount(loaded.cases.length, 'case')}, ${formatCount(failures.length, 'failure')}`,
    )
  }
  return failures.length === 0 ? 0 : 1
}

async function configured(
  call: Call,
): Promise<
  { readonly files: Config['policy']['files']; readonly targets: Config['targets'] } | undefined
> {
  const path = call.text('config')
  if (path === undefined) return undefined
  const { policy: configured_policy, targets } = await loadConfigured(path)
  return { files: configured_policy.files, targets }
}

const saysOf = (verdict: Verdict): 'allow' | 'hold' | 'deny' =>
  verdict.allowed ? 'allow' : verdict.hold === undefined ? 'deny' : 'hold'

const isAction = (name: string): name is NonNullable<PolicyCase['action']> =>
  case_actions.some((each) => each === name)
