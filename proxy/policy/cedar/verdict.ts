/**
 * From Cedar's answers to a verdict, with the line that a person reads.
 *
 * @module
 */
import type { Denial, HoldTerms, Risk, Verdict } from '../../core/verdict.ts'
import type { Assessment, Finding } from '../risk/assess.ts'
import type { StatementAssessment } from '../risk/statement.ts'
import type { Answer } from './engine.ts'

const findings_max = 16

export const actionWords = {
  connect: 'this target',
  exec: 'this command',
  query: 'this statement',
  shell: 'an interactive shell',
  upload: 'an upload',
  download: 'a download',
  forward: 'port forwarding',
} as const

export function commandVerdict(
  answer: Answer,
  assessment: Assessment,
  as_shell: () => Answer,
): Verdict {
  const judged = {
    risk: assessment.risk,
    findings: assessment.findings.map(({ id }) => id).slice(0, findings_max),
  }
  if (assessment.is_shell && answer.kind !== 'deny' && answer.kind !== 'error') {
    // Its commands are not in this line: it is a shell, whatever it is called.
    const shell = as_shell()
    if (shell.kind !== 'allow')
      return { ...verdictOf(shell, 'a command that reads its commands from you'), ...judged }
  }
  return { ...verdictOf(answer, actionWords.exec, assessment, judged.findings), ...judged }
}

export function statementVerdict(answer: Answer, assessment: StatementAssessment): Verdict {
  const findings = assessment.findings.map(({ id }) => id).slice(0, findings_max)
  return {
    ...verdictOf(answer, actionWords.query, assessment, findings),
    ...{ risk: assessment.risk, findings },
  }
}

/** The strictest of all. */
export function combine(answers: readonly Answer[]): Answer {
  const of = <Kind extends Answer['kind']>(
    kind: Kind,
  ): readonly Extract<Answer, { kind: Kind }>[] =>
    answers.filter((answer): answer is Extract<Answer, { kind: Kind }> => answer.kind === kind)
  const [error] = of('error')
  if (error !== undefined) return error
  const refused = of('deny')
  const denial = refused.find(({ rule }) => rule !== '') ?? refused[0]
  if (denial !== undefined) return denial
  const held = of('hold')
  const [hold] = held
  if (hold !== undefined) return { ...hold, approvals: held.flatMap(({ approvals }) => approvals) }
  return of('allow')[0] ?? { kind: 'error' }
}

export function verdictOf(
  answer: Answer,
  what: string,
  assessment?: { readonly risk: Risk; readonly findings: readonly Finding[] },
  findings: readonly string[] = [],
): Verdict {
  const found = assessment?.findings[0]
  const why = found === undefined ? '' : `: it ${found.says} (${found.id})`
  switch (answer.kind) {
    case 'allow':
      return { allowed: true, rule: answer.rule }
    case 'error':
      return denied(
        'policy.error',
        `policy reads what is not known of ${what}, so it is denied${why}`,
      )
    case 'deny':
      if (answer.rule === '') return denied('policy.default', `no policy permits ${what}${why}`)
      return denied(
        answer.rule,
        `policy forbids ${what}${why}${answer.reason === undefined ? '' : `; ${answer.reason}`}`,
      )
    case 'hold': {
      const terms: HoldTerms = {
        approvals: needs(answer.approvals),
        expires_ms: Math.min(...answer.approvals.map(({ expires_ms }) => expires_ms)),
        ...(answer.approvals.some(({ passkey }) => passkey) ? { passkey: true } : {}),
        reason: answer.reason ?? '',
        risk: assessment?.risk ?? 'low',
        says: found?.says ?? '',
        findings,
      }
      return {
        ...denied(answer.rule, `${what} needs an approval, and nobody can give one here${why}`),
        hold: terms,
      }
    }
  }
}

/** Of the same group the highest quorum. */
export function needs(
  approvals: readonly { readonly group: string; readonly quorum: number }[],
): HoldTerms['approvals'] {
  const by_group = new Map<string, number>()
  for (const { group, quorum } of approvals)
    by_group.set(group, Math.max(quorum, by_group.get(group) ?? 0))
  return [...by_group].map(([group, quorum]) => ({ group, quorum }))
}

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule, message }
}
