/**
 * Policy as the session asks it: what the configuration denies as a whole (transfers, forwarding, the agent, tools that
 * lead past the gateway, targets that are not there) is denied; the rest is decided by Cedar (`cedar/`), each command
 * of a line by itself (`shell/`), with its risk (`risk/`).
 * What it does not know is denied. A transfer whose wire is known passes the content of files unmasked; any other
 * that is allowed is masked like any output.
 *
 * @module
 */
import { type AccessGate, no_access_gate } from '../core/access.ts'
import type { ChannelRequest } from '../core/connector.ts'
import type { Identity } from '../core/identity.ts'
import type { AskedAt, Policy } from '../core/ports.ts'
import type { TransferChoice, TransferDirection } from '../core/transfer.ts'
import type { Capability, Denial, HoldTerms, Verdict } from '../core/verdict.ts'
import { createDuties, type Duties } from './cedar/duties.ts'
import { createEngine } from './cedar/engine.ts'
import { withGrants } from './cedar/granted.ts'
import {
  type Approver,
  createJudge,
  type GrantTerms,
  type Judge,
  type Place,
  type ShellChoice,
  type WantedGrant,
} from './cedar/judge.ts'
import { membersOf } from './cedar/members.ts'
import { needs } from './cedar/verdict.ts'
import { recogniseDetour } from './detour.ts'
import { createEpochs } from './epoch.ts'
import type { PolicyParts } from './prepare.ts'
import { refusedStatement } from './statement.ts'
import { recogniseTransfer, sftp_subsystem, type Transfer } from './transfer.ts'

type Choice = 'allow' | 'deny'
type TransferChoices = Readonly<Record<TransferDirection, TransferChoice>>

/** The part of the configuration that policy reads. */
export interface PolicySource {
  readonly policy: {
    readonly forwarding: Choice
    readonly agent_forwarding: Choice
    readonly transfers: TransferChoices
    readonly shell?: ShellChoice
  }
  readonly targets: readonly {
    readonly name: string
    readonly accounts: Readonly<Record<string, unknown>>
    readonly labels?: Readonly<Record<string, string>>
    /** Shells there tell of each command. */
    readonly shell_integration?: boolean
  }[]
}

export interface StaticPolicy extends Policy, Duties {
  /** Whether any rule reads which objects a statement names. */
  readonly readsObjects: boolean
  /** May this person decide about somebody's command there? That it is not their own is for others to see. */
  approve(approver: Approver, target: string, account: string, terms: HoldTerms): boolean
  /** What a grant would need for somebody there. `account`: empty for every account. */
  grantTerms(identity: Identity, target: string, account: string, wanted: WantedGrant): GrantTerms
  /** The whole policy as canonical JSON: members sorted, no spaces. Holds no secret. */
  readonly text: string
  /** SHA-256 of {@link text}, hex; part of every session's evidence. */
  readonly hash: string
}

/** A name in a message: long enough for any that is configured. */
const shown_characters_max = 64

export interface PolicyPorts {
  /** UTC. */
  readonly now_ms?: () => number
  /** Who has which access for a time, and who has none any more. */
  readonly access?: AccessGate
  /**
   * Under which Cedar keeps what it has prepared. Of policies of the same name the newest alone can be asked: it takes
   * the places of those before. Its own unless given.
   */
  readonly engine?: string
}

export function createPolicy(
  config: PolicySource,
  parts: PolicyParts,
  { now_ms = Date.now, access = no_access_gate, engine }: PolicyPorts = {},
): StaticPolicy {
  const targets = new Map(
    config.targets.map(({ name, accounts }) => [name, new Set(Object.keys(accounts))]),
  )
  const labels = new Map(config.targets.map((target) => [target.name, target.labels ?? {}]))
  const rules = createEngine(parts.policies, engine)
  const judge = withGrants(
    createJudge({
      engine: rules,
      read: parts.read,
      shells: config.policy.shell ?? 'screen',
      now_ms,
    }),
    access,
  )
  const text = canonicalPolicy(config, parts.text)
  const epochs = createEpochs()
  const place = (target: string, at: AskedAt): Place => ({
    target,
    labels: labels.get(target) ?? {},
    ...at,
  })
  return {
    ...createDuties(rules),
    text,
    hash: sha256(text),
    connect(identity, account, target, source = '') {
      const revocation = access.revoked(identity)
      if (revocation !== undefined) return denied('access.revoked', revocation.message)
      const known = connect(targets, account, target)
      if (!known.allowed) return known
      const where = place(target, { account, source })
      const verdict = judge.plain(identity, where, 'connect')
      if (verdict.allowed) judge.expect(identity, where)
      const useful = verdict.allowed
        ? undefined
        : usual_grants.find(({ wanted }) => judge.terms(identity, where, wanted).ok)
      return useful === undefined
        ? verdict
        : denied(
            verdict.rule,
            `this target needs a grant: sluice request --target ${target} ${useful.words} --reason TEXT`,
          )
    },
    channel: (identity, target, request, at = nowhere) =>
      targets.has(target)
        ? channel({ config, judge, identity, place: place(target, at) }, request)
        : unknownTarget(target),
    capability: (identity, target, name, at = nowhere) =>
      targets.has(target)
        ? capability({ config, judge, identity, place: place(target, at) }, name)
        : unknownTarget(target),
    demandsTelling: config.policy.shell === 'shell',
    judgesTyped: (identity, target, at = nowhere) =>
      targets.has(target) && judge.judgesTyped(identity, place(target, at)),
    typed: (identity, target, line, at = nowhere) =>
      targets.has(target)
        ? judge.typed(identity, place(target, at), line)
        : { verdict: unknownTarget(target), is_partial: false },
    readsObjects: membersOf(parts.policies)?.has('objects') ?? true,
    get epoch() {
      return epochs.of(now_ms())
    },
    statement: (identity, target, asked, at = nowhere) =>
      targets.has(target)
        ? (refusedStatement(asked.statement) ?? judge.query(identity, place(target, at), asked))
        : unknownTarget(target),
    grantTerms(identity, target, account, wanted) {
      const accounts = targets.get(target)
      if (accounts === undefined) return { ok: false, message: unknownTarget(target).message }
      if (account !== '' && !accounts.has(account))
        return { ok: false, message: `${shown(target)} has no account ${shown(account)} here` }
      const all = (account === '' ? [...accounts] : [account]).map((each) =>
        judge.terms(identity, place(target, { account: each, source: '' }), wanted),
      )
      const open = all.filter((each) => each.ok)
      const [first] = open
      if (first === undefined)
        return all[0] ?? { ok: false, message: `${shown(target)} has no account here` }
      // For every account is what the strictest of them wants.
      return {
        ...first,
        approvals: needs(open.flatMap(({ approvals }) => approvals)),
        expires_ms: Math.min(...open.map(({ expires_ms }) => expires_ms)),
      }
    },
    approve: (approver, target, account, terms) =>
      targets.has(target) &&
      judge.approve(approver, { target, account, labels: labels.get(target) ?? {} }, terms),
  }
}

/** Whether a grant would help at all is asked with one that a person would ask for. */
/** What is told to who has none: the first that would let them in. */
const usual_grants: readonly { readonly wanted: WantedGrant; readonly words: string }[] = [
  { wanted: { break_glass: false, duration_ms: 3_600_000 }, words: '--for 1h' },
  { wanted: { break_glass: false, duration_ms: 60_000 }, words: '--for 1m' },
  { wanted: { break_glass: true, duration_ms: 3_600_000 }, words: '--for 1h --break-glass' },
  { wanted: { break_glass: true, duration_ms: 60_000 }, words: '--for 1m --break-glass' },
]

/** Policy that reads what is not told fails, and that denies. */
const nowhere: AskedAt = { account: '', source: '' }

/** A question, and who answers it. */
interface Asked {
  readonly config: PolicySource
  readonly judge: Judge
  readonly identity: Identity
  readonly place: Place
}

function connect(
  targets: ReadonlyMap<string, ReadonlySet<string>>,
  account: string,
  target: string,
): Verdict {
  const accounts = targets.get(target)
  if (accounts === undefined) return unknownTarget(target)
  if (!accounts.has(account))
    return denied(
      'policy.unknown_account',
      `${shown(target)} has no account ${shown(account)} here; log in as ACCOUNT@TARGET, or ask the gateway's administrator`,
    )
  return { allowed: true, rule: 'policy.identified' }
}

// Which targets exist is nothing that a guess should teach.
function unknownTarget(target: string): Denial {
  return denied(
    'policy.unknown_target',
    `no target ${shown(target)} here; log in as ACCOUNT@TARGET, or ask the gateway's administrator`,
  )
}

function channel(asked: Asked, request: ChannelRequest): Verdict {
  const { judge, identity, place } = asked
  switch (request.kind) {
    case 'shell':
      return tellsOfCommands(asked, request)
        ? judge.shell(identity, place, request)
        : denied(
            'policy.shell.minimum_confidence',
            `an interactive shell needs a terminal and shell_integration: true of target ${shown(place.target)}: policy.shell.minimum_confidence: shell`,
          )
    case 'database':
      return { allowed: true, rule: 'policy.database' }
    case 'exec': {
      const detour = recogniseDetour(request.command)
      if (detour !== undefined) return denied(`policy.detour.${detour.tool}`, detour.message)
      const transfer = recogniseTransfer(request.command)
      if (transfer === undefined) return judge.exec(identity, place, request)
      const verdict = transferVerdict(asked, transfer)
      if (!verdict.allowed || transfer.argv !== undefined) return verdict
      // More than a transfer, or another way to one: it is a command, too.
      const as_command = judge.exec(identity, place, request)
      return as_command.allowed ? { ...as_command, ...verdict } : as_command
    }
    case 'subsystem': {
      const name = new TextDecoder().decode(request.command)
      return name === 'sftp'
        ? transferVerdict(asked, sftp_subsystem)
        : denied('policy.subsystem', `the subsystem ${shown(name)} is not known and not allowed`)
    }
    case 'forward':
    case 'reverse':
      return capability(asked, 'forwarding')
    case 'agent':
      return capability(asked, 'agent_forwarding')
  }
}

/** Where that is asked for. */
function tellsOfCommands({ config, place }: Asked, { pty }: ChannelRequest): boolean {
  if (config.policy.shell !== 'shell') return true
  const target = config.targets.find(({ name }) => name === place.target)
  return target?.shell_integration === true && pty !== undefined
}

function transferVerdict(asked: Asked, transfer: Transfer): Verdict {
  const { tool, directions, argv } = transfer
  const { config, judge, identity, place } = asked
  const choices: Record<TransferDirection, TransferChoice> = { ...config.policy.transfers }
  let forbidden: Verdict | undefined
  for (const each of directions) {
    if (choices[each] === 'deny') continue
    const verdict = judge.plain(identity, place, each)
    if (verdict.allowed) continue
    forbidden = verdict
    choices[each] = 'deny'
  }
  const refused = directions.filter((each) => choices[each] === 'deny')
  const rule = `policy.transfers.${directions.filter((each) => !refused.includes(each)).join('+')}`
  // The codec of sftp denies each request that policy does not allow.
  if (tool === 'sftp' && argv !== undefined && refused.length < directions.length)
    return { allowed: true, rule, transfer: { tool, argv, choices } }
  if (refused.length === 0) {
    if (argv !== undefined) return { allowed: true, rule, transfer: { tool, argv, choices } }
    const unread = directions.filter((each) => choices[each] === 'scan')
    if (unread.length === 0) return { allowed: true, rule }
    return denied(
      `policy.transfers.${unread.join('+')}`,
      `file transfer by ${tool} in this form cannot be scanned, and policy demands it: ${unread
        .map((each) => `policy.transfers.${each}: scan`)
        .join(', ')}`,
    )
  }
  if (forbidden !== undefined && refused.every((each) => config.policy.transfers[each] !== 'deny'))
    return forbidden
  const keys = refused.map((each) => `policy.transfers.${each}: deny`).join(', ')
  const both =
    directions.length === 2 && argv === undefined
      ? ' (it can do both, so it needs both allowed)'
      : ''
  return denied(
    `policy.transfers.${refused.join('+')}`,
    `file transfer by ${tool} is off by policy: ${keys}${both}`,
  )
}

function capability({ config, judge, identity, place }: Asked, name: Capability): Verdict {
  const { policy } = config
  switch (name) {
    case 'forwarding':
    case 'agent_forwarding': {
      if (policy[name] === 'allow') {
        const verdict = judge.plain(identity, place, 'forward')
        return verdict.allowed ? { ...verdict, rule: `policy.${name}` } : verdict
      }
      const what = name === 'forwarding' ? 'port forwarding' : 'agent forwarding'
      return denied(`policy.${name}`, `${what} is off by policy: policy.${name}: deny`)
    }
    case 'upload':
    case 'download':
      if (policy.transfers[name] !== 'deny') {
        const verdict = judge.plain(identity, place, name)
        return verdict.allowed ? { ...verdict, rule: `policy.transfers.${name}` } : verdict
      }
      return denied(
        `policy.transfers.${name}`,
        `${name} is off by policy: policy.transfers.${name}: deny`,
      )
    case 'x11':
      return denied(
        'policy.x11',
        'X11 forwarding is never allowed: it carries what is not recorded',
      )
  }
}

/** Targets and accounts are part of it: who may reach what depends on which there are. */
function canonicalPolicy({ policy, targets }: PolicySource, cedar: string): string {
  const reachable = Object.fromEntries(
    targets
      .map(
        ({ name, accounts, labels = {}, shell_integration = false }) =>
          [
            name,
            {
              accounts: Object.keys(accounts).toSorted(),
              labels: Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
              shell_integration,
            },
          ] as const,
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
  return JSON.stringify({
    agent_forwarding: policy.agent_forwarding,
    cedar: sha256(cedar),
    forwarding: policy.forwarding,
    targets: reachable,
    shell: policy.shell ?? 'screen',
    transfers: { download: policy.transfers.download, upload: policy.transfers.upload },
    v: 3,
  })
}

const sha256 = (text: string): string => new Bun.CryptoHasher('sha256').update(text).digest('hex')

/** What came from a client is shown in quotes, short, and without anything that moves a cursor. */
function shown(text: string): string {
  const short =
    text.length > shown_characters_max ? `${text.slice(0, shown_characters_max)}...` : text
  return JSON.stringify(short.replace(/\p{C}/gu, '?'))
}

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule, message }
}
