/**
 * Ordinary text without a secret, by kind: digests, identifiers, times, base64, source code, what tools print.
 * Whatever a rule of the default packs finds in it is a mistake.
 *
 * @module
 */
import { Random } from './template.ts'

/**
 * Source code that names a password: `password: string` may be a type or a bad password, and is masked. Kept
 * apart, so that the price of that is a number.
 */
export function passwordSource(seed: number): string {
  const random = new Random(seed)
  return Array.from({ length: lines_each }, () => {
    const name = random.pick(names)
    return random.pick([
      `export function ${name}Of(password: string, ${name}: number): ${name} {\n`,
      `  if (password.length < ${random.below(20)}) throw new Error('the password is too short')\n`,
      `    self.password = read_${name}(path)\n`,
      `  const password = await ${name}.read()\n`,
      `  return hash(${name}, password, { rounds: ${random.below(20)} })\n`,
    ])
  }).join('')
}

/** Lines of each kind. */
const lines_each = 2000

export function ordinary(seed: number): Readonly<Record<string, string>> {
  const random = new Random(seed)
  const texts: Record<string, string> = {}
  for (const [kind, line] of Object.entries(kinds))
    texts[kind] = Array.from({ length: lines_each }, (_, index) => line(random, index)).join('')
  return texts
}

const words =
  'the request was sent to a server and its answer came back after some time because the cache had no entry for that path so a worker read it from disk and wrote the result into memory where the next reader finds it token password secret key session cookie user machine login account public private license'.split(
    ' ',
  )
const names = ['total', 'index', 'entry', 'token', 'secret', 'key', 'session', 'result', 'node']

const prose = (r: Random): string =>
  `${Array.from({ length: 8 + r.below(12) }, () => r.pick(words)).join(' ')}.\n`
const hex = (r: Random, length: number): string => r.text('h', length)
const uuid = (r: Random): string =>
  `${hex(r, 8)}-${hex(r, 4)}-4${hex(r, 3)}-${r.pick(['8', '9', 'a', 'b'])}${hex(r, 3)}-${hex(r, 12)}`
const time = (r: Random): number => 1_700_000_000_000 + r.below(2 ** 31) * 40

const kinds: Readonly<Record<string, (r: Random, index: number) => string>> = {
  prose,
  digest: (r) =>
    `${r.pick([hex(r, 32), hex(r, 40), hex(r, 64), hex(r, 128), hex(r, 64).toUpperCase()])}  ${r.pick(words)}.tar.gz\n`,
  image: (r) =>
    `${r.pick(names)}:${r.below(9)}.${r.below(30)} sha256:${hex(r, 64)} ${hex(r, 12)} ${r.below(900)}MB\n`,
  uuid: (r) => `${r.pick([uuid(r), uuid(r).toUpperCase(), `{${uuid(r)}}`])} ${r.pick(words)}\n`,
  commit: (r) =>
    `commit ${hex(r, 40)}\nDate:   ${new Date(time(r)).toUTCString()}\n\n    ${prose(r)}`,
  time: (r) => {
    const at = time(r)
    return `${new Date(at).toISOString()} ${Math.floor(at / 1000)} ${at} ${at}${r.text('d', 3)} ${at}${r.text('d', 6)} took=${r.below(1e6)}us\n`
  },
  number: (r) =>
    `id=${r.text('d', 1 + r.below(12))} size=${r.text('d', 8)} ratio=0.${r.text('d', 16)} ${r.text('d', 5)}.${r.text('d', 9)}\n`,
  base64: (r) => `${r.text('b', 76)}\n`,
  certificate: (r, index) =>
    index % 20 === 0
      ? '-----BEGIN CERTIFICATE-----\n'
      : index % 20 === 19
        ? `${r.text('b', 30)}==\n-----END CERTIFICATE-----\n`
        : `${r.text('b', 64)}\n`,
  public_key: (r) =>
    r.pick([
      `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${r.text('b', 43)} ann@web-${r.below(9)}\n`,
      `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB${r.text('b', 340)}== ann@web-${r.below(9)}\n`,
      `SHA256:${r.text('b', 43)} (ED25519)\n`,
    ]),
  lockfile: (r) =>
    `    "node_modules/${r.pick(words)}-${r.pick(words)}": {\n      "version": "${r.below(9)}.${r.below(30)}.${r.below(9)}",\n      "integrity": "sha512-${r.text('b', 86)}=="\n    },\n`,
  access: (r) =>
    `- - [15/Jan/2030:10:22:31 +0000] "GET /v1/${r.pick(words)}/${r.below(1e6)}?page=${r.below(90)}&sort=${r.pick(words)} HTTP/1.1" 200 ${r.below(1e5)} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"\n`,
  json: (r) =>
    `${JSON.stringify({
      id: uuid(r),
      name: `${r.pick(words)} ${r.below(1000)}`,
      etag: `"${hex(r, 32)}"`,
      size: r.below(2 ** 31),
      next_token: null,
      created: new Date(time(r)).toISOString(),
      labels: [r.pick(words), r.pick(words)],
    })}\n`,
  source: (r) => {
    const [one, other] = [r.pick(names), r.pick(names)]
    return r.pick([
      `const ${one} = await read${other}(${other}.path, { ${one}: true })\n`,
      `  if (${one}.length > ${r.below(99)}) throw new TypeError('no ${other} in ' + ${one})\n`,
      `export function ${one}Of(${other}: string, key: Uint8Array): number {\n`,
      `  return ${one} === undefined ? ${other}[${r.below(9)}] : ${one}.${other} ?? null\n`,
      `import { ${one}, type ${other}s } from '../${one}/${other}.ts'\n`,
      `#define ${one.toUpperCase()}_MAX 0x${hex(r, 8)} /* ${prose(r).trim()} */\n`,
      `def ${one}_of(${other}, *, key=None) -> dict[str, int]:\n`,
      `    self.${one} = ${other}_factory(lambda x: x.${one}_id)\n`,
    ])
  },
  listing: (r) =>
    `-rw-r--r-- 1 root root ${r.text('d', 1 + r.below(9))} Jan 15 10:22 ${r.pick(words)}-${hex(r, 7)}.log\n`,
  pods: (r) =>
    `${r.pick(words)}-${r.text('l', 10)}-${r.text('l', 5)}   1/1   Running   ${r.below(9)}   ${r.below(90)}d   web-${r.below(9)}\n`,
  dump: (r) =>
    `${hex(r, 8)}  ${Array.from({ length: 16 }, () => hex(r, 2)).join(' ')}  |${r.text('a', 16)}|\n`,
  process: (r) =>
    `${r.text('d', 5)} ?  Ss  ${r.below(9)}:${r.text('d', 2)} /usr/bin/${r.pick(words)} --config /etc/${r.pick(words)}.yaml --id ${hex(r, 16)}\n`,
  schema: (r) =>
    r.pick([
      '  password_hash text NOT NULL,\n',
      '  token_type: Bearer\n',
      `  "secretName": "${r.pick(words)}-tls",\n`,
      '  passwordPolicy:\n    minimumLength: 12\n',
      `  --key-name ${r.pick(words)}\n`,
      'PASSWORD=${DB_PASSWORD}\n',
      '  api_key: <your key>\n',
      'the password of the account was changed\n',
    ]),
}
