/**
 * The corpus in `corpus/`: ordinary command lines of people and tools, and risky ones with the class that they must be
 * found to have at least. Written for this project, by whoever wrote the catalogue: it keeps what works working, and
 * is no measure of what nobody thought of.
 *
 * @module
 */

import type { Risk } from '../../core/verdict.ts'
import type { ReadLine } from '../shell/read.ts'
import { assess, isAbove } from './assess.ts'

export interface CorpusScore {
  readonly ordinary: number
  readonly risky: number
  /** Ordinary lines that the built-in policy would hold or refuse. */
  readonly held: readonly string[]
  /** Risky lines that were taken for less. */
  readonly missed: readonly string[]
}

export async function corpusLines(): Promise<{
  readonly ordinary: readonly string[]
  readonly risky: readonly { readonly risk: Risk; readonly line: string }[]
}> {
  const lines = async (name: string): Promise<readonly string[]> =>
    (await Bun.file(new URL(`corpus/${name}.txt`, import.meta.url)).text()).trimEnd().split('\n')
  const risky = (await lines('risky')).map((each) => {
    const [risk, ...line] = each.split('\t')
    if (risk !== 'critical' && risk !== 'high') throw new Error('a line without its class')
    return { risk, line: line.join('\t') } as const
  })
  return { ordinary: await lines('ordinary'), risky }
}

export async function measureCorpus(read: ReadLine): Promise<CorpusScore> {
  const { ordinary, risky } = await corpusLines()
  const riskOf = (text: string): Risk => {
    const line = new TextEncoder().encode(text)
    return assess(read(line), line).risk
  }
  return {
    ordinary: ordinary.length,
    risky: risky.length,
    held: ordinary.filter((line) => isAbove(riskOf(line), 'medium')),
    missed: risky.filter(({ line, risk }) => isAbove(risk, riskOf(line))).map(({ line }) => line),
  }
}
