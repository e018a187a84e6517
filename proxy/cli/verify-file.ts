/**
 * `sluice verify FILE --trust FILE`: what left the gateway as one file, checked by somebody who has nothing else.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { isArchive } from '../../storage/bundle/archive.ts'
import { verifyBundle } from '../../storage/bundle/check.ts'
import { bundle_bytes_max } from '../../storage/bundle/limits.ts'
import { isDisclosure } from '../../storage/evidence/disclosure.ts'
import type { Trust } from '../../storage/evidence/trust.ts'
import { buildPage } from '../../storage/page/build.ts'
import { plainText } from '../../storage/replay/plain.ts'
import { formatTime } from '../../storage/replay/time.ts'
import { type Disclosed, verifyDisclosure } from '../../storage/verify/disclosure-check.ts'
import type { Console } from './console.ts'
import { printReport } from './report-text.ts'
import { type Call, type ExitCode, VerbError } from './verb.ts'

const value_characters_max = 4096

export async function verifyFile(
  call: Call,
  file: string,
  trust: Trust | undefined,
): Promise<ExitCode> {
  const { size } = statSync(file)
  const bytes = size > bundle_bytes_max ? undefined : readFileSync(file)
  if (bytes !== undefined && isArchive(bytes)) return verifyBundled(call, file, bytes, trust)
  if (bytes !== undefined && isDisclosure(bytes)) return verifyDisclosed(call, file, bytes, trust)
  throw new VerbError(`${file}: neither a data directory nor a bundle nor a disclosure`)
}

async function verifyBundled(
  call: Call,
  file: string,
  bytes: Uint8Array,
  trust: Trust | undefined,
): Promise<ExitCode> {
  const { sha256 } = await buildPage()
  const { report } = await verifyBundle(bytes, trust, sha256)
  if (call.flag('json')) await call.console.json(report)
  else await printReport(report, call.console, file)
  return report.verdict === 'verified' ? 0 : 1
}

async function verifyDisclosed(
  call: Call,
  file: string,
  bytes: Uint8Array,
  trust: Trust | undefined,
): Promise<ExitCode> {
  const { report, disclosed } = verifyDisclosure(bytes, trust)
  const { console } = call
  if (call.flag('json')) {
    const value = disclosed === undefined ? {} : { disclosed: factsOf(disclosed) }
    await console.json({ ...report, ...value })
  } else {
    if (disclosed !== undefined) await print(disclosed, console)
    await printReport(report, console, file)
  }
  return report.verdict === 'verified' ? 0 : 1
}

function factsOf({ manifest, header, span, value }: Disclosed): Readonly<Record<string, unknown>> {
  const { session, identity, account, target } = manifest
  return {
    session,
    ...{ issuer: identity.issuer, subject: identity.subject, account, target },
    ...{ record: header.seq, kind: header.kind, channel: header.channel },
    time: formatTime(header.t_us),
    rule: span.rule,
    value: Buffer.from(value).toString('base64'),
  }
}

async function print(
  { manifest, header, span, value }: Disclosed,
  console: Console,
): Promise<void> {
  const { identity, account, target, session } = manifest
  const plain = (text: string): string => plainText(text, value_characters_max)
  await console.line(
    `${formatTime(header.t_us)}, session ${session} of ${plain(`${identity.subject} as ${account}@${target}`)}`,
  )
  await console.line(
    `record ${header.seq} (${header.kind}), what the rule ${plain(span.rule)} masked: ` +
      console.paint('bold', plain(new TextDecoder().decode(value))),
  )
}
