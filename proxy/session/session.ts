/**
 * The life of one session: decide, record, dial, pump each channel, end. Knows no protocol.
 *
 * @module
 */
import type { TimedGrant } from '../core/access.ts'
import type { Approvals, MaskedCommand } from '../core/approval.ts'
import type { Channel, ChannelRequest, Endpoint, Greeting, Link } from '../core/connector.ts'
import { RecorderError, TargetError } from '../core/errors.ts'
import { session_channels_max } from '../core/limits.ts'
import type { EndReason, Policy, Recorder, SessionRecorder } from '../core/ports.ts'
import type { Screen, ScreenSize } from '../core/screen.ts'
import type { TellingShell } from '../core/telling.ts'
import type { Denial } from '../core/verdict.ts'
import type { Flight } from './flight.ts'
import { statementHold, statementJudge } from './held-statement.ts'
import { type HoldEnd, waitForApproval } from './hold.ts'
import { type OpenTyped, type Pump, startPump } from './pump.ts'
import { typedChannel } from './typed-channel.ts'

export interface SessionPorts {
  readonly policy: Policy
  readonly recorder: Recorder
  /** Where commands wait for a person; without it what policy holds is denied. */
  readonly approvals?: Approvals | undefined
  readonly flight: Flight
  /** Without it, lines are judged by their keys alone. */
  openScreen?(size: ScreenSize): Promise<Screen>
  /** Monotonic milliseconds. */
  now_ms(): number
  /** Something in the session is allowed by this grant from now on. */
  granted?(session: Session, grant: TimedGrant): void
  /** Labels of a target, none for one that does not exist. */
  labels(target: string): Readonly<Record<string, string>>
  readonly protocol: string
  /** A fault of ours: only the operator hears of it. */
  fault(error: unknown): void
}

export interface Session {
  /** As it is on record; undefined until its start is. */
  readonly id: string | undefined
  /** Without which something in it would not have been allowed: it ends with each of them. */
  readonly grants: readonly TimedGrant[]
  /** Ends it, with a line that the user sees. */
  end(reason: EndReason, message: string): void
  /** Shows a line on every channel that can. */
  say(message: string): void
  readonly ended: Promise<void>
}

/** Exit status of what was not run, as a shell has it. */
const exit_denied = 126
/** Exit status of a failure that is not the command's: ssh's own. */
const exit_failed = 255

const shell_silent =
  'the shell of this account cannot tell of its commands, as policy.shell.minimum_confidence demands: it has to be bash from 5.1 on, or zsh'

export function startSession(greeting: Greeting, ports: SessionPorts): Session {
  let link: Link | undefined
  let id: string | undefined
  const grants: TimedGrant[] = []
  const at: { account: string; source: string; let_in_by?: TimedGrant } = {
    account: greeting.account,
    source: greeting.source,
  }
  const shown_on = new Set<Channel>()
  /** While there was no channel: for the next one. */
  const unsaid: string[] = []
  let end_reason: EndReason | undefined
  let end_detail = ''
  const end = (reason: EndReason, message: string): void => {
    if (end_reason !== undefined) return
    end_reason = reason
    end_detail = message
    if (link === undefined) greeting.refuse({ allowed: false, rule: reason, message })
    else link.close(message)
  }
  const { policy } = ports
  const { promise: ended, resolve: over, reject: broken } = Promise.withResolvers<void>()
  const session: Session = {
    get id() {
      return id
    },
    grants,
    end,
    say(message) {
      if (shown_on.size === 0) unsaid.push(message)
      for (const channel of shown_on) channel.say?.(message)
    },
    ended,
  }
  run().then(over, broken)
  return session

  async function run(): Promise<void> {
    const { identity, account, target } = greeting
    const verdict = policy.connect(identity, account, target, greeting.source)
    const pumps = new Map<number, Pump>()
    const opened = ports.recorder.open(
      {
        identity,
        proof: greeting.proof,
        protocol: ports.protocol,
        account,
        target,
        labels: ports.labels(target),
        source: greeting.source,
        context: greeting.context,
      },
      {
        release: (channel, stream, bytes, raw_length) =>
          pumps.get(channel)?.release(stream, bytes, raw_length),
        stopped: (channel, message) => pumps.get(channel)?.refuse(message),
        failed: (message) => {
          end('recording_failed', message)
          for (const pump of pumps.values()) pump.stop()
        },
      },
    )
    // The grant is there, so the dial need not wait for the disk; the first command will.
    const dialled = verdict.allowed ? greeting.welcome(verdict) : undefined
    dialled?.catch(() => {})
    let recorder: SessionRecorder
    try {
      recorder = await opened
      ;({ id } = recorder)
    } catch (error) {
      const message = error instanceof RecorderError ? error.message : 'recording failed'
      end('recording_failed', `no session: ${message}`)
      await dialled?.then(
        (late) => late.close(),
        () => {},
      )
      await greeting.closed
      return
    }
    try {
      if (verdict.allowed && verdict.by_grant !== undefined) {
        at.let_in_by = verdict.by_grant
        await restOn(verdict.by_grant, recorder)
      }
      await recorder.event(0, { kind: 'verdict', verdict, asked: 'connect' })
      if (!verdict.allowed) {
        end('denied', verdict.message)
      } else if (dialled !== undefined) {
        link = await dialled
        await recorder.event(0, { kind: 'dialled', ...link.dialled })
        if (end_reason === undefined) await serve(link, recorder, pumps)
        else link.close(end_detail)
      }
    } catch (error) {
      await fail(error, recorder)
    }
    await greeting.closed
    await recorder.close(end_reason ?? 'client', end_detail).catch(() => {})
  }

  /** It is on record before what it allows is; and the session ends with it. */
  async function restOn(grant: TimedGrant, recorder: SessionRecorder): Promise<void> {
    if (grants.some((each) => each.id === grant.id)) return
    grants.push(grant)
    ports.granted?.(session, grant)
    // A channel that begins says so itself.
    if (shown_on.size > 0) session.say(words(grant))
    await recorder.event(0, { kind: 'grant', grant, policy_hash: policy.hash })
  }

  async function fail(error: unknown, recorder: SessionRecorder): Promise<void> {
    if (error instanceof TargetError) {
      const { code, message } = error
      await recorder.event(0, { kind: 'failed', code, message }).catch(() => {})
      end('failed', message)
    } else if (error instanceof RecorderError) {
      end('recording_failed', error.message)
    } else {
      ports.fault(error)
      end('failed', 'internal error: the session ends')
    }
  }

  /** Resolves when the link is closed and every channel is recorded to its end. */
  async function serve(
    open: Link,
    recorder: SessionRecorder,
    pumps: Map<number, Pump>,
  ): Promise<void> {
    const channels = new Set<Promise<void>>()
    const { promise: closed, resolve: close } = Promise.withResolvers<void>()
    open.start({
      channel: (channel) => {
        if (channels.size >= session_channels_max) {
          channel.refuse('too many channels in this session', exit_denied)
          return
        }
        const served = serveChannel(channel, recorder, pumps)
          .catch((error: unknown) => {
            const is_known = error instanceof RecorderError
            if (!is_known) ports.fault(error)
            channel.refuse(is_known ? error.message : 'internal error', exit_failed)
          })
          .finally(() => channels.delete(served))
        channels.add(served)
      },
      capability: async (name, detail) => {
        const verdict = policy.capability(greeting.identity, greeting.target, name, at)
        const asked = `${name} ${detail}`.trim()
        try {
          if (verdict.allowed && verdict.by_grant !== undefined)
            await restOn(verdict.by_grant, recorder)
          await recorder.event(0, { kind: 'verdict', verdict, asked })
          return verdict
        } catch {
          const message = 'recording failed'
          end('recording_failed', message)
          return { allowed: false, rule: 'recording_failed', message }
        }
      },
      closed: (reason, error) => {
        if (reason !== 'gateway') end(reason, error === undefined ? '' : 'the connection was lost')
        close()
      },
    })
    await closed
    for (const pump of pumps.values()) pump.stop()
    await Promise.all(channels)
  }

  /** Undefined where nobody can approve: it stays denied. */
  async function hold(
    channel: Channel,
    recorder: SessionRecorder,
    { rule, hold: terms }: Denial,
    shown: MaskedCommand,
  ): Promise<HoldEnd | undefined> {
    const { identity, account, target, source } = greeting
    const { request } = channel
    if (ports.approvals === undefined || terms === undefined || !canWait(request)) return undefined
    if (channel.wait === undefined) return undefined
    return waitForApproval({
      approvals: ports.approvals,
      channel,
      recorder,
      command: {
        session: recorder.id,
        channel: channel.id,
        identity,
        account,
        target,
        labels: ports.labels(target),
        source,
        environment: request.env,
        is_terminal: request.pty !== undefined,
        command: request.command,
        shown,
        rule,
        terms,
      },
      judge: () => policy.channel(identity, target, request, at),
    })
  }

  /** Undefined where nothing is typed. */
  async function openTyped(
    channel: Channel,
    recorder: SessionRecorder,
    telling: TellingShell | undefined,
  ): Promise<OpenTyped | undefined> {
    const { kind, pty } = channel.request
    const { identity, target } = greeting
    // A program without a terminal reads data; a shell without one reads a script.
    if (kind !== 'shell' && (kind !== 'exec' || pty === undefined)) return undefined
    // Another policy may come: then there are the keys.
    const judges = policy.judgesTyped(identity, target, at)
    const screen = pty === undefined || !judges ? undefined : await ports.openScreen?.(pty)
    return typedChannel({
      channel,
      recorder,
      policy,
      approvals: ports.approvals,
      telling,
      identity,
      at,
      rest: (grant) => restOn(grant, recorder),
      target,
      labels: ports.labels(target),
      screen,
      now_ms: ports.now_ms,
    })
  }

  async function serveChannel(
    channel: Channel,
    recorder: SessionRecorder,
    pumps: Map<number, Pump>,
  ): Promise<void> {
    const { identity, target } = greeting
    let verdict = policy.channel(identity, target, channel.request, at)
    const asked = describe(channel.request)
    const [shown] = await Promise.all([
      recorder.channel(channel.id, channel.request),
      recorder.event(channel.id, { kind: 'verdict', verdict, asked }),
    ])
    let exit_code = exit_denied
    if (!verdict.allowed && verdict.hold !== undefined && shown !== undefined) {
      const held = await hold(channel, recorder, verdict, shown)
      if (held !== undefined) {
        verdict = held.verdict
        if ('exit_code' in held) exit_code = held.exit_code
        await recorder.event(channel.id, { kind: 'verdict', verdict, asked })
      }
    }
    if (verdict.allowed && verdict.by_grant !== undefined) await restOn(verdict.by_grant, recorder)
    if (!verdict.allowed) {
      channel.refuse(verdict.message, exit_code)
      await recorder.event(channel.id, { kind: 'channel_end' })
      return
    }
    let endpoint: Endpoint
    let telling: TellingShell | undefined
    try {
      telling = await channel.dialTelling?.()
      if (telling === undefined && channel.request.kind === 'shell' && policy.demandsTelling)
        throw new TargetError('shell_silent', shell_silent)
      endpoint = telling?.endpoint ?? (await channel.dial())
    } catch (error) {
      if (!(error instanceof TargetError)) throw error
      const { code, message } = error
      await recorder.event(channel.id, { kind: 'failed', code, message })
      channel.refuse(message, exit_failed)
      await recorder.event(channel.id, { kind: 'channel_end' })
      return
    }
    const statements = {
      ...{ channel, recorder, policy, approvals: ports.approvals, identity, at, target },
      labels: ports.labels(target),
      rest: (grant: TimedGrant) => restOn(grant, recorder),
    }
    const codecs = channel.codecs(verdict, statementJudge(statements))
    // What moves files is no line that somebody types, with a terminal or without.
    const open_typed =
      verdict.transfer === undefined ? await openTyped(channel, recorder, telling) : undefined
    const pump = startPump(
      ...([channel, codecs, endpoint, recorder, ports.flight, () => pumps.size] as const),
      ...([open_typed, statementHold(statements)] as const),
    )
    pumps.set(channel.id, pump)
    for (const grant of grants)
      if (grant.break_glass || channel.request.pty !== undefined) channel.say?.(words(grant))
    for (const message of unsaid.splice(0)) channel.say?.(message)
    shown_on.add(channel)
    await pump.ended.finally(() => shown_on.delete(channel))
    pumps.delete(channel.id)
  }
}

function words({ id, break_glass, ends_us }: TimedGrant): string {
  const until = `${new Date(ends_us / 1_000).toISOString().slice(11, 19)} UTC`
  return break_glass
    ? `BREAK-GLASS by ${id}, until ${until}: nobody approved this, everybody is told, and it is reviewed`
    : `by grant ${id}, until ${until}: this session ends with it`
}

/** Of programs alone: what else a protocol carries is allowed or not. */
const canWait = ({ kind }: ChannelRequest): boolean => kind === 'exec'

/** What was asked, without its words: those are in the command's own masked record. */
const describe = ({ kind, pty }: ChannelRequest): string =>
  pty === undefined ? kind : `${kind} with a terminal`
