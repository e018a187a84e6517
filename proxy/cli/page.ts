/**
 * `sluice page`: the page that checks a bundle, from somebody else than the bundle.
 *
 * @module
 */
import { buildPage } from '../../storage/page/build.ts'
import { writeNewFile } from './new-file.ts'
import { json_option, type Verb } from './verb.ts'

export const page: Verb = {
  name: 'page',
  summary: 'Write the page that checks bundles without a network, and print its SHA-256',
  operands: '',
  operands_min: 0,
  operands_max: 0,
  options: {
    out: {
      value: 'FILE',
      short: 'o',
      help: 'write the page here (default: only its SHA-256 is printed)',
    },
    json: json_option,
  },
  async run(call) {
    const file = call.text('out')
    const { bytes, sha256 } = await buildPage()
    if (file !== undefined) writeNewFile(file, bytes, 0o644)
    const { console } = call
    if (call.flag('json')) await console.json({ sha256, ...(file === undefined ? {} : { file }) })
    // As sha256sum prints it.
    else await console.line(`${sha256}  ${file ?? 'verify.html'}`)
    return 0
  },
}
