/**
 * A channel into which commands are typed: each is judged, recorded with how surely it is known, and held where policy
 * says so, before its Enter reaches the target.
 *
 * @module
 */
import type { TimedGrant } from '../core/access.ts'
import type { Approvals, MaskedCommand } from '../core/approval.ts'
import type { Channel } from '../core/connector.ts'
import type { Identity } from '../core/identity.ts'
import type {
  AskedAt,
  Policy,
  SessionRecorder,
  TypedConfidence,
  TypedVerdict,
} from '../core/ports.ts'
import type { Screen } from '../core/screen.ts'
import type { TellingShell, ToldCommand } from '../core/telling.ts'
import type { Denial, Verdict } from '../core/verdict.ts'
import { waitForApproval } from './hold.ts'
import type { OpenTyped } from './pump.ts'
import { createScript } from './script.ts'
import { createTyped, type Decided, type EnteredLine, type TypedPorts } from './typed.ts'

export interface TypedChannelParts {
  readonly channel: Channel
  readonly recorder: SessionRecorder
  readonly policy: Policy
  readonly approvals: Approvals | undefined
  /** Set where a shell tells of its commands. */
  readonly telling: TellingShell | undefined
  readonly identity: Identity
  readonly at: AskedAt
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  /** The session rests on this grant from now on; resolves when that is on record. */
  rest(grant: TimedGrant): Promise<void>
  /** Undefined where there is no terminal. */
  readonly screen: Screen | undefined
  now_ms(): number
}

/** As a shell that may not run something. */
const exit_denied = 126
const nothing = new Uint8Array()
/** In a verdict's record. */
const asked = 'typed'
const silent = 'the shell tells of its commands no more'

interface Line {
  readonly text: Uint8Array
  readonly confidence: TypedConfidence
  readonly cwd?: string
  /** It is judged, and never recorded. */
  readonly is_hidden?: boolean
}

export const typedChannel =
  (parts: TypedChannelParts): OpenTyped =>
  ({ recorded, refuse, ...pump }) => {
    const { channel, recorder, policy, identity, at, target, screen, telling } = parts
    const is_terminal = channel.request.pty !== undefined
    let commands = 0
    let refusal = ''
    /** What the shell was allowed to run, and how often that has not begun. */
    let running: number | undefined
    let is_allowed = false
    /** A line that was approved while a program ran, which may leave it to the shell: that asks about it once more then. */
    let approved: string | undefined

    const judge = (line: Line): TypedVerdict => {
      const { text, confidence } = line
      return policy.typed(identity, target, { text, confidence, is_terminal }, at)
    }

    const rest = (verdict: Verdict): void => {
      if (verdict.allowed && verdict.by_grant !== undefined) recorded(parts.rest(verdict.by_grant))
    }

    const decide = async (lines: readonly EnteredLine[]): Promise<Decided> => {
      const judged = lines.map(({ text, is_hidden }) => {
        const line: Line = { text: new TextEncoder().encode(text), confidence: 'screen', is_hidden }
        return { line, ...judge(line) }
      })
      const is_partial = judged.some((one) => one.is_partial)
      const { line, verdict } = judged.reduce((most, one) =>
        strictness(one.verdict) > strictness(most.verdict) ? one : most,
      )
      if (verdict.allowed) {
        for (const one of judged) rest(one.verdict)
        // A line that was not shown may be a password.
        const [shown] = judged.filter((one) => one.line.is_hidden !== true)
        if (shown !== undefined) void record(shown.line, shown.verdict)
        return { allowed: true, is_partial }
      }
      const end = await refuseOrHold(line, verdict)
      if (!end.allowed) refusal = end.message
      else approved = new TextDecoder().decode(line.text)
      return { allowed: end.allowed, is_partial }
    }

    /** Both are asked for at once, in this order. Resolves with the command as it is on record once both are durable. */
    const record = (line: Line, verdict: Verdict): Promise<MaskedCommand> => {
      commands += 1
      const { confidence, cwd, is_hidden = false } = line
      const where = cwd === undefined ? {} : { cwd }
      const text = is_hidden ? nothing : line.text
      const both = Promise.all([
        recorder.command(channel.id, { text, confidence, command: commands, ...where }),
        recorder.event(channel.id, { kind: 'verdict', verdict, asked }),
      ])
      recorded(both)
      return both.then(([shown]) => shown)
    }

    const refuseOrHold = async (line: Line, verdict: Denial): Promise<Verdict> => {
      const { approvals, labels } = parts
      const shown = await record(line, verdict)
      const { hold: terms, rule } = verdict
      if (terms === undefined || approvals === undefined) return verdict
      // Nobody could see what they approve.
      if (line.is_hidden === true)
        return { ...verdict, message: 'this line needs an approval, and was not shown' }
      const held = await waitForApproval({
        approvals,
        channel,
        recorder,
        command: {
          session: recorder.id,
          channel: channel.id,
          identity,
          account: at.account,
          source: at.source,
          target,
          labels,
          environment: channel.request.env,
          is_terminal,
          command: line.text,
          shown,
          rule,
          terms,
        },
        judge: () => judge(line).verdict,
      })
      rest(held.verdict)
      const judged = recorder.event(channel.id, { kind: 'verdict', verdict: held.verdict, asked })
      recorded(judged)
      await judged
      return held.verdict
    }

    const say = (message: string): void => {
      const said = channel.wait?.(() => {})
      said?.say(message)
      said?.end()
    }

    const ports: TypedPorts = {
      ...pump,
      screen,
      now_ms: parts.now_ms,
      judges: () => policy.judgesTyped(identity, target, at),
      decide,
      refused() {
        if (is_terminal) say(refusal)
        else refuse(refusal, exit_denied)
      },
      silent: lost,
      unasked,
    }
    const typed = is_terminal ? createTyped(ports) : createScript(ports)

    function unasked(): void {
      const message = 'the shell ran what it had not asked about'
      recorded(recorder.event(channel.id, { kind: 'failed', code: 'shell_silent', message }))
      refuse(message, exit_denied)
    }

    /** From here on its lines are read from the screen, where that is enough. */
    function lost(): void {
      recorded(
        recorder.event(channel.id, { kind: 'failed', code: 'shell_silent', message: silent }),
      )
      typed.heard('lost')
      if (policy.demandsTelling) refuse(silent, exit_denied)
      else say(`${silent}: they are read from the screen`)
    }

    const answer = async (shell: TellingShell, { id, text, cwd }: ToldCommand): Promise<void> => {
      const line: Line = { text, cwd, confidence: 'shell' }
      const { verdict } = judge(line)
      // What is entered at the prompt is another one: an approval is for once.
      const was_approved =
        !verdict.allowed &&
        verdict.hold !== undefined &&
        !typed.is_entered &&
        approved === new TextDecoder().decode(text)
      approved = undefined
      let end: Verdict = was_approved ? { allowed: true, rule: verdict.rule } : verdict
      rest(end)
      if (end.allowed) await record(line, end)
      else end = await refuseOrHold(line, end)
      if (end.allowed) {
        running = commands
        is_allowed = true
        shell.answer(id)
        typed.heard('allowed')
      } else {
        shell.answer(id, end.message)
        typed.heard('refused')
      }
    }

    telling?.listen({
      asks(command) {
        typed.heard('asks')
        answer(telling, command).catch(pump.failed)
      },
      began() {
        if (is_allowed) typed.heard('began')
        else unasked()
      },
      prompts(code) {
        if (running !== undefined)
          recorded(recorder.event(channel.id, { kind: 'command_end', command: running, code }))
        running = undefined
        is_allowed = false
        typed.heard('prompts')
      },
      lost,
    })
    return typed
  }

const strictness = (verdict: Verdict): number => {
  if (verdict.allowed) return 0
  return verdict.hold === undefined ? 2 : 1
}
