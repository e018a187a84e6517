/**
 * `sluice disclose ID --record N --span K --key JWK --value FILE -o FILE`: one masked value with its proof, for
 * somebody who has that file and a trust file alone. Raw values are not kept, so the value is brought: the tool
 * proves that it is the committed one, or refuses.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { disclose as discloseValue } from '../../storage/audit/disclose.ts'
import { encodeDisclosure } from '../../storage/evidence/disclosure.ts'
import { record_bytes_max } from '../../storage/evidence/limits.ts'
import { plainText } from '../../storage/replay/plain.ts'
import { openAudited } from './audited-session.ts'
import { withData } from './data.ts'
import { writeNewFile } from './new-file.ts'
import { key_option, openWith, readPrivateKey } from './private-key.ts'
import { provenDocument, provenNaming } from './proving.ts'
import {
  type Call,
  data_options,
  type ExitCode,
  json_option,
  numberOption,
  UsageError,
  type Verb,
  VerbError,
} from './verb.ts'

const number_max = 1_000_000_000
const line_feed_slack = 2

export const disclose: Verb = {
  name: 'disclose',
  summary: 'Prove one masked value, which you bring, to somebody else, and nothing besides it',
  operands: 'ID|last',
  operands_min: 1,
  operands_max: 1,
  options: {
    record: { value: 'N', help: 'the record that hides the value (show --json has seq)' },
    span: { value: 'K', help: 'which of its masks (default 0, the first)' },
    key: key_option,
    value: {
      value: 'FILE',
      help: 'what was masked: it is not kept, so bring it (default -, stdin); a final newline does not count',
    },
    out: {
      value: 'FILE',
      short: 'o',
      help: 'write the disclosure here, mode 0600: the value is in it',
    },
    json: json_option,
    ...data_options,
  },
  async run(call) {
    if (call.text('record') === undefined) throw new UsageError('--record N is missing')
    const record = numberOption(call, 'record', 0, 0, number_max)
    const span = numberOption(call, 'span', 0, 0, number_max)
    const file = call.text('out')
    if (file === undefined) throw new UsageError('-o FILE is missing')
    const key = await readPrivateKey(call)
    return withData(call, async (data): Promise<ExitCode> => {
      const session = await openAudited(data, call.operands[0] ?? '')
      const { salt } = await openWith(session.envelope, key)
      // First what can fail without it: nobody should type a secret for nothing.
      const proof = {
        manifest: await provenDocument(session, 'session.ended'),
        ...(await provenNaming(call, data, session)),
      }
      const value = await readValue(call)
      const records = session.records()
      const made = await discloseValue({ session: session.id, salt, record, span, value, records })
      if (!made.ok) throw new VerbError(made.reason)
      writeNewFile(file, encodeDisclosure({ ...made.disclosure, ...proof }), 0o600)
      const { rule, length } = made.span
      const facts = { session: session.id, record, span, rule, length, file }
      const { console } = call
      if (call.flag('json')) await console.json(facts)
      else
        console.note(
          `wrote ${file}: ${length} bytes that the rule ${plainText(rule, 64)} masked in record ${record}, the ` +
            'rest of that record as masked, and their proof; sluice verify checks it with a trust file',
        )
      return 0
    })
  },
}

async function readValue(call: Call): Promise<Uint8Array> {
  const file = call.text('value') ?? '-'
  const bytes_max = record_bytes_max + line_feed_slack
  if (file !== '-') {
    if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
    if (statSync(file).size > bytes_max)
      throw new VerbError(`${file}: larger than any masked value`)
    return readFileSync(file)
  }
  if (process.stdin.isTTY) call.console.note('the masked value, then Ctrl-D:')
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of Bun.stdin.stream()) {
    bytes += part.length
    if (bytes > bytes_max) throw new VerbError('stdin: larger than any masked value')
    parts.push(part)
  }
  return Buffer.concat(parts)
}
