/**
 * `sluice help [VERB]`.
 *
 * @module
 */
import { nearest } from '../core/nearest.ts'
import { helpText, UsageError, type Verb } from './verb.ts'

/** Verbs that the interface has and this version does not. */
export const later_verbs: readonly string[] = ['report']

/** What is known of the verbs without loading them all. */
export interface VerbSource {
  readonly names: readonly string[]
  /** Undefined where there is none of that name. */
  load(name: string): Promise<Verb | undefined>
  loadAll(): Promise<readonly Verb[]>
}

export function createHelp(verbs: VerbSource): Verb {
  return {
    name: 'help',
    summary: 'Show the verbs, or one of them',
    operands: '[VERB]',
    operands_min: 0,
    operands_max: 1,
    options: {},
    async run({ console, operands }) {
      const [name] = operands
      if (name === undefined) {
        await console.out(overview(await verbs.loadAll()))
        return 0
      }
      const verb = await verbs.load(name)
      if (verb === undefined) throw new UsageError(unknownVerb(name, verbs.names))
      await console.out(helpText(verb))
      return 0
    },
  }
}

export function overview(verbs: readonly Verb[]): string {
  const width = Math.max(...verbs.map(({ name }) => name.length))
  const lines = verbs.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `Sluice: who did what through the gateway, and the proof of it.

usage: sluice VERB [options]

${lines.join('\n')}

\`sluice help VERB\` says more, \`sluice --version\` which this is. Exit status: 0 done, 1 a finding, a denial or a failure, 2 wrong usage.
`
}

export function unknownVerb(name: string, known: readonly string[]): string {
  if (later_verbs.includes(name)) return `${name} is not available in this version`
  const near =
    known.find((each) => each.startsWith(name) || name.startsWith(each)) ?? nearest(name, known)
  return `unknown verb ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}`
}
