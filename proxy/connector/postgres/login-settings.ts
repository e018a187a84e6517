/**
 * Settings with which a client begins. Nobody judges a login's settings as statements are judged: what would be judged as a
 * SET has to be one.
 *
 * @module
 */
import type { StatementTrait } from '../../core/statement.ts'
import { traitOfSetting } from './sql/settings.ts'

/** What changes how texts are read is seen by what the target says of it, before anything is let through. */
const judged: ReadonlySet<StatementTrait> = new Set(['role', 'unguarded', 'program'])

/** `-c NAME=VALUE` and `--NAME=VALUE`, with backslashes before what belongs to a word. Other switches are the server's own. */
const words = /(?:[^\s\\]|\\[^])+/g

/** Why a login with these is refused, in a line for the user. */
export function refusedSettings(parameters: ReadonlyMap<string, string>): string | undefined {
  const settings = settingsIn(parameters.get('options') ?? '')
  if (settings === undefined) return 'of options, settings alone are let through: -c NAME=VALUE'
  for (const [given, value] of [...parameters, ...settings]) {
    // As PostgreSQL reads a name of options: in any case, and a hyphen is an underscore.
    const name = given.toLowerCase().replaceAll('-', '_')
    const trait = traitOfSetting(name, value)
    if (trait !== undefined && judged.has(trait))
      return `the setting ${name} is judged by policy: say SET once you are connected`
  }
  return undefined
}

/** Undefined where something else is among them. */
function settingsIn(options: string): readonly (readonly [string, string])[] | undefined {
  const all = options.match(words)?.map((word) => word.replace(/\\([^])/g, '$1')) ?? []
  const found: [string, string][] = []
  for (let at = 0; at < all.length; at++) {
    const word = all[at] ?? ''
    const setting = word === '-c' ? all[++at] : /^(?:-c|--)([^]+)$/.exec(word)?.[1]
    const [, name, value] = /^([^=]+)=([^]*)$/.exec(setting ?? '') ?? []
    if (name === undefined || value === undefined) return undefined
    found.push([name, value])
  }
  return found
}
