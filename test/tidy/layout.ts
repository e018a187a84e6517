/**
 * The layout of this repository as data: which folder may import which, and which folder names which
 * package. DESIGN.md of the project gives the reasons; `tidy.test.ts` enforces it.
 *
 * @module
 */

export interface Folder {
  /** Folders of ours that may be imported, besides the folder itself. */
  readonly ours: readonly string[]
  /** Built-ins of Node and Bun. `types` allows `import type` alone: the folder does no I/O. */
  readonly builtins: 'none' | 'types' | 'any' | RegExp
}

/** The longest prefix of a path decides. A file that is in none of them is a violation. */
export const folders: Readonly<Record<string, Folder>> = {
  'masking-wasm/rules': { ours: [], builtins: 'none' },
  'masking-wasm/compile': { ours: ['masking-wasm/rules'], builtins: 'any' },
  'masking-wasm/host': {
    ours: ['masking-wasm/compile', 'masking-wasm/rules'],
    builtins: /^node:(fs|crypto|path|url)$/,
  },

  // What becomes a component runs in browsers: its driver has no built-ins, and only the build uses the compiler.
  'masking-wasm/component': { ours: ['masking-wasm/compile'], builtins: /^node:(fs|url)$/ },

  // Pure: what an auditor's verifier shares with the gateway.
  'storage/evidence': { ours: [], builtins: /^node:crypto$/ },
  'storage/journal': { ours: ['storage/evidence'], builtins: 'any' },
  'storage/store': { ours: ['storage/evidence', 'storage/journal'], builtins: 'any' },
  'storage/replay': { ours: ['storage/evidence', 'storage/store'], builtins: 'none' },
  // What leaves for the bucket, and what comes back from it.
  'storage/replicate': {
    ours: ['storage/evidence', 'storage/journal', 'storage/store', 'storage/verify'],
    builtins: 'any',
  },
  // Offline, and from public material only: nothing of the gateway can bend its answer.
  'storage/verify': { ours: ['storage/evidence'], builtins: /^node:crypto$/ },
  // C2SP tlog-witness, both sides.
  'storage/witness': { ours: ['storage/evidence'], builtins: 'any' },
  // What leaves a gateway as one file.
  'storage/bundle': {
    ours: ['storage/evidence', 'storage/verify', 'storage/replay'],
    builtins: /^node:crypto$/,
  },
  // The verifier for a browser, built into one file.
  'storage/page': {
    ours: [
      'storage/evidence',
      'storage/verify',
      'storage/replay',
      'storage/bundle',
      'masking-wasm/compile',
      'masking-wasm/rules',
    ],
    builtins: 'any',
  },
  'storage/page/browser': {
    ours: ['storage/evidence', 'storage/verify', 'storage/replay', 'storage/bundle'],
    builtins: 'none',
  },
  // What an auditor does with a private key, away from the gateway.
  'storage/audit': { ours: ['storage/evidence'], builtins: /^node:crypto$/ },

  'proxy/core': { ours: ['storage/evidence'], builtins: 'types' },
  'proxy/policy': { ours: ['proxy/core'], builtins: 'none' },
  'proxy/tap': {
    ours: [
      'proxy/core',
      'storage/evidence',
      'masking-wasm/host',
      'masking-wasm/compile',
      'masking-wasm/rules',
    ],
    builtins: /^node:crypto$/,
  },
  // What a terminal shows: the only live user of an emulator.
  'proxy/screen': { ours: ['proxy/core'], builtins: 'none' },
  // Numbers and their text: whoever counts hands them over.
  'proxy/metrics': { ours: [], builtins: 'none' },
  'proxy/session': { ours: ['proxy/core', 'storage/evidence'], builtins: 'types' },
  'proxy/recorder': {
    ours: [
      'proxy/core',
      'proxy/tap',
      'storage/evidence',
      'storage/journal',
      // At start alone: what the store knows of sessions that a crash left open.
      'storage/store',
      'masking-wasm/host',
      'masking-wasm/compile',
      'masking-wasm/rules',
    ],
    builtins: 'any',
  },
  'proxy/reload': {
    ours: ['proxy/core', 'proxy/config', 'proxy/tap', 'masking-wasm/compile', 'masking-wasm/rules'],
    builtins: 'none',
  },
  // Connections, whatever they are made of.
  // Of node:net and node:tls it has what compares a certificate with a host.
  'proxy/socket': { ours: [], builtins: /^(bun|node:(net|stream|tls))$/ },
  'proxy/listener': {
    ours: ['proxy/core', 'proxy/socket'],
    builtins: /^node:(net|tls|stream|events)$/,
  },
  // Of node:net it has what compares addresses, of node:zlib what a request of SAML is packed by.
  'proxy/identity': { ours: ['proxy/core'], builtins: /^node:(crypto|fs|path|net|zlib)$/ },
  'proxy/config': {
    ours: ['proxy/core', 'storage/evidence', 'masking-wasm/rules'],
    builtins: 'any',
  },
  // No connector imports another: a seventh protocol is a folder, and none is a special case.
  'proxy/connector/ssh': { ours: ['proxy/core', 'proxy/socket'], builtins: 'any' },
  'proxy/connector/postgres': {
    ours: ['proxy/core', 'proxy/socket', 'proxy/connector/stream'],
    builtins: 'any',
  },
  'proxy/connector/echo': {
    ours: ['proxy/core', 'proxy/socket', 'proxy/connector/stream'],
    builtins: 'any',
  },
  // What connectors share whose channel is a connection.
  'proxy/connector/stream': { ours: ['proxy/core', 'proxy/socket'], builtins: 'types' },
  // What main.ts puts together, part by part.
  'proxy/gateway': { ours: ['*'], builtins: 'any' },
  // A self-contained world: it makes the keys and the target that a configuration would name.
  'proxy/trial': {
    ours: ['proxy/core', 'proxy/config', 'proxy/identity', 'proxy/connector/ssh'],
    builtins: 'any',
  },
  // Messages about requests: what they say, and how they get there.
  'proxy/notify': { ours: ['proxy/core'], builtins: /^node:crypto$/ },
  // The pages, and how a browser signs in to them; the API serves them.
  'proxy/console': { ours: ['proxy/core'], builtins: 'any' },
  'proxy/api': {
    ours: [
      'proxy/core',
      'proxy/console',
      'storage/evidence',
      'storage/store',
      'storage/replay',
      'storage/verify',
    ],
    builtins: 'any',
  },
  'proxy/cli': {
    ours: [
      'proxy/core',
      'proxy/config',
      // `check-config` reads what a start reads.
      'proxy/identity',
      'proxy/policy',
      // `policy test` reads statements as the gateway does.
      'proxy/connector/postgres',
      'storage/evidence',
      'storage/journal',
      'storage/store',
      'storage/replay',
      'storage/replicate',
      'storage/verify',
      'storage/audit',
      'storage/bundle',
      'storage/page',
      'storage/witness',
      'masking-wasm/host',
      'masking-wasm/compile',
      'masking-wasm/rules',
    ],
    builtins: 'any',
  },

  // Tests and benchmarks stand outside and may look at everything.
  test: { ours: ['*'], builtins: 'any' },
  bench: { ours: ['*'], builtins: 'any' },
  // The picture of the README is a run of the trial.
  docs: { ours: ['*'], builtins: 'any' },
}

/** Files that wire the others: the composition roots. Each has its reason. */
export const roots: Readonly<Record<string, string>> = {
  'proxy/main.ts': 'composition root of the gateway',
  'proxy/log.ts': 'a leaf of the composition root: it imports nothing',
  'proxy/cli/main.ts': 'composition root of the CLI',
}

/** Files at the top of `proxy/` that belong to a folder in the table above. */
export const aliases: Readonly<Record<string, string>> = {
  'proxy/config.ts': 'proxy/config',
  'proxy/config.test.ts': 'proxy/config',
}

export interface Package {
  readonly name: RegExp
  readonly folders: readonly string[]
}

/** Who may name a package. A package that is not here may be named by nobody. */
export const packages: readonly Package[] = [
  // The trial has a target of its own, which is an SSH server; tests and benchmarks play both sides.
  { name: /^ssh2$/, folders: ['proxy/connector/ssh', 'proxy/trial', 'test', 'bench'] },
  // Identity reads tokens; the sealed envelope of evidence is a JWE.
  { name: /^jose$/, folders: ['proxy/identity', 'storage/evidence'] },
  // PostgreSQL's own parser.
  { name: /^libpg-query$/, folders: ['proxy/connector/postgres'] },
  { name: /^(openid-client|@node-saml\/node-saml|@xmldom\/xmldom)$/, folders: ['proxy/identity'] },
  { name: /^@simplewebauthn\/server(\/|$)/, folders: ['proxy/identity'] },
  // Only the trial has an identity provider of its own.
  { name: /^oidc-provider$/, folders: ['proxy/trial'] },
  { name: /^(@hono\/zod-openapi|swagger-ui-dist)(\/|$)/, folders: ['proxy/api'] },
  { name: /^hono(\/|$)/, folders: ['proxy/api', 'proxy/console'] },
  { name: /^(drizzle-orm|drizzle-kit|libsql)(\/|$)/, folders: ['storage/store'] },
  // Signs requests of S3. Tests own the bucket, which a gateway never does.
  { name: /^aws4fetch$/, folders: ['storage/replicate', 'test', 'bench'] },
  { name: /^(yaml|zod)$/, folders: ['proxy/config'] },
  // Shell is read by a grammar, policy by its own language.
  {
    name: /^(web-tree-sitter|tree-sitter-bash|@cedar-policy\/cedar-wasm)(\/|$)/,
    folders: ['proxy/policy', 'bench'],
  },
  { name: /^(@eslint-community\/regexpp|assemblyscript)(\/|$)/, folders: ['masking-wasm/compile'] },
  // Builds the component; nothing of it is there at run time.
  { name: /^@bytecodealliance\/jco$/, folders: ['masking-wasm/component'] },
  // A driver of PostgreSQL, as applications have it.
  { name: /^pg$/, folders: ['test'] },
  // Drives a real browser, Debian's.
  { name: /^playwright-core$/, folders: ['test'] },
  // Keeps the screen of a replay: in the README's picture, and in the page that verifies. Reads lines from a live one.
  { name: /^@xterm\/headless$/, folders: ['docs', 'storage/page/browser', 'proxy/screen'] },
]

/** Packages that a test beside the code may name anywhere. */
export const test_packages: readonly RegExp[] = [/^bun:test$/, /^fast-check$/]

/** The built-ins of the runtime, by how they are imported. */
export const builtin: RegExp = /^(node:|bun$|bun:)/
