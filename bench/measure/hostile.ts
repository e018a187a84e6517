/**
 * Inputs that someone could print to make masking slow, and the search that looks for worse ones. What it
 * finds is written here by hand, so that the benchmark shows when it gets better or worse.
 *
 * @module
 */
import type { MaskingEngine } from '../../masking-wasm/host/engine.ts'
import { packs, rulesOf } from '../../masking-wasm/rules/index.ts'
import { chunked, maskingRate } from './masking.ts'
import { picker } from './pick.ts'

/** Repeated to the size of the input. The first were guessed, the others found. */
export const hostile: readonly string[] = [
  ...['4 ', '41-', '411 ', '4 4 4 4 4 4 4 4 4\n', '4111 1111 1111 1111 ', '4111111111111111 '],
  ...['-', '-----BEGIN A ', `-----BEGIN ${'PRIVATE'} KEY-----\n`, 'eyJ', 'AKIA', 'sk-', 'glpat-'],
  ...['password=', 'password="', "pwd='", 'secret=a', 'token ', '--token ', 'aws', 'PWD=', 'key-'],
  ...['4. 4 4 4 4 4 4 4 4"', '4 4 4 4 4 4 4 4 4\n/411111111111111', `4 4 4 44 4 4 4 4 4\n/'://`],
  ...['NRAK-Q', '41://11111111111111 4111111111111111 .-:MRN: 7302'],
  ...[`pwd='pwd='pwd='0Awhs`, `pwd='Apwd='Apwd='A"\n`, '4111111111111111 ://AQVNq7-'],
  // Long values beside pending words and contexts: of these a warm search makes its worst.
  `-----BEGIN ${'PRIVATE'} KEY-----\n://sshpas:`,
  `${'-----BEGIN A ://4A:0'.repeat(4)}AA_'Cookie: theme=dark`,
  `AWS_BEARER_TOKEN=${'q7WmZ2xKfB9tLpRn4vYdHs6GcJa3TkEu8NbXoQ5iVwM'}@/x-API-key: AQE${'q7WmZ2xKfB9tLpRn4vYdHs6GcJa3TkEu8NbXoQ5iVwMz1FgPrSyDhC0jUeAl'}==-${'q7WmZ2xKfB9tLpRn4vYdHs6GcJa3TkEu8NbXoQ5i'}=-q7WmZ2xKfB9tLpR-`,
  ...['://a:', 'a@', 'authorization:bearer ', 'cookie:=a', '%B411111111111^', '1234567:', '0:'],
]

export const hostile_bytes = 65_536

export function repeated(unit: string): Uint8Array {
  const times = Math.ceil(hostile_bytes / unit.length)
  return new Uint8Array(Buffer.from(unit.repeat(times).slice(0, hostile_bytes), 'latin1'))
}

/**
 * The same, other each time, so that nothing that is kept of earlier bytes helps: `#` is any digit, `~` any capital, `!` the digit
 * that makes a card's number of the digits before it.
 */
export const changing: readonly string[] = [
  ...['4##############! ', '4############### ', '5### #### #### ###! ', '4### #### #### ###!\n'],
  ...['%B############^', '-----BEGIN ~~~~ ', `-----BEGIN ~~ ${'PRIVATE'} KEY-----\n`],
  ...["pwd='~~~", 'eyJ~~~.', 'authorization:bearer ~~~ ', '://~~:'],
]

/** A {@link changing} unit, again and again. Seeded by nothing: the same each time. */
export function changed(unit: string): Uint8Array {
  const pick = picker(20_251_128)
  const bytes = new Uint8Array(hostile_bytes)
  let digits: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    const place = at % unit.length
    if (place === 0) digits = []
    const letter = unit[place] ?? ''
    let byte = letter.charCodeAt(0)
    if (letter === '#') byte = 0x30 + pick(10)
    if (letter === '~') byte = 0x41 + pick(26)
    if (letter === '!') byte = 0x30 + luhnDigit(digits)
    if (byte >= 0x30 && byte <= 0x39) digits.push(byte - 0x30)
    bytes[at] = byte
  }
  return bytes
}

/** ISO/IEC 7812-1, annex B: the last one is not doubled, each second before it is. */
function luhnDigit(digits: readonly number[]): number {
  const sum = digits.toReversed().reduce((all, digit, index) => {
    const weighted = index % 2 === 0 ? digit * 2 : digit
    return all + (weighted > 9 ? weighted - 9 : weighted)
  }, 0)
  return (10 - (sum % 10)) % 10
}

export interface Worst {
  readonly unit: string
  readonly rate: number
}

const tries = 400
const kept = 12
const glue = ['', ' ', '\n', '-', '.', '/', '=', '"', "'", ':', '@', '0', 'a', 'A', '_', '4', '://']

/**
 * Climbs from beginnings of the rules' examples: the slowest are joined, cut and glued, and what is slower yet is
 * kept. Seeded; the clock decides, so two runs need not find the same.
 */
export function searchWorst(engine: MaskingEngine, seed: number): readonly Worst[] {
  const pick = picker(seed)
  const examples = rulesOf(packs)
    .flatMap((rule) => [...rule.examples, ...rule.counter_examples])
    .map((example) => example.replaceAll(/[«»]/g, ''))
  const pool: Worst[] = []
  const seen = new Set<string>()
  const judge = (unit: string): void => {
    if (unit === '' || unit.length > 200 || seen.has(unit)) return
    seen.add(unit)
    const chunks = chunked(repeated(unit), hostile_bytes)
    // The better of two: what came between one must not make it look slow.
    const rate = Math.max(maskingRate(engine, chunks, 2), maskingRate(engine, chunks, 2))
    pool.push({ unit, rate })
    pool.sort((a, b) => a.rate - b.rate)
    pool.length = Math.min(pool.length, kept)
  }
  const any = (): string => {
    const example = examples[pick(examples.length)] ?? ''
    return example.slice(0, 1 + pick(example.length))
  }
  // Compilers warm up.
  for (const unit of hostile) maskingRate(engine, chunked(repeated(unit), hostile_bytes), 20)
  for (const unit of hostile) judge(unit)
  for (let n = 0; n < tries; n++) {
    const one = n % 3 === 0 ? any() : (pool[pick(pool.length)]?.unit ?? '')
    const between = glue[pick(glue.length)] ?? ''
    const at = pick(one.length + 1)
    switch (pick(5)) {
      case 0:
        judge(one)
        break
      case 1:
        judge(one + between)
        break
      case 2:
        judge(one + between + any())
        break
      case 3:
        judge(one.slice(0, at) + between + one.slice(at + pick(3)))
        break
      default:
        judge(`${one.repeat(1 + pick(8))}${between}`)
    }
  }
  // What else the machine did may have made some look slow.
  return pool
    .map(({ unit }) => {
      const chunks = chunked(repeated(unit), hostile_bytes)
      return { unit, rate: Math.max(...[0, 1, 2, 3].map(() => maskingRate(engine, chunks, 8))) }
    })
    .toSorted((a, b) => a.rate - b.rate)
}
