/** The page is what its sources say, wherever it is built, and its hash is the published one. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPage, published_path, publishedLine } from './build.ts'

setDefaultTimeout(60_000)

test('the published hash is that of the page: bun run build publishes it anew', async () => {
  const { bytes, sha256 } = await buildPage()
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
  expect(readFileSync(published_path, 'utf8')).toBe(publishedLine(sha256))
})

test('another process, started elsewhere, builds the same bytes', async () => {
  const { sha256 } = await buildPage()
  const script = `import { buildPage } from ${JSON.stringify(join(import.meta.dir, 'build.ts'))}
console.log((await buildPage()).sha256)`
  const child = Bun.spawnSync([process.execPath, '-e', script], { cwd: tmpdir() })
  expect(child.stdout.toString().trim()).toBe(sha256)
})

test('nothing of it can be loaded from elsewhere, and nothing in it ends its script early', async () => {
  const text = new TextDecoder().decode((await buildPage()).bytes)
  expect(text).toContain("default-src 'none'")
  expect(text).not.toContain('unsafe-inline')
  expect(text.match(/<\/script/g)).toHaveLength(1)
  expect(text.match(/<script/g)).toHaveLength(1)
  // What it says who wrote what is in it.
  expect(text).toContain('The xterm.js authors')
  // No path of the machine that built it.
  expect(text).not.toContain(import.meta.dir)
})
