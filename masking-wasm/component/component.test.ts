/**
 * The component is the gateway's own module with an interface around it: under Bun, Node and in a browser it gives the bytes
 * that the gateway gives, and so do the raw exports of the module that it has inside.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBrowser } from '../../test/fixture/chromium.ts'
import { chromium, testSlow, testWith } from '../../test/fixture/require.ts'
import { module_path } from '../compile/build.ts'
import { rulesetOf } from '../compile/prepared.ts'
import { MaskingEngine } from '../host/engine.ts'
import type { Exports } from '../host/module.ts'
import { default_packs, rulesOf } from '../rules/index.ts'
import { buildComponent, component_path, transpiled } from './build.ts'
import {
  type Drive,
  type Driven,
  type Instantiate,
  opened,
  type Root,
  throughComponent,
  throughExports,
  type Vector,
} from './drive.ts'

/** A browser, and a machine that may have other work. */
const slow_ms = 120_000
setDefaultTimeout(slow_ms)

const node = Bun.which('node') ?? '/usr/bin/node'
const rules = rulesOf(default_packs)
const compiled = rulesetOf(rules)
if (!compiled.ok) throw new Error(compiled.reason)
const { ruleset } = compiled

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64')
const examples = rules.flatMap((rule) =>
  rule.examples.map((example) => example.replaceAll(/[«»]/g, '')),
)
/** What stands in some of them. Some of it only a terminal leaves out, or writes over. */
const between = [
  '',
  '\x1b[01;31m',
  '\x1b]0;title\x07',
  'x\b',
  '\b \b',
  ' \r',
  '\0',
  '\x1b[3D',
  '\r\n',
]
const some = examples.filter((_, index) => index % 2 === 0)
const cutBy = (example: string, index: number): string => {
  const at = index % example.length
  return example.slice(0, at) + between[index % between.length] + example.slice(at)
}
/**
 * Each example in parts of sizes that differ, flushed in its midst now and then, as it is and with something in it, in either
 * reading; and one of several windows.
 */
const vectors: readonly Vector[] = [
  ...[...examples, ...some.map(cutBy), ...some.map(cutBy)].map((example, index): Vector => {
    const bytes = Buffer.from(`before ${example} after\n`)
    const size = 1 + (index % 23)
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, part) => ({
      push: base64(bytes.subarray(part * size, (part + 1) * size)),
    }))
    const flush = { flush: index % 2 === 0 ? 'idle' : 'echo' } as const
    const middle = Math.floor(parts.length / 2)
    return {
      unit: index % 3 === 0 ? 'width' : 'length',
      reading: index < examples.length + some.length ? 'bytes' : 'terminal',
      columns: index % 4 === 0 ? 20 : 0,
      steps: [
        ...parts.slice(0, middle),
        ...(index % 5 === 0 ? [flush] : []),
        ...parts.slice(middle),
        { push: '' },
        { flush: 'end' },
      ],
    }
  }),
  {
    unit: 'length',
    reading: 'bytes',
    columns: 0,
    steps: [
      // The interface takes a window at once.
      { push: base64(`${examples.join('\n')}\n`.repeat(20).slice(0, 65_536)) },
      { push: base64(Uint8Array.from({ length: 65_536 }, (_, i) => (i * 7919) >> 3)) },
      { flush: 'end' },
    ],
  },
]
const messages = [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 70_000].map((length) =>
  Uint8Array.from({ length }, (_, index) => (index * 131 + length) & 255),
)
const drive: Drive = {
  tables: base64(ruleset.tables),
  vectors,
  messages: messages.map(base64),
}

/** What the gateway makes of the vectors. */
function throughEngine(engine: MaskingEngine): readonly string[] {
  return vectors.map(({ unit, reading, columns, steps }) => {
    const stream = engine.open(unit, reading)
    stream.resize(columns)
    const parts = steps.map((step) => {
      const masked =
        'flush' in step
          ? stream.flush(step.flush)
          : stream.push(new Uint8Array(Buffer.from(step.push, 'base64')))
      return Buffer.from(masked.bytes).toString('latin1')
    })
    stream.close()
    return parts.join('')
  })
}
const shown = ({ masked }: Driven): readonly string[] =>
  masked.map((steps) =>
    steps.map(({ bytes }) => Buffer.from(bytes, 'base64').toString('latin1')).join(''),
  )

describe('the component', () => {
  let dir = ''
  let due: Driven
  const core = async (path: string): Promise<WebAssembly.Module> =>
    new WebAssembly.Module(readFileSync(join(dir, path)))
  const open = async (): ReturnType<typeof opened> => {
    const { instantiate } = (await import(join(dir, 'masking.js'))) as { instantiate: Instantiate }
    return opened(instantiate, core)
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sluice-component-'))
    const files = await transpiled(readFileSync(component_path))
    for (const [name, bytes] of Object.entries(files))
      if (!name.endsWith('.d.ts')) writeFileSync(join(dir, name), bytes)
    const built = await Bun.build({
      entrypoints: [join(import.meta.dir, 'drive.ts')],
      outdir: dir,
      target: 'browser',
    })
    if (!built.success) throw new Error(built.logs.map(({ message }) => message).join('\n'))
    writeFileSync(join(dir, 'drive.json'), JSON.stringify(drive))
    due = throughExports((await open()).exports, drive)
  }, slow_ms)
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  test('has inside, byte for byte, the module that manifests name', () => {
    const module = readFileSync(module_path)
    const inside = readFileSync(join(dir, 'masking.core.wasm'))
    expect(inside.subarray(0, module.length).equals(module)).toBe(true)
    // What follows is one custom section, id 0, which says that it was processed.
    const after = inside.subarray(module.length)
    expect(after[0]).toBe(0)
    expect(after[1]).toBe(after.length - 2)
    expect(after.toString('latin1')).toContain('producers')
    const engine = MaskingEngine.load(ruleset)
    expect(engine.module_hash).toBe(createHash('sha256').update(module).digest('hex'))
  })

  test('under Bun gives what its raw exports give, and what the gateway does', async () => {
    const { root } = await open()
    expect(throughComponent(root, drive)).toEqual(due)
    expect(shown(due)).toEqual(throughEngine(MaskingEngine.load(ruleset)))
    // The raw exports carry the gateway's own engine too.
    const { exports } = await open()
    const over = MaskingEngine.over(exports as unknown as Exports, '', ruleset)
    expect(throughEngine(over)).toEqual(shown(due))
    expect(due.digests).toEqual(
      messages.map((message) => createHash('sha256').update(message).digest('hex')),
    )
    // The canary: there is something to mask in all that are whole, and in most of the others.
    const masks = due.masked.map((steps) => steps.some(({ spans }) => spans.length > 0))
    expect(masks.slice(0, examples.length)).not.toContain(false)
    expect(masks.filter((is_masked) => is_masked).length).toBeGreaterThan(vectors.length * 0.8)
  })

  testWith(
    [node],
    'under Node gives the same',
    async () => {
      writeFileSync(
        join(dir, 'main.mjs'),
        `import { readFileSync } from 'node:fs'
         import { instantiate } from './masking.js'
         import { opened, throughComponent, throughExports } from './drive.js'
         const drive = JSON.parse(readFileSync('drive.json', 'utf8'))
         const core = async (path) => new WebAssembly.Module(readFileSync(path))
         const component = throughComponent((await opened(instantiate, core)).root, drive)
         const raw = throughExports((await opened(instantiate, core)).exports, drive)
         process.stdout.write(JSON.stringify({ component, raw }))`,
      )
      writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
      const child = Bun.spawn([node, 'main.mjs'], { cwd: dir, stdout: 'pipe', stderr: 'pipe' })
      const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()])
      expect({ code: await child.exited, error }).toEqual({ code: 0, error: '' })
      const { component, raw }: Record<'component' | 'raw', Driven> = JSON.parse(out)
      expect(component).toEqual(due)
      expect(raw).toEqual(due)
    },
    slow_ms,
  )

  testSlow(
    [chromium],
    'in a browser gives the same',
    async () => {
      const server = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch: ({ url }) => {
          const { pathname } = new URL(url)
          if (pathname === '/')
            return new Response('<!doctype html><title>component</title>', {
              headers: { 'content-type': 'text/html' },
            })
          const file = join(dir, pathname)
          return existsSync(file) ? new Response(Bun.file(file)) : new Response('', { status: 404 })
        },
      })
      try {
        await using browser = await openBrowser()
        const page = await browser.context.newPage()
        await page.goto(server.url.href)
        const { component, raw } = await page.evaluate<Record<'component' | 'raw', Driven>>(`
          (async () => {
            const { instantiate } = await import('./masking.js')
            const { opened, throughComponent, throughExports } = await import('./drive.js')
            const drive = await (await fetch('/drive.json')).json()
            const core = (path) => WebAssembly.compileStreaming(fetch('/' + path))
            const component = throughComponent((await opened(instantiate, core)).root, drive)
            const raw = throughExports((await opened(instantiate, core)).exports, drive)
            return { component, raw }
          })()`)
        expect(component).toEqual(due)
        expect(raw).toEqual(due)
      } finally {
        await server.stop(true)
      }
    },
    slow_ms,
  )

  test('answers what it cannot do, and goes on', async () => {
    const { root, exports } = await open()
    const { masking, hashing } = root
    const problem = (run: () => unknown): unknown => {
      try {
        return run()
      } catch (error) {
        return (error as { readonly payload?: unknown }).payload ?? error
      }
    }
    expect(problem(() => masking.Masker.open('length', 'bytes'))).toBe('not-started')
    // What are none are not kept.
    for (let i = 0; i < 1000; i++)
      expect(problem(() => masking.useTables(new Uint8Array(1_000_000)))).toBe('tables')
    expect((exports['memory'] as WebAssembly.Memory).buffer.byteLength).toBeLessThan(4e6)
    expect(hashing.sha256Each(new Uint8Array(0), 0)).toEqual(hashing.sha256(new Uint8Array(0)))
    expect(hashing.sha256Each(new Uint8Array(0), 5).length).toBe(0)
    masking.useTables(new Uint8Array(ruleset.tables))
    expect(problem(() => masking.useTables(new Uint8Array(ruleset.tables)))).toBe('tables')
    const masker = masking.Masker.open('length', 'bytes')
    expect(problem(() => masker.push(new Uint8Array(65_537)))).toBe('too-long')
    expect(problem(() => hashing.sha256Each(new Uint8Array(10), 3))).toBe('not-whole')
    expect(problem(() => hashing.sha256Each(new Uint8Array(10), 0))).toBe('not-whole')
    const example = Buffer.from(`x ${examples[0]} y`)
    const { bytes, held } = masker.push(example)
    const { bytes: rest } = masker.flush('end')
    const text = Buffer.concat([bytes, rest]).toString()
    expect(text).toContain('*')
    expect(held).toBeLessThan(4097)
    expect(text.length).toBe(example.length)
  })

  test('takes much without keeping it', async () => {
    const { root, exports } = await open()
    const size = (): number => (exports['memory'] as WebAssembly.Memory).buffer.byteLength
    root.masking.useTables(new Uint8Array(ruleset.tables))
    hashMuch(root, 20)
    const before = size()
    hashMuch(root, 200)
    expect(size()).toBe(before)
  })
})

function hashMuch({ hashing, masking }: Root, times: number): void {
  const bytes = new Uint8Array(300_000)
  for (let i = 0; i < times; i++) {
    hashing.sha256(bytes)
    hashing.sha256Each(bytes, 100)
    const masker = masking.Masker.open('width', 'terminal')
    masker.push(bytes.subarray(0, 65_536))
    masker[Symbol.dispose]()
  }
}

describe('the build', () => {
  test('makes the committed component of the committed module', async () => {
    const component = await buildComponent(readFileSync(module_path))
    expect(Buffer.from(component).equals(readFileSync(component_path)), 'run: bun run build').toBe(
      true,
    )
  })
})
