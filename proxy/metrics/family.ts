/**
 * Metrics as plain data, which passes between processes, and their text for a scraper: the Prometheus text format,
 * version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * @module
 */

export interface Sample {
  /** `_bucket`, `_sum` and `_count` of a histogram. */
  readonly suffix?: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  /** Of letters, digits and `_`. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What several processes say of the same thing: all of it together, or the worst. */
  readonly combine: 'sum' | 'max'
  readonly samples: readonly Sample[]
}

export const metrics_content_type = 'text/plain; version=0.0.4; charset=utf-8'

/** One list out of those of several processes. Samples of the same labels are combined. */
export function combineFamilies(lists: readonly (readonly Family[])[]): readonly Family[] {
  const families = new Map<string, { family: Family; samples: Map<string, Sample> }>()
  for (const family of lists.flat()) {
    const known = families.get(family.name) ?? { family, samples: new Map<string, Sample>() }
    families.set(family.name, known)
    for (const sample of family.samples) {
      const key = keyOf(sample)
      const other = known.samples.get(key)?.value
      const value = other === undefined ? sample.value : combined(family, other, sample.value)
      known.samples.set(key, { ...sample, value })
    }
  }
  return [...families.values()].map(({ family, samples }) => ({
    ...family,
    samples: [...samples.values()],
  }))
}

const combined = ({ combine }: Family, a: number, b: number): number =>
  combine === 'sum' ? a + b : Math.max(a, b)

const keyOf = ({ suffix, labels }: Sample): string => JSON.stringify([suffix, labels])

/** A family without samples is left out. */
export function metricsText(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) =>
      [
        `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(
          ({ suffix = '', labels, value }) =>
            `${name}${suffix}${labelsText(labels)} ${numberText(value)}`,
        ),
        '',
      ].join('\n'),
    )
    .join('')
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

/** As Go's `ParseFloat` reads it. */
function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
