/**
 * From what is asked at the gateway to questions for Cedar.
 *
 * @module
 */
import type { CedarValueJson } from '@cedar-policy/cedar-wasm/web'
import { grant_scopes, type TimedGrant } from '../../core/access.ts'
import type { ChannelRequest } from '../../core/connector.ts'
import type { Identity } from '../../core/identity.ts'
import type { AskedStatement, TypedLine, TypedVerdict } from '../../core/ports.ts'
import type { Statement } from '../../core/statement.ts'
import { type HoldTerms, isEnough, type Verdict } from '../../core/verdict.ts'
import { type Assessment, assess } from '../risk/assess.ts'
import { assessStatement, type StatementAssessment } from '../risk/statement.ts'
import type { ReadLine } from '../shell/read.ts'
import { unknown } from '../shell/reading.ts'
import type { Answer, Engine } from './engine.ts'
import { context_characters_max, expires_ms_max } from './limits.ts'
import { objectsMeant } from './objects.ts'
import type { ActionName } from './schema.ts'
import {
  actionWords,
  combine,
  commandVerdict,
  needs,
  statementVerdict,
  verdictOf,
} from './verdict.ts'

/** Where and when a question is asked. */
export interface Place {
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  readonly account: string
  /** `IP:PORT` of the client. */
  readonly source: string
  /** Running there for whoever asks, and told to policy. */
  readonly grant?: Pick<TimedGrant, 'break_glass' | 'approvals' | 'starts_us' | 'ends_us'>
  /** Without which the session would not be. */
  readonly let_in_by?: TimedGrant
}

/** What a grant would need. */
export type GrantTerms =
  | {
      readonly ok: true
      readonly rule: string
      readonly reason: string
      /** None where nobody need approve. */
      readonly approvals: HoldTerms['approvals']
      readonly expires_ms: number
    }
  /** One line for who asks. */
  | { readonly ok: false; readonly message: string }

export interface Judge {
  /** `action`: one whose context says only where and when. */
  plain(
    identity: Identity,
    place: Place,
    action: 'connect' | 'upload' | 'download' | 'forward',
  ): Verdict
  /** Somebody is about to ask for commands: what takes time is done now. */
  expect(identity: Identity, place: Place): void
  shell(identity: Identity, place: Place, request: ChannelRequest): Verdict
  exec(identity: Identity, place: Place, request: ChannelRequest): Verdict
  query(identity: Identity, place: Place, asked: AskedStatement): Verdict
  /** A line that is given to a program. */
  typed(identity: Identity, place: Place, line: TypedLine): TypedVerdict
  /** Whether any rule could deny or hold one. */
  judgesTyped(identity: Identity, place: Place): boolean
  /** What a grant there would need, and whether it would be of any use. */
  terms(identity: Identity, place: Place, wanted: WantedGrant): GrantTerms
  approve(
    approver: Approver,
    place: Pick<Place, 'target' | 'labels' | 'account'>,
    terms: HoldTerms,
  ): boolean
}

export interface WantedGrant {
  readonly break_glass: boolean
  readonly duration_ms: number
}

export interface Approver {
  readonly issuer: string
  readonly subject: string
  readonly groups: readonly string[]
  readonly roles: readonly string[]
}

/**
 * `screen`: commands are judged as well as they are known. `shell`: only a shell that tells of its commands itself.
 * `none`: no shell, exec alone.
 */
export type ShellChoice = 'screen' | 'shell' | 'none'

export interface JudgePorts {
  readonly engine: Engine
  readonly read: ReadLine
  /** What the configuration says of shells as a whole. */
  readonly shells: ShellChoice
  /** UTC. */
  now_ms(): number
}

export function createJudge({ engine, read, shells, now_ms }: JudgePorts): Judge {
  const whereAndWhen = ({ account, source, grant }: Place): Record<string, CedarValueJson> => {
    const now = new Date(now_ms())
    const address = ipOf(source)
    return {
      account,
      hour: now.getUTCHours(),
      weekday: now.getUTCDay() === 0 ? 7 : now.getUTCDay(),
      ...(grant === undefined
        ? {}
        : { grant: { break_glass: grant.break_glass, minutes: minutesOf(grant) } }),
      // Without one, a policy that reads it fails, which denies.
      ...(address === undefined ? {} : { source: { __extn: { fn: 'ip', arg: address } } }),
    }
  }
  const ask = (
    identity: Identity,
    { target, labels }: Place,
    action: ActionName,
    context: Record<string, CedarValueJson>,
  ): Answer => engine.ask({ identity, action, target, labels, context })

  const shell = (identity: Identity, place: Place, terminal: boolean): Answer =>
    shells === 'none'
      ? shells_off
      : ask(identity, place, 'shell', { ...whereAndWhen(place), terminal })

  const answersFor = (
    identity: Identity,
    place: Place,
    assessment: Assessment,
    common: Record<string, CedarValueJson>,
  ): readonly Answer[] => {
    const contexts = commandContexts(assessment).map((own) => ({ ...common, ...own }))
    if (JSON.stringify(contexts).length > context_characters_max) return [too_much]
    return contexts.map((context) => ask(identity, place, 'exec', context))
  }

  /** One that hands the channel to another shell, whose commands nobody tells of. */
  const nestedShell = (identity: Identity, place: Place, terminal: boolean): Answer =>
    shells === 'shell' ? untold_shell : shell(identity, place, terminal)

  /** What permits it whatever it is. A rule that denies for what it is, is asked besides. */
  const blindly = (
    identity: Identity,
    { target, labels }: Place,
    context: Record<string, CedarValueJson>,
  ): Answer => {
    const answer = engine.ask({ identity, action: 'exec', target, labels, context, is_blind: true })
    return answer.kind === 'deny' && answer.rule === '' ? blind : answer
  }

  /** An approval that policy wants of a connection is that of the grant. */
  const connect = (identity: Identity, place: Place): Answer => {
    const answer = ask(identity, place, 'connect', whereAndWhen(place))
    if (answer.kind !== 'allow' && answer.kind !== 'hold') return answer
    const { grant } = place
    // Nobody approved it: it counts by a policy that says so, and by no other.
    if (grant?.break_glass === true)
      return answer.break_glass === undefined
        ? { kind: 'deny', rule: '' }
        : { ...answer, kind: 'allow', rule: answer.break_glass }
    if (answer.kind === 'allow') return answer
    const is_enough = grant !== undefined && isEnough(grant.approvals, needs(answer.approvals))
    return is_enough
      ? { kind: 'allow', rule: answer.rule, break_glass: undefined }
      : { kind: 'deny', rule: '' }
  }

  const terms = (identity: Identity, place: Place, wanted: WantedGrant): GrantTerms => {
    const { break_glass, duration_ms } = wanted
    const ends_us = duration_ms * 1_000
    const with_grant = { ...place, grant: { break_glass, approvals: [], starts_us: 0, ends_us } }
    const of_grant = ask(identity, with_grant, 'connect', whereAndWhen(with_grant))
    if (of_grant.kind !== 'allow' && of_grant.kind !== 'hold')
      return { ok: false, message: 'policy does not let you in there with such a grant either' }
    if (break_glass) {
      if (of_grant.break_glass === undefined)
        return { ok: false, message: 'no policy lets you break the glass there' }
      return { ok: true, rule: of_grant.break_glass, reason: '', approvals: [], expires_ms: 0 }
    }
    const needed = of_grant.kind === 'hold' ? needs(of_grant.approvals) : anybody
    const { target, labels } = place
    const is_open = connect(identity, place).kind === 'allow'
    const reads = grant_actions.some((action) =>
      engine.reads({ identity, action, target, labels }, 'grant'),
    )
    if (is_open && !reads)
      return { ok: false, message: 'policy lets you in there without a grant: just connect' }
    return {
      ok: true,
      rule: of_grant.rule,
      reason: (of_grant.kind === 'hold' ? of_grant.reason : undefined) ?? '',
      approvals: needed,
      expires_ms:
        of_grant.kind === 'hold'
          ? Math.min(...of_grant.approvals.map(({ expires_ms }) => expires_ms))
          : expires_ms_max,
    }
  }

  return {
    plain: (identity, place, action) =>
      verdictOf(
        action === 'connect'
          ? connect(identity, place)
          : ask(identity, place, action, whereAndWhen(place)),
        actionWords[action],
      ),
    terms: (identity, place, wanted) => terms(identity, place, wanted),
    expect(identity, { target, labels }) {
      for (const action of ['exec', 'query', 'shell'] as const)
        engine.prepare({ identity, action, target, labels })
    },
    shell: (identity, place, request) =>
      verdictOf(shell(identity, place, request.pty !== undefined), actionWords.shell),
    exec(identity, place, request) {
      const assessment = assess(read(request.command), request.command)
      const terminal = request.pty !== undefined
      const answers = answersFor(identity, place, assessment, {
        ...whereAndWhen(place),
        terminal,
        confidence: 'exact',
        opaque: assessment.is_opaque,
      })
      const as_shell = (): Answer => nestedShell(identity, place, terminal)
      return commandVerdict(combine(answers), assessment, as_shell)
    },
    typed(identity, place, { text, confidence, is_terminal: terminal }) {
      const reading = read(text)
      const is_screen = confidence === 'screen'
      const is_partial =
        reading.opaque.includes('syntax') || /(?:^|[^\\])(?:\\\\)*\\$/.test(textOf(text))
      // A shell that tells of the first line of a loop tells of all of it later.
      const is_guess = is_screen || is_partial
      const assessment = assess(reading, text, is_guess)
      const common = {
        ...whereAndWhen(place),
        terminal,
        confidence,
        opaque: reading.opaque.length > 0,
      }
      const answers = answersFor(identity, place, assessment, common)
      const as_shell = (): Answer =>
        is_screen ? shell(identity, place, terminal) : nestedShell(identity, place, terminal)
      const verdict = is_guess
        ? combine([blindly(identity, place, common), ...answers])
        : combine(answers)
      return {
        verdict: commandVerdict(verdict, assessment, as_shell),
        is_partial,
      }
    },
    query(identity, place, { statement, database, lookup }) {
      const assessment = assessmentOf(statement)
      const objects = objectsMeant(statement.objects, {
        account: place.account,
        lookup,
        named: engine.qualified,
      })
      const context = {
        ...whereAndWhen(place),
        database,
        kinds: [...statement.operations],
        objects: [...objects],
        functions: [...statement.functions],
        has_where: statement.has_where,
        confidence: assessment.confidence,
        opaque: assessment.is_opaque,
        risk: assessment.risk,
        findings: assessment.findings.map(({ id }) => id),
      }
      const size = [...objects, ...statement.functions].reduce((sum, each) => sum + each.length, 0)
      const answer =
        size > context_characters_max ? too_much : ask(identity, place, 'query', context)
      return statementVerdict(answer, assessment)
    },
    judgesTyped(identity, { target, labels }) {
      const asked = { identity, action: 'exec', target, labels } as const
      const judges = shells !== 'screen' || !engine.allowsAll(asked)
      // The first Enter does not wait for it.
      if (judges) engine.prepare({ ...asked, is_blind: true })
      return judges
    },
    approve: (
      { issuer, subject, groups, roles },
      { target, labels, account },
      { risk, findings },
    ) =>
      engine.ask({
        identity: { issuer, subject, groups, method: 'token' },
        action: 'approve',
        target,
        labels,
        context: { account, risk, findings: [...findings], roles: [...roles] },
      }).kind === 'allow',
  }
}

/** A text that is known already is the same object. */
const assessments = new WeakMap<Statement, StatementAssessment>()
function assessmentOf(statement: Statement): StatementAssessment {
  const before = assessments.get(statement)
  if (before !== undefined) return before
  const assessment = assessStatement(statement)
  assessments.set(statement, assessment)
  return assessment
}

const shells_off: Answer = {
  kind: 'deny',
  rule: 'policy.shell',
  reason: 'interactive shells are off: policy.shell; give ssh the command to run',
}
const untold_shell: Answer = {
  kind: 'deny',
  rule: 'policy.shell.minimum_confidence',
  reason: 'nobody tells of the commands of another shell: policy.shell.minimum_confidence: shell',
}
const too_much: Answer = {
  kind: 'deny',
  rule: 'policy.size',
  reason: 'it expands to more than policy can read',
}
const blind: Answer = {
  kind: 'deny',
  rule: 'policy.confidence',
  reason:
    'what permits it must read it, and a screen is no proof of what runs; give ssh the command',
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const anybody: HoldTerms['approvals'] = [{ group: '', quorum: 1 }]

const grant_actions = ['connect', ...grant_scopes] as const

const minutesOf = ({ starts_us, ends_us }: Pick<TimedGrant, 'starts_us' | 'ends_us'>): number =>
  Math.ceil((ends_us - starts_us) / 60_000_000)

/** What differs from command to command; equal ones are asked once. */
function commandContexts({
  commands,
  findings,
}: Assessment): readonly Record<string, CedarValueJson>[] {
  const contexts = commands.map(({ command, risk, findings: own, is_unread }) => {
    const words = command.arguments.map(({ text }) => text)
    const is_known = is_unread !== true && !words.some((word) => word.includes(unknown))
    return {
      // What is not known is not there: a rule that reads it fails, and that denies, whatever else permits.
      ...(is_unread === true ? {} : { program: command.program }),
      ...(is_known ? { arguments: words, command: [command.program, ...words].join(' ') } : {}),
      ...(command.sudo === undefined ? {} : { sudo: command.sudo.replaceAll(unknown, '?') }),
      risk,
      findings: own.map(({ id }) => id),
    }
  })
  if (contexts.length > 0) return contexts
  return [
    {
      program: '',
      arguments: [],
      command: '',
      risk: 'low',
      findings: findings.map(({ id }) => id),
    },
  ]
}

/** The address of `IP:PORT`, `[IP]:PORT`; undefined for anything else. */
function ipOf(source: string): string | undefined {
  const in_brackets = /^\[([^\]]*)\]/.exec(source)?.[1]
  const colons = source.split(':').length - 1
  const address = in_brackets ?? (colons === 1 ? source.split(':')[0] : source) ?? ''
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/, '')
  return /^[0-9a-fA-F:.]{2,45}$/.test(plain) ? plain : undefined
}
