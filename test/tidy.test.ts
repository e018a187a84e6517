/**
 * Checks of the code itself: import direction, packages per folder, size, names. After TigerBeetle's
 * tidy.zig. Every rule has a canary, a text that it must refuse, and counts what it saw: a gate that
 * sees nothing is red.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { dirname, join, normalize } from 'node:path'
import { aliases, builtin, folders, packages, roots, test_packages } from './tidy/layout.ts'

/** Says what is wrong with a file; nothing when it is in order. */
type Rule = (file: string, text: string) => readonly string[]

const lines_max = 400
const root = join(import.meta.dir, '..')
// Its canaries are, on purpose, everything that the rules forbid.
const self = 'test/tidy.test.ts'

const scan = (pattern: string): string[] =>
  [...new Bun.Glob(pattern).scanSync({ cwd: root, dot: true })].filter(
    (path) => path !== self && !path.includes('node_modules/'),
  )
const tops = ['bench', 'docs', 'masking-wasm', 'proxy', 'storage', 'test']
const code = tops.flatMap((top) => scan(`${top}/**/*.ts`))
// AssemblyScript is another language: it has no packages, and its imports stay in its folder.
const typescript = code.filter((path) => !path.startsWith('masking-wasm/assembly/'))
const prose = [
  ...tops.flatMap((top) => [
    ...scan(`${top}/**/*.md`),
    ...scan(`${top}/**/*.sql`),
    ...scan(`${top}/**/*.sh`),
    ...scan(`${top}/**/*.js`),
    ...scan(`${top}/**/*.css`),
    ...scan(`${top}/**/*.cast`),
    ...scan(`${top}/**/*.svg`),
  ]),
  ...scan('*.{md,json,yaml,toml,lock}'),
  ...scan('patches/*.patch'),
  '.ci/run',
  'test/setup',
]

/** Code without comments. Strings stay: an import is one. */
const bare = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')

const folderOf = (path: string): string | undefined =>
  aliases[path] ??
  Object.keys(folders)
    .filter((folder) => path.startsWith(`${folder}/`))
    .toSorted((a, b) => b.length - a.length)[0]

interface Import {
  readonly specifier: string
  readonly type_only: boolean
}

/** Every specifier, type-only ones too: a type is a dependency on a design. */
const importsOf = (text: string): Import[] =>
  [
    ...bare(text).matchAll(
      /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'";]*?\bfrom\s*['"]([^'"]+)['"]|\bimport(?:\.meta\.resolve)?\s*\(?\s*['"]([^'"]+)['"]|new URL\(\s*['"](\.[^'"]+\.ts)['"]/g,
    ),
  ].map((match) => ({
    specifier: match[2] ?? match[3] ?? match[4] ?? '',
    type_only: match[1] !== undefined,
  }))

const direction: Rule = (file, text) => {
  if (roots[file] !== undefined) return []
  const from = folderOf(file)
  const folder = folders[from ?? '']
  if (from === undefined || folder === undefined) return [`${file} is in no known folder`]
  // A test stands beside the code that it tests, and may bring other parts together.
  const is_test = file.endsWith('.test.ts')
  return importsOf(text).flatMap(({ specifier, type_only }) => {
    const refused = [`${file} must not import ${specifier}`]
    if (specifier.startsWith('.')) {
      const path = normalize(join(dirname(file), specifier))
      const to = folderOf(path)
      if (to === undefined) return folder.ours.includes('*') || path === file ? [] : refused
      const allowed = to === from || folder.ours.includes('*') || folder.ours.includes(to)
      return allowed || is_test ? [] : refused
    }
    if (!builtin.test(specifier) || is_test || specifier === 'node:assert') return []
    if (folder.builtins === 'any') return []
    if (folder.builtins === 'types') return type_only ? [] : refused
    return folder.builtins !== 'none' && folder.builtins.test(specifier) ? [] : refused
  })
}

const packageOwners: Rule = (file, text) =>
  importsOf(text).flatMap(({ specifier }) => {
    if (specifier.startsWith('.') || specifier === '') return []
    const is_test = file.endsWith('.test.ts') || file.startsWith('test/')
    if (is_test && test_packages.some((name) => name.test(specifier))) return []
    if (builtin.test(specifier) && specifier !== 'bun:test') return []
    const owner = packages.find(({ name }) => name.test(specifier))
    const from = folderOf(file)
    return owner !== undefined && from !== undefined && owner.folders.includes(from)
      ? []
      : [`${file} must not name the package ${specifier}`]
  })

const size: Rule = (file, text) => {
  const lines = text.trimEnd().split('\n').length
  return lines <= lines_max ? [] : [`${file} has ${lines} lines: look for the second story`]
}

const moduleComment: Rule = (file, text) =>
  // A test says what it is by its names.
  file.endsWith('.test.ts') || /^(#!.*\n)?\/\*\*/.test(text)
    ? []
    : [`${file} does not begin with its module comment`]

const names: Rule = (file, text) => {
  const words = /(?:Manager|Helper|Util(?:s|ities)?|Common)(?![a-z])/
  const declared = [
    ...bare(text).matchAll(/\b(?:class|interface|type|function|const|let)\s+([A-Za-z_$][\w$]*)/g),
  ].map((match) => match[1] ?? '')
  const path = /(?:^|[/.-])(?:managers?|helpers?|utils?|common|misc|v2)(?=[/.-]|$)/
  const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)*$/
  return [
    ...declared.filter((name) => words.test(name)).map((name) => `${file} declares ${name}`),
    ...(path.test(file) ? [`${file} is named after nothing that it does`] : []),
    ...file
      .split('/')
      .filter((part) => !kebab.test(part))
      .map((part) => `${file}: ${part} is not kebab-case`),
  ]
}

const anyType: Rule = (file, text) =>
  [...bare(text).matchAll(/(?::|\bas|[<,|])\s*any\b(?!['"\w-])/g)].map(
    () => `${file} uses the type any`,
  )

/** An exception to a tool is written with its reason. */
const suppressions: Rule = (file, text) =>
  [...text.matchAll(/(?:oxlint-disable|biome-ignore|@ts-(?:ignore|nocheck|expect-error)).*/g)]
    .filter(([line]) => !/(?:--|:)\s*\S{3}/.test(line) || /@ts-(?:ignore|nocheck)/.test(line))
    .map(([line]) => `${file} suppresses without a reason: ${line}`)

const unfinished: Rule = (file, text) =>
  [...text.matchAll(/\b(?:TODO|FIXME|XXX|HACK)\b/g)].map(([word]) => `${file} has a ${word}`)

/** The text speaks of the project alone, never of the machine or the mirror it was written with. */
const workplace: Rule = (file, text) =>
  [
    ...text.matchAll(
      /(?:^|[\s'"`(=])\/(?:Users|work|farm)\/\S*|\bsub[-]?agents?\b|https?:\/\/[^\s/]*(?:registry|artifactory|nexus)[^\s]*/g,
    ),
  ].map(([found]) => `${file} names its workplace: ${found.trim()}`)

interface Gate {
  readonly title: string
  readonly rule: Rule
  readonly files: readonly string[]
  /** Files and texts that the rule must refuse, once each. */
  readonly canaries: readonly (readonly [file: string, text: string])[]
}

const long = '/** a */\n'.repeat(lines_max + 1)
const gates: readonly Gate[] = [
  {
    title: 'imports follow the data',
    rule: direction,
    files: typescript,
    canaries: [
      ['proxy/core/x.ts', "import type { A } from '../session/pump.ts'"],
      ['proxy/core/x.ts', "import { connect } from 'node:net'"],
      ['proxy/connector/ssh/x.ts', "import { p } from '../echo/p.ts'"],
      ['proxy/connector/ssh/x.ts', "import { run } from '../../main.ts'"],
      ['proxy/session/x.ts', "import {\n  a,\n  b,\n} from '../tap/output.ts'"],
      ['storage/evidence/x.ts', "export * from '../store/y.ts'"],
      ['storage/evidence/x.ts', "import { readFileSync } from 'node:fs'"],
      ['storage/store/x.ts', "import type { Config } from '../../proxy/config.ts'"],
      ['storage/verify/x.ts', "const { readJournal } = await import('../journal/read.ts')"],
      ['storage/journal/x.ts', "new Worker(new URL('../../proxy/main.ts', import.meta.url))"],
      ['proxy/no-such-folder/x.ts', ''],
      ['proxy/stray.ts', ''],
    ],
  },
  {
    title: 'a package is named in its own folder',
    rule: packageOwners,
    files: typescript,
    canaries: [
      ['proxy/policy/x.ts', "import { Hono } from 'hono'"],
      ['proxy/session/x.ts', "import ssh2 from 'ssh2'"],
      ['storage/journal/x.ts', "import Database from 'libsql'"],
      ['proxy/api/x.ts', "import { SignJWT } from 'jose'"],
      ['proxy/cli/x.ts', "import.meta.resolve('swagger-ui-dist/swagger-ui.css')"],
      ['proxy/core/x.ts', "import lodash from 'lodash'"],
      ['proxy/core/x.ts', "import fc from 'fast-check'"],
      ['proxy/core/x.ts', "import { test } from 'bun:test'"],
    ],
  },
  { title: 'no file outgrows its reader', rule: size, files: code, canaries: [['x.ts', long]] },
  {
    title: 'a file says first what it is',
    rule: moduleComment,
    files: code,
    canaries: [['proxy/core/x.ts', 'export const a = 1\n/** late */']],
  },
  {
    title: 'names say something',
    rule: names,
    files: code,
    canaries: [
      ['proxy/core/x.ts', 'export class SessionManager {}'],
      ['proxy/core/x.ts', 'const pathHelper = 1'],
      ['proxy/core/utils.ts', ''],
      ['proxy/common/x.ts', ''],
      ['proxy/core/connectorV.ts', ''],
    ],
  },
  {
    title: 'every type is known',
    rule: anyType,
    files: typescript,
    canaries: [
      ['proxy/core/x.ts', 'const a: any = 1'],
      ['proxy/core/x.ts', 'const a = b as any'],
      ['proxy/core/x.ts', 'const a: Record<string, any> = {}'],
    ],
  },
  {
    title: 'an exception has its reason',
    rule: suppressions,
    // AssemblyScript needs `@ts-ignore: decorator`: tsc does not know its decorators.
    files: typescript,
    canaries: [
      ['proxy/core/x.ts', '// oxlint-disable-next-line no-await-in-loop'],
      ['proxy/core/x.ts', '// @ts-ignore: because'],
    ],
  },
  {
    title: 'nothing is left for later',
    rule: unfinished,
    // A patch moves lines of another project, and their remarks with them.
    files: [...code, ...prose].filter((file) => !file.endsWith('.patch')),
    canaries: [
      ['proxy/core/x.ts', '// TODO: later'],
      ['README.md', 'FIXME'],
    ],
  },
  {
    title: 'the text speaks of the project alone',
    rule: workplace,
    files: [...code, ...prose],
    canaries: [
      ['proxy/core/x.ts', "const dir = '/Users/someone/sluice'"],
      ['README.md', ['', 'work', 'notes'].join('/')],
      ['bun.lock', '"https://registry.example.com/ssh2"'],
    ],
  },
]

describe('tidy', () => {
  for (const { title, rule, files, canaries } of gates) {
    test(title, async () => {
      expect(files.length).toBeGreaterThan(0)
      const found = await Promise.all(
        files.map(async (file) => rule(file, await Bun.file(join(root, file)).text())),
      )
      expect(found.flat()).toEqual([])
    })
    test(`canary: ${title}`, () => {
      expect(canaries.length).toBeGreaterThan(0)
      for (const [file, text] of canaries)
        expect(rule(file, text), `${file}: ${text.slice(0, 80)}`).toHaveLength(1)
    })
  }

  test('canary: the gates see the imports of this tree, and each folder that they name', async () => {
    const texts = await Promise.all(typescript.map((file) => Bun.file(join(root, file)).text()))
    const specifiers = texts.flatMap((text) => importsOf(text).map((each) => each.specifier))
    expect(specifiers.filter((each) => each.startsWith('.')).length).toBeGreaterThan(10)
    expect(specifiers.filter((each) => builtin.test(each)).length).toBeGreaterThan(3)
    expect(new Set(code.map((file) => file.split('/')[0]))).toEqual(new Set(tops))
  })

  test('a folder of the layout exists, and so does a root', async () => {
    const present = new Set(code.map(folderOf))
    expect(Object.keys(folders).filter((folder) => !present.has(folder))).toEqual([])
    for (const file of Object.keys(roots))
      expect(await Bun.file(join(root, file)).exists(), file).toBe(true)
  })

  test('no package runs a script of its own when it is installed', async () => {
    // Without the list bun trusts one of its own making, in which there are scripts that call home.
    const { trustedDependencies } = (await Bun.file(join(root, 'package.json')).json()) as {
      readonly trustedDependencies?: readonly string[]
    }
    expect(trustedDependencies).toEqual([])
  })

  test("the README's two lines name the version that package.json pins", async () => {
    const { packageManager } = (await Bun.file(join(root, 'package.json')).json()) as {
      readonly packageManager: string
    }
    const readme = await Bun.file(join(root, 'README.md')).text()
    const install = `npm i -g ${packageManager} && bun install --frozen-lockfile &&`
    expect(packageManager).toMatch(/^bun@\d/)
    expect(readme).toContain(`${install} bun run proxy`)
    expect(readme).toContain(`${install} test/setup && bun run test`)
  })
})
