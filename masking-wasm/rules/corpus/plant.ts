/**
 * Texts with planted values and near misses, for each rule, as they stand in logs, files and on terminals.
 * From a seed: the corpus is this code.
 *
 * @module
 */
import type { Rule } from '../rule.ts'
import { account } from './account.ts'
import { person } from './person.ts'
import { service } from './service.ts'
import { fill, type Planted, Random } from './template.ts'

/** Templates of true values by the name of their rule, in the forms that the issuers describe. */
export const samples: Readonly<Record<string, readonly string[]>> = {
  ...account,
  ...service,
  ...person,
}

/** Before and after a value. None has a word that a rule takes for the name of a secret. */
const surroundings: readonly (readonly [before: string, after: string])[] = [
  ['', '\n'],
  ['2030-01-15T10:22:31.204Z INFO worker-3 fetched ', ' in 12ms\n'],
  ['{"id":17,"item":"', '","state":"open"}\n'],
  ['ITEM=', '\n'],
  ['export ITEM="', '"\n'],
  ['items:\n  - name: a\n    item: ', '\n    size: 3\n'],
  ['\x1b[32mann@web-1\x1b[0m:~$ echo ', '\r\n'],
  [' 17 | ', ' | 2030-01-15\r\n'],
  ['open\t', '\t204\n'],
  ['<item>', '</item>\n'],
  ['see `', '` and the next line\n'],
]

/** How often a value is drawn until its check digits are right; two of 97 and the like need some hundred. */
const draws_max = 20_000

/** `valid` says whether the check digits of a value are right. */
export function plantedValues(
  rule: Rule,
  count: number,
  valid: (value: string) => boolean,
): readonly Planted[] {
  const templates = samples[rule.name] ?? []
  const random = new Random(seedOf(rule.name))
  return Array.from({ length: templates.length === 0 ? 0 : count }, (_, index) => {
    const template = templates[index % templates.length] ?? ''
    let value = fill(template, random)
    for (let i = 0; !valid(value.text.slice(value.start, value.end)); i++) {
      if (i === draws_max) throw new Error(`${rule.name}: no value of ${template} passes its check`)
      value = fill(template, random)
    }
    return surrounded(value, random)
  })
}

/** The rule's counter-examples, and true values whose last digit is another one. */
export function nearMisses(
  rule: Rule,
  values: readonly Planted[],
  valid: (value: string) => boolean,
): readonly string[] {
  const random = new Random(seedOf(rule.name) + 1)
  const written = rule.counter_examples.map((text) => `${text}\n`)
  if (rule.check === undefined) return written
  const broken = values.map(({ text, start, end }) => {
    const secret = text.slice(start, end)
    const at = secret.search(/[0-9](?!.*[0-9])/s)
    const digit = String((Number(secret[at]) + 1 + random.below(9)) % 10)
    const other = secret.slice(0, at) + digit + secret.slice(at + 1)
    // Some checks let a few wrong digits through, as they were designed.
    return valid(other) ? '' : text.slice(0, start) + other + text.slice(end)
  })
  return [...written, ...broken.filter((text) => text !== '')]
}

function surrounded({ text, start, end }: Planted, random: Random): Planted {
  const [before, after] = random.pick(surroundings)
  return {
    text: before + text + after,
    start: before.length + start,
    end: before.length + end,
  }
}

function seedOf(name: string): number {
  return [...name].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) >>> 0, 7)
}
