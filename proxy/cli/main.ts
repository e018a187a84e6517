/**
 * `bun run sluice VERB`: the command line. Turns what verbs throw into words and an exit status.
 *
 * @module
 */
import { version } from '../../package.json' with { type: 'json' }
import { plainText } from '../../storage/replay/plain.ts'
import { createConsole } from './console.ts'
import { overview, unknownVerb } from './help.ts'
import { type ExitCode, helpText, parseCall, UsageError, usageLine, VerbError } from './verb.ts'
import { loadAll, loadVerb, names } from './verbs.ts'

/** A line of a configuration's fault, a path. */
const line_characters_max = 4000

process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<ExitCode> {
  const console = createConsole(process.env)
  const [name, ...rest] = words
  if (name === undefined) {
    console.note(overview(await loadAll()))
    return 2
  }
  if (name === '--version' || name === '-V') {
    await console.line(`sluice ${version}`)
    return 0
  }
  const wanted = name === '--help' || name === '-h' ? 'help' : name
  const verb = await loadVerb(wanted)
  if (verb === undefined) {
    console.note(`sluice: ${unknownVerb(name, names)}\nusage: sluice VERB [options]; sluice help`)
    return 2
  }
  try {
    const call = parseCall(verb, rest, console)
    if (!call.flag('help')) return await verb.run(call)
    await console.out(helpText(verb))
    return 0
  } catch (error) {
    console.progress('')
    if (error instanceof UsageError) {
      console.note(`sluice ${verb.name}: ${error.message}\n${usageLine(verb)}`)
      return 2
    }
    // `sluice sessions | head` is no failure.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return 0
    const message = error instanceof Error ? error.message : 'failed'
    const told = error instanceof VerbError ? message : unexpected(error)
    console.note(`sluice ${verb.name}: ${linesOf(told)}`)
    return 1
  }
}

/** What failed may be named by whoever made it fail. */
function linesOf(text: string): string {
  return text
    .split('\n')
    .map((line) => plainText(line, line_characters_max))
    .join('\n')
}

/** An operating failure of what a verb stands on has a code; anything else is a fault of ours. */
function unexpected(error: unknown): string {
  if (error instanceof Error && 'code' in error) return error.message
  return error instanceof Error
    ? `unexpected: ${error.stack ?? error.message}`
    : 'unexpected failure'
}
