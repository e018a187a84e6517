/**
 * What policy says to a case, and what was found in it. Everything that the configuration can deny as a whole is open here:
 * it is Cedar that is asked.
 *
 * @module
 */
import type { PolicyCase } from '../config/policy-cases.ts'
import type { ChannelRequest } from '../core/connector.ts'
import { changersOf, readableBy } from '../core/duty.ts'
import type { Verdict } from '../core/verdict.ts'
import { createDuties, type Duties, isOwn } from '../policy/cedar/duties.ts'
import { VerbError } from './verb.ts'

export interface JudgedCase {
  readonly verdict: Verdict
  /** What was found in the line or the text, each with its risk. */
  readonly commands: readonly Found[]
}

interface Found {
  readonly text: string
  readonly risk: string
  readonly findings: readonly string[]
  /** Of a statement: how surely it is known what runs. */
  readonly confidence?: string
  readonly kinds?: readonly string[]
  readonly objects?: readonly string[]
  readonly functions?: readonly string[]
}

export async function createCaseJudge(
  files: readonly { readonly name: string; readonly text: string }[],
): Promise<(each: PolicyCase) => JudgedCase> {
  // Cedar is 4 MB of WebAssembly that no other verb needs, and so is the parser of statements.
  const [
    { createPolicy },
    { preparePolicy },
    { createEngine },
    { assess },
    { assessStatement },
    analysing,
    parsing,
  ] = await Promise.all([
    import('../policy/policy.ts'),
    import('../policy/prepare.ts'),
    import('../policy/cedar/engine.ts'),
    import('../policy/risk/assess.ts'),
    import('../policy/risk/statement.ts'),
    import('../connector/postgres/sql/analyse.ts'),
    import('../connector/postgres/sql/tree.ts'),
  ])
  const prepared = await preparePolicy(files)
  if (!prepared.ok) throw new VerbError(prepared.problem)
  const { parts } = prepared
  await parsing.loadParser()
  const analyser = analysing.createAnalyser()
  const duties = createDuties(createEngine(parts.policies))
  return (each) => {
    if (each.action === 'read_evidence') return nothingIn(readingOf(each, duties))
    if (each.action === 'configure') return nothingIn(changingOf(each, duties))
    const { target = '' } = each
    const account = each.account ?? 'root'
    const decided = createPolicy(
      {
        policy: {
          forwarding: 'allow',
          agent_forwarding: 'allow',
          transfers: { upload: 'allow', download: 'allow' },
        },
        targets: [{ name: target, accounts: { [account]: {} }, labels: each.labels ?? {} }],
      },
      parts,
      each.time === undefined ? {} : { now_ms: () => Date.parse(each.time ?? '') },
    )
    const identity = {
      issuer: each.issuer ?? 'keys',
      subject: each.subject,
      groups: each.groups ?? [],
      method: each.issuer === undefined ? ('public_key' as const) : ('token' as const),
      credential: '',
    }
    const at = { account, source: each.source ?? '127.0.0.1' }
    const command = new TextEncoder().encode(each.command ?? '')
    const pty = each.terminal === true ? { pty: { term: 'xterm', columns: 80, rows: 24 } } : {}
    const request = (kind: 'exec' | 'shell'): ChannelRequest => ({ kind, command, env: {}, ...pty })
    const action = each.action ?? (each.statement === undefined ? 'exec' : 'query')
    switch (action) {
      case 'connect':
        return nothingIn(decided.connect(identity, account, target, at.source))
      case 'exec': {
        const { commands } = assess(parts.read(command), command)
        return {
          verdict: decided.channel(identity, target, request(action), at),
          commands: commands.map(({ command: found, risk, findings }) => ({
            text: shown([found.program, ...found.arguments.map(({ text }) => text)].join(' ')),
            risk,
            findings: findings.map(({ id }) => id),
          })),
        }
      }
      case 'query': {
        const { statement } = analyser.analyse(new TextEncoder().encode(each.statement ?? ''))
        const { risk, findings, confidence } = assessStatement(statement)
        const { database = account, search_path: schemas } = each
        const asked = { statement, database, lookup: { schemas } }
        const { operations: kinds, objects, functions } = statement
        const found = { risk, findings: findings.map(({ id }) => id), confidence }
        return {
          verdict: decided.statement(identity, target, asked, at),
          commands: [{ text: shown(each.statement ?? ''), ...found, kinds, objects, functions }],
        }
      }
      case 'shell':
        return nothingIn(decided.channel(identity, target, request(action), at))
      case 'upload':
      case 'download':
        return nothingIn(decided.capability(identity, target, action, at))
      case 'forward':
        return nothingIn(decided.capability(identity, target, 'forwarding', at))
    }
  }
}

/** As the API answers: the roles first, which no policy widens, then policy. */
function readingOf(each: PolicyCase, duties: Duties): Verdict {
  const reader = { ...personOf(each, ''), roles: each.roles ?? [] }
  // Of the same word as they are, where nobody vouches for a caller.
  const session = {
    ...{ target: each.target ?? '', labels: each.labels ?? {}, account: each.account ?? 'root' },
    ...personOf(each.of ?? each, 'keys'),
  }
  const readable = readableBy(reader.roles)
  if (readable === 'nothing' || (readable === 'own' && !isOwn(reader, session)))
    return outside("this needs the role auditor or admin, or a session of one's own")
  return duties.reading(reader, session, each.part ?? 'facts')
}

function changingOf(each: PolicyCase, duties: Duties): Verdict {
  const { change = 'reload', gateway = '', roles = [] } = each
  const changers = changersOf(change)
  if (!roles.some((role) => changers.includes(role)))
    return outside(`this needs the role ${changers.join(' or ')}`)
  return duties.configuring({ ...personOf(each, ''), roles }, gateway, change)
}

/** Who brings a token of the gateway's own has no issuer there. */
const personOf = (
  { subject, issuer, groups = [] }: Pick<PolicyCase, 'subject' | 'issuer' | 'groups'>,
  otherwise: string,
) => ({ subject, issuer: issuer ?? otherwise, groups })

const outside = (message: string): Verdict => ({ allowed: false, rule: 'api.role', message })

const nothingIn = (verdict: Verdict): JudgedCase => ({ verdict, commands: [] })

const shown = (text: string): string => text.replace(/\p{C}/gu, '?').slice(0, 200)
