/**
 * Builds `verify.html` from source: one file with everything in it, the same bytes wherever it is built with
 * the pinned versions. The verifier in it is the command line's own code.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deflateRawSync } from 'node:zlib'
import { compile } from '../../masking-wasm/compile/compile.ts'
import { rulesOf } from '../../masking-wasm/rules/index.ts'

export interface Page {
  readonly bytes: Uint8Array
  /** Hex. */
  readonly sha256: string
}

const folder = dirname(fileURLToPath(import.meta.url))
const module_path = fileURLToPath(new URL('../../masking-wasm/build/masking.wasm', import.meta.url))

/** Where the hash of the page is published: what `sha256sum -c` takes. */
export const published_path: string = join(folder, 'verify.html.sha256')

/** As `sha256sum` prints it. */
export const publishedLine = (sha256: string): string => `${sha256}  verify.html\n`

let built: Promise<Page> | undefined

/** Once in a process. Rejects when the sources do not compile. */
export function buildPage(): Promise<Page> {
  built ??= build()
  return built
}

async function build(): Promise<Page> {
  const script = await bundledScript()
  const style = readFileSync(join(folder, 'page.css'), 'utf8')
  const hashOf = (text: string): string =>
    `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)} 'wasm-unsafe-eval'`,
    `style-src ${hashOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const bytes = new TextEncoder().encode(html(policy, style, script))
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

async function bundledScript(): Promise<string> {
  const shims = join(folder, 'browser')
  const { outputs } = await Bun.build({
    entrypoints: [join(shims, 'main.ts')],
    target: 'browser',
    format: 'esm',
    minify: true,
    define: {
      MASKING_MODULE: JSON.stringify(readFileSync(module_path).toString('base64')),
      MASKING_TABLES: JSON.stringify(fewTables().toString('base64')),
    },
    plugins: [
      {
        name: 'browser',
        setup(builder) {
          builder.onResolve({ filter: /^node:crypto$/ }, () => ({ path: join(shims, 'crypto.ts') }))
          // A module that names Node's Buffer gets the page's: a global would have to be there before the first of them.
          builder.onLoad(
            { filter: /storage\/(?:evidence|verify|bundle|replay)\/[a-z-]+\.ts$/ },
            ({ path }) => {
              const text = readFileSync(path, 'utf8')
              const uses = /\bBuffer\b/.test(text)
              const shim = JSON.stringify(join(shims, 'bytes.ts'))
              const contents = uses ? `import { PageBuffer as Buffer } from ${shim}\n${text}` : text
              return { contents, loader: 'ts' }
            },
          )
        },
      },
    ],
  })
  const script = await outputs[0]?.text()
  if (script === undefined) throw new Error('the page does not compile')
  // The end of the element that it stands in must not be inside of it (HTML, section 4.12.1.3).
  return script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
}

/** The module hashes once it has tables, of whatever rules. */
function fewTables(): Buffer {
  const compiled = compile(rulesOf(['pci']).slice(0, 1))
  if (!compiled.ok) throw new Error(compiled.reason)
  return deflateRawSync(compiled.ruleset.tables)
}

const html = (policy: string, style: string, script: string): string => `<!doctype html>
<!--
Sluice: verifies a bundle or a disclosure, without a network. Its terminal is xterm.js:

${readFileSync(join(folder, 'xterm-licence.txt'), 'utf8').trim()}
-->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice: verify evidence</title>
<style>${style}</style>
</head>
<body>
<h1>Verify evidence</h1>
<p>Nothing leaves this page: it works without a network. Whoever gave you the evidence must not be who gave you this page or
the trust file: compare the SHA-256 of this page with the published one.</p>
<label>Bundle or disclosure <input type="file" id="evidence" disabled></label>
<label>Trust file <input type="file" id="trust" disabled></label>
<p id="verdict" role="status" data-state="busy">Starting ...</p>
<ul id="findings"></ul>
<div id="facts"></div>
<div id="terminals"></div>
<section id="player" hidden>
<div id="screen"></div>
<button id="play">play</button>
<label>Speed <input type="number" id="speed" value="1" min="0.1" max="100" step="any"></label>
<input type="range" id="seek" min="0" value="0" aria-label="Position"> <span id="clock"></span>
</section>
<ol id="steps"></ol>
<section id="output" hidden>
<h2>Printed without a terminal</h2>
<ol id="lines"></ol>
</section>
<script type="module">${script}</script>
</body>
</html>
`

if (import.meta.main) {
  const { bytes, sha256 } = await buildPage()
  writeFileSync(published_path, publishedLine(sha256))
  console.log(`${published_path}: ${sha256}, of ${bytes.length} bytes`)
}
