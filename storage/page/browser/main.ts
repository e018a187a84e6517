/**
 * The page: takes a bundle or a disclosure and a trust file, says what is wrong with them, shows who did what, and
 * plays the terminals. It asks no network for anything, and its policy would not let it.
 *
 * @module
 */
import { isArchive } from '../../bundle/archive.ts'
import { type BundledSession, verifyBundle } from '../../bundle/check.ts'
import { stepsOf } from '../../bundle/commands.ts'
import { terminalsOf } from '../../bundle/contents.ts'
import { bundle_bytes_max } from '../../bundle/limits.ts'
import { disclosure_bytes_max } from '../../evidence/limits.ts'
import type { RecordHeader } from '../../evidence/record.ts'
import { parseTrust, type Trust } from '../../evidence/trust.ts'
import { linesOf } from '../../replay/lines.ts'
import { plainText } from '../../replay/plain.ts'
import { formatTime } from '../../replay/time.ts'
import { timeline } from '../../replay/timeline.ts'
import { type Disclosed, verifyDisclosure } from '../../verify/disclosure-check.ts'
import type { Report, Verdict } from '../../verify/report.ts'
import { settled } from './crypto.ts'
import { element, facts, type PageFile, part } from './dom.ts'
import { openPlayer } from './player.ts'

const text_characters_max = 2000
const steps_shown_max = 20_000
const lines_shown_max = 5_000
const verdicts: Readonly<Record<Verdict, string>> = {
  verified: 'Verified: this is the evidence that was recorded.',
  consistent_unanchored:
    'Consistent, unanchored: without a trust file all of it could have been made anew.',
  failed: 'FAILED: this is not the evidence that was recorded.',
}

const [evidence, trust_file] = [part('evidence'), part('trust')]
evidence.onchange = trust_file.onchange = () => void look()
evidence.disabled = trust_file.disabled = false
say('ready', 'Choose the bundle, and the trust file that somebody else gave you.')

let newest = 0

async function look(): Promise<void> {
  const run = ++newest
  const [file] = evidence.files ?? []
  if (file === undefined) return
  say('busy', 'Checking ...')
  for (const id of ['findings', 'facts', 'steps', 'terminals', 'screen', 'lines'])
    part(id).replaceChildren()
  part('player').hidden = part('output').hidden = true
  try {
    const trust = await readTrust(trust_file.files?.[0])
    const bytes = await readFile(file, bundle_bytes_max)
    const show = isArchive(bytes)
      ? await lookAtBundle(bytes, trust)
      : await lookAtDisclosure(bytes, trust)
    // Another file was chosen meanwhile.
    if (run === newest) await show()
  } catch (error) {
    if (run === newest) say('failed', reasonOf(error))
  }
}

async function lookAtBundle(
  bytes: Uint8Array,
  trust: Trust | undefined,
): Promise<() => Promise<void>> {
  const { report, session } = await settled(() => verifyBundle(bytes, trust))
  return async () => {
    showReport(report)
    if (session === undefined) return
    part('facts').append(sessionFacts(session, report))
    await showSteps(session)
    await showTerminals(session)
    await showOutput(session)
  }
}

async function lookAtDisclosure(
  bytes: Uint8Array,
  trust: Trust | undefined,
): Promise<() => Promise<void>> {
  if (bytes.length > disclosure_bytes_max) throw new Error('The file is too large.')
  const { report, disclosed } = await settled(() => verifyDisclosure(bytes, trust))
  return async () => {
    showReport(report)
    if (disclosed !== undefined) part('facts').append(disclosedFacts(disclosed))
  }
}

async function readTrust(file: PageFile | undefined): Promise<Trust | undefined> {
  if (file === undefined) return undefined
  const bytes = await readFile(file, disclosure_bytes_max)
  const parsed = await settled(() => parseTrust(bytes))
  if (!parsed.ok) throw new Error(`The trust file cannot be used: ${parsed.reason}`)
  return parsed.trust
}

async function readFile(file: PageFile, bytes_max: number): Promise<Uint8Array> {
  if (file.size > bytes_max) throw new Error(`${plainText(file.name, 100)} is too large.`)
  return new Uint8Array(await file.arrayBuffer())
}

function showReport({ verdict, findings }: Report): void {
  for (const { severity, code, message } of findings) {
    const line = element('li', '', severity)
    line.append(element('b', code), ` ${plainText(message, text_characters_max)}`)
    part('findings').append(line)
  }
  say(verdict, verdicts[verdict])
}

function sessionFacts({ manifest }: BundledSession, { log }: Report) {
  const { session, identity, account, target, time, ended, end_reason, gateway, source } = manifest
  return facts(
    (
      [
        ['session', session],
        [
          'who',
          `${identity.subject} (${identity.groups.join(', ')}), by ${identity.method} of ${identity.issuer}`,
        ],
        ['from', source],
        ['where', `${account} on ${target}, through ${gateway}`],
        ['when', `${time} to ${ended} (${end_reason})`],
        ['log', log === undefined ? '' : `${log.origin}, size ${log.size}, root ${log.root}`],
      ] as const
    ).map(([name, text]) => [name, plainText(text, text_characters_max)]),
  )
}

function disclosedFacts({ manifest, header, span, value }: Disclosed) {
  const { session, identity, account, target } = manifest
  return facts(
    (
      [
        ['session', session],
        ['who', `${identity.subject} as ${account} on ${target}`],
        ['when', formatTime(header.t_us)],
        ['where', `record ${header.seq} (${header.kind}), masked by the rule ${span.rule}`],
        ['value', new TextDecoder().decode(value)],
      ] as const
    ).map(([name, text]) => [name, plainText(text, text_characters_max)]),
  )
}

async function showSteps({ records }: BundledSession): Promise<void> {
  const list = part('steps')
  let shown = 0
  for await (const { time, channel, kind, text } of stepsOf(timeline(records()))) {
    if (++shown > steps_shown_max) {
      list.append(element('li', 'and more: commands.json has all'))
      return
    }
    const line = element('li')
    line.append(
      element('time', time),
      ` #${channel} `,
      element('b', kind),
      ' ',
      element('code', text),
    )
    list.append(line)
  }
}

async function showTerminals(session: BundledSession): Promise<void> {
  const terminals = await terminalsOf(session.records())
  for (const channel of terminals) {
    const button = element('button', `terminal ${channel.channel}`)
    button.onclick = () => void openPlayer(session.records(), channel)
    part('terminals').append(button)
  }
  const [first] = terminals
  if (first !== undefined) await openPlayer(session.records(), first)
}

/** Of programs without a terminal, which have nothing to play; what a database answered is among the steps. */
async function showOutput({ records }: BundledSession): Promise<void> {
  const programs = new Set<number>()
  for await (const item of timeline(records()))
    if (item.kind === 'record' && item.header.kind === 'channel' && isPlainProgram(item.header))
      programs.add(item.header.channel)
  let shown = 0
  for await (const { t_us, channel, stream, text } of linesOf(timeline(records()))) {
    if (!programs.has(channel)) continue
    part('output').hidden = false
    if (++shown > lines_shown_max) {
      part('lines').append(element('li', 'and more: sluice replay shows all'))
      return
    }
    const line = element('li', '', stream === 2 ? 'error' : '')
    line.append(
      element('time', formatTime(t_us)),
      ` #${channel} `,
      element('code', plainText(text, text_characters_max)),
    )
    part('lines').append(line)
  }
}

const isPlainProgram = ({ request, pty }: Extract<RecordHeader, { kind: 'channel' }>): boolean =>
  pty === undefined && request !== 'database'

function say(state: string, text: string): void {
  const verdict = part('verdict')
  verdict.dataset['state'] = state
  verdict.textContent = text
}

function reasonOf(error: unknown): string {
  return plainText(error instanceof Error ? error.message : 'unknown', text_characters_max)
}
