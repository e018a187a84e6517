/**
 * The reader against real shells: lines are made at random from words, spellings and structures, and every program that
 * bash or dash then really runs must have been found, with exactly its words; or the line must be opaque.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadGrammar } from './grammar.ts'
import { createReadLine } from './read.ts'
import { type Reading, unknown } from './reading.ts'

const lines_each = process.env['SLUICE_TEST_SLOW'] === '1' ? 1_500 : 150
const read = createReadLine(await loadGrammar())
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-shell-'))
  const record = `#!/bin/sh\nl="\${0##*/}"\nfor a do l="$l\u0001$a"; done\nprintf '%s\\002' "$l" >> "$RAN"\n`
  for (const name of ['p0', 'p1', 'p2']) {
    writeFileSync(join(folder, name), record)
    chmodSync(join(folder, name), 0o755)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Mulberry32. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}
type Pick = (below: number) => number

const characters = 'abz019-_./=+%@^,: ;|&<>()"\'\\#!$\t'
function someWord(pick: Pick): string {
  const word = Array.from({ length: 1 + pick(6) }, () =>
    characters.charAt(pick(characters.length)),
  ).join('')
  // A last word of blanks alone, each behind a backslash, is the one that is not seen.
  return word.trim() === '' ? 'w' : word
}

const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
/** One of the ways to spell a word for bash; the first four are every shell's. */
function spelled(word: string, pick: Pick, is_bash: boolean): string {
  const cut = pick(word.length + 1)
  const pieces = [word.slice(0, cut), word.slice(cut)].filter((piece) => piece !== '')
  const text = pieces
    .map((piece) => {
      switch (pick(is_bash ? 6 : 4)) {
        case 0:
          return single(piece)
        case 1:
          return `"${piece.replace(/[$`"\\]/g, '\\$&')}"`
        case 2:
          return piece.replace(/[^A-Za-z0-9]/g, '\\$&')
        case 3:
          return `''${single(piece)}""`
        case 4:
          return `$'${[...piece].map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}'`
        default:
          return `\\\n${single(piece)}`
      }
    })
    .join('')
  return text
}

function someCommand(pick: Pick, is_bash: boolean): string {
  const program = `p${pick(3)}`
  const words = [program, ...Array.from({ length: pick(4) }, () => someWord(pick))]
  return words.map((word) => spelled(word, pick, is_bash)).join(pick(2) === 0 ? ' ' : '  ')
}

function someLine(pick: Pick, is_bash: boolean, depth = 0): string {
  const one = (): string =>
    depth > 2 || pick(3) === 0 ? someCommand(pick, is_bash) : someLine(pick, is_bash, depth + 1)
  const structures: readonly (() => string)[] = [
    () => one(),
    () => `${one()}; ${one()}`,
    () => `${one()} && ${one()}`,
    () => `false || ${one()}`,
    () => `${one()} | ${one()}`,
    () => `p0 "$(${one()})"`,
    () => `{ ${one()}\n}`,
    () => `( ${one()} )`,
    () => `if true; then ${one()}\nelse p1\nfi`,
    () => `for i in 1; do ${one()}\ndone`,
    () => `case x in x) ${one()}\n;; esac`,
    () => `sh -c ${single(someCommand(pick, false))}`,
    () => `eval ${single(one())}`,
    () => `env A=1 sh -c ${single(someLine(pick, false, depth + 1))}`,
    () => `! ${one()}`,
    () => `p0 2>&1 x`,
    () => `> /dev/null ${someCommand(pick, is_bash)}`,
    () => `${someCommand(pick, is_bash)} > /dev/null 2>&1`,
    () => `a=${single(`p1 x`)}; $a y`,
    () => `f() { ${one()}\n}; f`,
    () => `{ sh <<'E'\n${someLine(pick, false, depth + 1)}\nE\n}`,
    () => `: # ${someWord(pick)}\n${one()}`,
    () => `while ${one()}\ndo break\ndone`,
    () => `echo ${single(someCommand(pick, false))} | sh`,
    () => `p0 \`p1 a\``,
    () => `{ cat <<E | p2\n$(${someLine(pick, false, depth + 1)})\nE\n}`,
    () => `find /etc/hostname -exec ${someCommand(pick, is_bash)} \\;`,
    () => `printf x | xargs p1 a`,
    () => `p0 "a $(p1 "b $(${one()})" c) d"`,
    () => `p0 $((1 + 2)) \${x:-$(${one()})}`,
    () => `p0 "\${x:-"$(${one()})"}" y#z`,
    () => `{ ${one()}\n} > /dev/null 2>&1`,
    () => `( ${one()}\n) 2>&1 | ${one()}`,
    () => `until ${one()}\ndo break\ndone`,
    () => `if ! ${one()}\nthen ${one()}\nelif true; then p1\nfi`,
    () => `${someCommand(pick, is_bash)} & wait`,
    () => `{ cat <<A - <<-B | p2\nx\nA\n\t$(${someLine(pick, false, depth + 1)})\n\tB\n}`,
    () => `case "$(${one()})" in (a|b) p1;; *) ${one()}\n;; esac`,
    () => `for i in $(${one()}) x; do p1 "$i"; done`,
    () => `x=1 y=$(${one()}) ${someCommand(pick, is_bash)}`,
    () => `test -n x && ${one()} || p1`,
    () => `[ x = x ] && { ${one()}\n}`,
    () => `set -- a b; p0 "$@" $1`,
    () => `command ${someCommand(pick, is_bash)}`,
    () => `exec ${someCommand(pick, is_bash)}`,
    () => `trap ${single(someCommand(pick, false))} EXIT`,
    () => `alias q=p1; ${one()}`,
    () => `p0 \`p1 \\\`p2 b\\\`\``,
    ...(is_bash
      ? [
          (): string => `a=(x "y z"); p0 "\${a[@]}"`,
          (): string => `[[ x == x ]] && ${one()}`,
          (): string => `${someCommand(pick, true)} |& ${someCommand(pick, true)}`,
          (): string => `p0 <<< "$(${someCommand(pick, true)})"`,
          (): string => `p0 {a,b}c`,
          (): string => `cat <(${one()}\n) > >(p1 x)`,
          (): string => `time ${someCommand(pick, true)}`,
          (): string => `function g { ${one()}\n}; g`,
          (): string => `for ((i = 0; i < 1; i++)); do ${one()}\ndone`,
          (): string => `p0 \${x/a/$(${someCommand(pick, true)})} "$((1 + $(echo 1)))"`,
        ]
      : []),
  ]
  return (structures[pick(structures.length)] ?? one)()
}

let runs = 0

function ran(shell: string, line: string): string[][] {
  // Of its own: what runs in the background of one line may end in the next.
  const out = join(folder, `ran-${++runs}`)
  writeFileSync(out, '')
  Bun.spawnSync([shell, '-c', line], {
    env: { PATH: `${folder}:/usr/bin:/bin`, RAN: out, HOME: folder },
    cwd: folder,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
    timeout: 5_000,
  })
  return readFileSync(out, 'utf8')
    .split('\u0002')
    .slice(0, -1)
    .map((each) => each.split('\u0001'))
}

/** A command whose known words are those that ran. */
const isPartlyKnown = ({ commands }: Reading, [program, ...words]: readonly string[]): boolean =>
  commands.some(
    (one) =>
      one.program === program &&
      one.arguments.some(({ text }) => text.includes(unknown)) &&
      one.arguments.every(({ text }) => text.includes(unknown) || words.includes(text)),
  )

describe('what a shell runs was found', () => {
  for (const shell of ['bash', 'dash'])
    test(shell, () => {
      let opaque = 0
      let seen = 0
      for (let seed = 1; seed <= lines_each; seed++) {
        const line = someLine(random(seed * 1_299_709 + shell.length), shell === 'bash')
        const reading = read(new TextEncoder().encode(line))
        if (reading.opaque.length > 0) {
          opaque += 1
          continue
        }
        const found = new Set(
          reading.commands.map(({ program, arguments: words }) =>
            JSON.stringify([program, ...words.map(({ text }) => text)]),
          ),
        )
        const shown = (argv: readonly string[]): string => JSON.stringify(argv)
        for (const argv of ran(shell, line)) {
          seen += 1
          if (found.has(shown(argv)) || isPartlyKnown(reading, argv)) continue
          throw new Error(`${seed}: ${line}\nran ${shown(argv)}\nfound ${[...found].join(' ')}`)
        }
      }
      expect(seen).toBeGreaterThan(lines_each)
      // A reader to which all is opaque would pass, and be of no use.
      expect(opaque).toBeLessThan(lines_each / 4)
    }, 60_000)
})
