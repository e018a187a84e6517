/**
 * `bun run check`: format and import order (biome), lint with types (oxlint), types (tsc), unused
 * code (knip). Runs all of them, prints one line each and the findings of those that have any.
 * Exits 0 only if all are clean and each really saw this tree: a tool that silently looked at
 * nothing is a finding.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Outcome {
  readonly code: number
  readonly text: string
}

interface Check {
  readonly name: string
  readonly command: readonly string[]
  /** Why this run proves nothing, or undefined when it does. */
  readonly blind: (outcome: Outcome) => Promise<string | undefined>
}

/** Enough to act on; the rest comes after the first are mended. */
const findings_lines_max = 100

const root = join(import.meta.dir, '..')
const sources = [...new Bun.Glob('{proxy,storage,bench,docs,test}/**/*.ts').scanSync(root)].concat(
  // A brace that contains a slash matches nothing in Bun.Glob.
  [...new Bun.Glob('masking-wasm/{compile,component,host,rules}/**/*.ts').scanSync(root)],
)

const checks: readonly Check[] = [
  {
    name: 'biome',
    command: ['biome', 'check', '--error-on-warnings', '--max-diagnostics=20', '.'],
    blind: async ({ text }) => tooFew(Number(/Checked (\d+) files?/.exec(text)?.[1] ?? 0)),
  },
  {
    name: 'oxlint',
    command: ['oxlint', '--type-aware', '--deny-warnings', '--format=stylish', '.'],
    blind: lintIsBlind,
  },
  {
    name: 'tsc',
    command: ['tsc', '--project', '.', '--pretty', 'false'],
    blind: async () => {
      const { text } = await run(['tsc', '--project', '.', '--listFilesOnly'])
      const ours = text
        .split('\n')
        .filter((line) => line.endsWith('.ts') && !line.includes('node_modules'))
      return tooFew(ours.length)
    },
  },
  {
    name: 'knip',
    // A hint says that a pattern of the configuration matches nothing: the canary of knip.
    command: ['knip', '--no-progress', '--treat-config-hints-as-errors'],
    blind: async () => undefined,
  },
]

const reports = await Promise.all(checks.map(report))
process.exit(reports.every((clean) => clean) ? 0 : 1)

async function report(check: Check): Promise<boolean> {
  const outcome = await run(check.command)
  const blind = await check.blind(outcome)
  const clean = outcome.code === 0 && blind === undefined
  console.log(`${check.name.padEnd(7)} ${clean ? 'ok' : (blind ?? 'findings')}`)
  if (clean) return true
  const lines = outcome.text.trimEnd().split('\n')
  console.log(lines.slice(0, findings_lines_max).join('\n'))
  if (lines.length > findings_lines_max)
    console.log(`... and ${lines.length - findings_lines_max} more lines`)
  return false
}

/** Runs a tool of node_modules under this Bun, so that the checks need no Node. */
async function run(command: readonly string[], cwd: string = root): Promise<Outcome> {
  const [tool = '', ...rest] = command
  const child = Bun.spawn([process.execPath, join(root, 'node_modules/.bin', tool), ...rest], {
    cwd,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ])
  return { code, text: out + err }
}

function tooFew(seen: number): string | undefined {
  return sources.length > 0 && seen >= sources.length
    ? undefined
    : `saw ${seen} of ${sources.length} files`
}

/** The linter must see the files, and must find a planted mistake that only types reveal. */
async function lintIsBlind(): Promise<string | undefined> {
  const { text } = await run(['oxlint', '--type-aware', '--format=json', '.'])
  const seen = /"number_of_files": (\d+)/.exec(text)?.[1]
  const few = tooFew(Number(seen ?? 0))
  if (few !== undefined) return few
  const dir = await mkdtemp(join(tmpdir(), 'sluice-check-'))
  try {
    await writeFile(join(dir, 'tsconfig.json'), '{"compilerOptions":{"strict":true}}')
    await writeFile(
      join(dir, 'canary.ts'),
      'async function f(): Promise<void> {}\nf()\nexport {}\n',
    )
    const config = join(root, '.oxlintrc.json')
    const canary = await run(['oxlint', '--type-aware', '-c', config, 'canary.ts'], dir)
    return canary.text.includes('no-floating-promises')
      ? undefined
      : 'did not find a planted floating promise'
  } finally {
    await rm(dir, { recursive: true })
  }
}
