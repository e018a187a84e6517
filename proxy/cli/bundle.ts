/**
 * `sluice bundle ID -o FILE`: everything of one session in one file, with the proofs, for somebody who has neither
 * the gateway nor its store.
 *
 * @module
 */
import { BundleError, makeBundle } from '../../storage/bundle/make.ts'
import { buildPage } from '../../storage/page/build.ts'
import { openAudited } from './audited-session.ts'
import { withData } from './data.ts'
import { writeNewFile } from './new-file.ts'
import { provenDocument, provenNaming } from './proving.ts'
import { formatBytes } from './table.ts'
import {
  data_options,
  type ExitCode,
  json_option,
  UsageError,
  type Verb,
  VerbError,
} from './verb.ts'

export const bundle: Verb = {
  name: 'bundle',
  summary: 'Put a session and its proofs into one file, with a page that checks and plays it',
  operands: 'ID|last',
  operands_min: 1,
  operands_max: 1,
  options: {
    out: { value: 'FILE', short: 'o', help: 'write it here: a ZIP file, mode 0600' },
    json: json_option,
    ...data_options,
  },
  async run(call) {
    const file = call.text('out')
    if (file === undefined) throw new UsageError('-o FILE is missing')
    return withData(call, async (data): Promise<ExitCode> => {
      const session = await openAudited(data, call.operands[0] ?? '')
      const manifest = await provenDocument(session, 'session.ended')
      const start = await provenDocument(session, 'session.started')
      if (session.manifest === undefined) throw new VerbError(`session ${session.id} is running`)
      const proof = {
        session: session.id,
        start,
        manifest,
        ...(await provenNaming(call, data, session)),
      }
      const page = await buildPage()
      const bytes = await makeBundle({
        ...session,
        proof,
        manifest: session.manifest,
        page: page.bytes,
      }).catch((error: unknown) => {
        throw error instanceof BundleError ? new VerbError(error.message) : error
      })
      writeNewFile(file, bytes, 0o600)
      const { console } = call
      const facts = { session: session.id, file, bytes: bytes.length, page_sha256: page.sha256 }
      if (call.flag('json')) await console.json(facts)
      else
        console.note(
          `wrote ${file} (${formatBytes(bytes.length)}): sluice verify ${file} --trust FILE checks it, and so does ` +
            `the page inside (SHA-256 ${page.sha256}; sluice page writes it from elsewhere)`,
        )
      return 0
    })
  },
}
