/**
 * A second reading of the rules' expressions, which shares no code with the compiler: a parser of its own for the syntax
 * that rules use, Thompson's automaton over bytes, and a deterministic one that is made as far as some input needs it.
 *
 * @module
 */

/** A set of bytes, or a fork without one. `to` are the nodes behind it; the last node has none. */
interface Node {
  readonly bytes: Uint8Array | undefined
  readonly to: number[]
}

type Fragment = readonly [first: number, last: number]

/** As documented: a repetition whose bounds are further apart is read as open. */
const spread_max = 128
/** In practice no rule comes near. */
const states_max = 50_000
const dead = 0

/** All matches that begin at one place, by their ends. */
export class Matcher {
  readonly #nodes: Node[] = []
  readonly #last: number
  /** By state: its nodes, and whether the last is among them. */
  readonly #members: (readonly number[])[] = []
  readonly #accepts: boolean[] = []
  readonly #states = new Map<string, number>()
  /** 256 successors of each state, -1 where none is made yet. */
  #next = new Int32Array(16 * 256)

  /** Throws at syntax that no rule uses. */
  constructor(source: string, ignore_case: boolean) {
    const reader = new Reader(source, this.#nodes)
    const [first, last] = reader.whole(ignore_case)
    this.#last = last
    this.#add([])
    this.#add(this.#closed([first]))
  }

  /** The state before the first byte. */
  readonly start: number = 1

  /** {@link dead} when nothing can match any more. */
  step(state: number, byte: number): number {
    const known = this.#next[(state << 8) | byte] ?? -1
    return known >= 0 ? known : this.#make(state, byte)
  }

  accepts(state: number): boolean {
    return this.#accepts[state] === true
  }

  #make(state: number, byte: number): number {
    const reached: number[] = []
    for (const member of this.#members[state] ?? []) {
      const node = this.#nodes[member]
      if (node?.bytes?.[byte] === 1) reached.push(...node.to)
    }
    const members = this.#closed(reached)
    const known = this.#states.get(members.join())
    if (known === undefined && this.#members.length > states_max) throw new Error('too many states')
    const target = known ?? this.#add(members)
    this.#next[(state << 8) | byte] = target
    return target
  }

  #add(members: readonly number[]): number {
    const state = this.#members.length
    this.#members.push(members)
    this.#accepts.push(members.includes(this.#last))
    if (this.#next.length < (state + 1) << 8) {
      const more = new Int32Array(this.#next.length * 2)
      more.set(this.#next)
      this.#next = more
    }
    this.#next.fill(members.length === 0 ? dead : -1, state << 8, (state + 1) << 8)
    this.#states.set(members.join(), state)
    return state
  }

  /** With all that is reached without a byte, in order. */
  #closed(nodes: readonly number[]): readonly number[] {
    const seen = new Set<number>()
    const pending = [...nodes]
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (seen.has(at)) continue
      seen.add(at)
      const node = this.#nodes[at]
      if (node !== undefined && node.bytes === undefined) pending.push(...node.to)
    }
    // Forks are where they lead.
    return [...seen]
      .filter((at) => this.#nodes[at]?.bytes !== undefined || at === this.#last)
      .sort((a, b) => a - b)
  }
}

/** The bytes of one character class. */
export function classOf(source: string): Uint8Array {
  const one = new Matcher(source, false)
  return Uint8Array.from({ length: 256 }, (_, byte) =>
    one.accepts(one.step(one.start, byte)) ? 1 : 0,
  )
}

class Reader {
  readonly #source: string
  readonly #nodes: Node[]
  #at = 0

  constructor(source: string, nodes: Node[]) {
    this.#source = source
    this.#nodes = nodes
  }

  whole(ignore_case: boolean): Fragment {
    const read = this.#either(ignore_case)
    if (this.#at !== this.#source.length) throw this.#unknown()
    return read
  }

  #either(fold: boolean): Fragment {
    const first = this.#node(undefined)
    const last = this.#node(undefined)
    do {
      const [from, to] = this.#sequence(fold)
      this.#join(first, from)
      this.#join(to, last)
    } while (this.#took('|'))
    return [first, last]
  }

  #sequence(fold: boolean): Fragment {
    const first = this.#node(undefined)
    let last = first
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at] ?? '')) {
      const [from, to] = this.#repeated(fold)
      this.#join(last, from)
      last = to
    }
    return [first, last]
  }

  /** One thing, as often as it says: it is read again for each time, and so made anew. */
  #repeated(fold: boolean): Fragment {
    const from = this.#at
    this.#one(fold)
    const behind = this.#at
    const [min, max] = this.#times()
    const end = this.#at
    const again = (): Fragment => {
      this.#at = from
      const part = this.#one(fold)
      if (this.#at !== behind) throw this.#unknown()
      return part
    }
    const first = this.#node(undefined)
    let last = first
    for (let time = 0; time < min; time++) last = this.#behind(last, again())
    if (max - min > spread_max) {
      const [one, other] = again()
      const out = this.#node(undefined)
      this.#join(last, one)
      this.#join(last, out)
      this.#join(other, one)
      this.#join(other, out)
      last = out
    } else {
      const out = this.#node(undefined)
      for (let time = min; time < max; time++) {
        this.#join(last, out)
        last = this.#behind(last, again())
      }
      this.#join(last, out)
      last = out
    }
    this.#at = end
    return [first, last]
  }

  #times(): readonly [number, number] {
    const many = Number.POSITIVE_INFINITY
    if (this.#took('?')) return [0, 1]
    if (this.#took('*')) return [0, many]
    if (this.#took('+')) return [1, many]
    const bounds = /^\{(\d+)(,(\d*))?\}/.exec(this.#source.slice(this.#at))
    if (bounds === null) return [1, 1]
    this.#at += bounds[0].length
    const min = Number(bounds[1])
    return [min, bounds[2] === undefined ? min : bounds[3] === '' ? many : Number(bounds[3])]
  }

  #one(fold: boolean): Fragment {
    const group = /^\((?:\?(-?i)?:)?/.exec(this.#source.slice(this.#at))
    if (group !== null) {
      this.#at += group[0].length
      const inner = this.#either(group[1] === undefined ? fold : group[1] === 'i')
      if (!this.#took(')')) throw this.#unknown()
      return inner
    }
    if (this.#took('[')) return this.#set(this.#class(fold))
    if (this.#took('.')) return this.#set(negated(setOf('\n\r')))
    if (this.#source[this.#at] === '\\') return this.#set(folded(this.#escape(), fold))
    const [char] = this.#source.slice(this.#at)
    if (char === undefined || '^$)|*+?{}]'.includes(char)) throw this.#unknown()
    this.#at += char.length
    const bytes = new TextEncoder().encode(char)
    const [first, behind] = this.#set(folded(setOfBytes([bytes[0] ?? 0]), fold))
    let last = behind
    for (const byte of bytes.subarray(1)) last = this.#behind(last, this.#set(setOfBytes([byte])))
    return [first, last]
  }

  #class(fold: boolean): Uint8Array {
    const set = new Uint8Array(256)
    const negate = this.#took('^')
    while (!this.#took(']')) {
      const from = this.#member()
      if (this.#source[this.#at] !== '-' || this.#source[this.#at + 1] === ']') {
        from.forEach((one, byte) => one === 1 && set.fill(1, byte, byte + 1))
        continue
      }
      this.#at++
      const to = this.#member()
      set.fill(1, from.indexOf(1), to.indexOf(1) + 1)
    }
    return negate ? negated(folded(set, fold)) : folded(set, fold)
  }

  #member(): Uint8Array {
    if (this.#source[this.#at] === '\\') return this.#escape()
    const char = this.#source[this.#at++] ?? ''
    if (char === '' || char > '\x7f') throw this.#unknown()
    return setOf(char)
  }

  #escape(): Uint8Array {
    const escape = /^\\(x[0-9a-fA-F]{2}|[dwsDWS]|[tnr]|[^a-zA-Z0-9])/.exec(
      this.#source.slice(this.#at),
    )
    const what = escape?.[1]
    if (escape === null || what === undefined) throw this.#unknown()
    this.#at += escape[0].length
    const named = { t: '\t', n: '\n', r: '\r' }[what]
    if (named !== undefined) return setOf(named)
    if (/^x/.test(what)) return setOfBytes([Number.parseInt(what.slice(1), 16)])
    const set = { d: digits, w: words, s: blanks }[what.toLowerCase()]
    if (set === undefined) return setOf(what)
    return what === what.toLowerCase() ? setOf(set) : negated(setOf(set))
  }

  #set(bytes: Uint8Array): Fragment {
    const first = this.#node(bytes)
    const last = this.#node(undefined)
    this.#join(first, last)
    return [first, last]
  }

  #behind(last: number, [from, to]: Fragment): number {
    this.#join(last, from)
    return to
  }

  #node(bytes: Uint8Array | undefined): number {
    return this.#nodes.push({ bytes, to: [] }) - 1
  }

  #join(from: number, to: number): void {
    this.#nodes[from]?.to.push(to)
  }

  #took(char: string): boolean {
    if (this.#source[this.#at] !== char) return false
    this.#at++
    return true
  }

  #unknown(): Error {
    return new Error(`unknown syntax at ${this.#at} of ${this.#source}`)
  }
}

const digits = '0123456789'
const words = `${digits}_${Array.from({ length: 26 }, (_, i) => String.fromCharCode(65 + i, 97 + i)).join('')}`
const blanks = '\t\n\v\f\r '

const setOf = (chars: string): Uint8Array =>
  setOfBytes([...chars].map((char) => char.charCodeAt(0)))
function setOfBytes(bytes: readonly number[]): Uint8Array {
  const set = new Uint8Array(256)
  for (const byte of bytes) set[byte] = 1
  return set
}
const negated = (set: Uint8Array): Uint8Array => set.map((one) => 1 - one)

/** Letters of ASCII in both cases. */
function folded(set: Uint8Array, fold: boolean): Uint8Array {
  if (!fold) return set
  return set.map((one, byte) => {
    const letter = (byte | 32) >= 97 && (byte | 32) <= 122
    return letter ? Math.max(set[byte | 32] ?? 0, set[byte & ~32] ?? 0) : one
  })
}
