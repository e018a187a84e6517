/**
 * What the masking core is measured on: eight kinds of streams of 1 MiB, the same in every run. They hold no
 * secrets on purpose; some chance upon one.
 *
 * @module
 */
import { createCipheriv } from 'node:crypto'
import { logText } from './input.ts'
import { type Pick, seededPicker } from './pick.ts'

const bytes_each = 2 ** 20

export function corpora(): Readonly<Record<string, Uint8Array>> {
  const random = randomBytes(bytes_each)
  return {
    'web log': logText(1),
    'other logs': lines(2, otherLog),
    json: lines(3, json),
    'source code': lines(4, source),
    prose: lines(5, prose),
    base64: cut(Buffer.from(random.toString('base64').replaceAll(/.{76}/g, '$&\n'), 'latin1')),
    hex: cut(Buffer.from(random.toString('hex').replaceAll(/.{64}/g, '$&\n'), 'latin1')),
    random,
  }
}

function lines(seed: number, line: (pick: Pick) => string): Uint8Array {
  const pick = seededPicker(seed)
  const parts: string[] = []
  for (let length = 0; length < bytes_each; ) {
    const text = line(pick)
    parts.push(text)
    length += text.length
  }
  return cut(Buffer.from(parts.join(''), 'latin1'))
}

function otherLog(pick: Pick): string {
  const address = `${10 + pick(240)}.${pick(256)}.${pick(256)}.${pick(256)}`
  switch (pick(3)) {
    case 0:
      return `Nov ${1 + pick(28)} ${10 + pick(13)}:${10 + pick(49)}:${10 + pick(49)} host${pick(30)} sshd[${pick(30_000)}]: Accepted publickey for u${pick(999)} from ${address} port ${pick(65_535)} ssh2: ED25519\n`
    case 1:
      return `${address} - - [12/Nov/2025:0${pick(9)}:1${pick(9)}:22 +0000] "GET /api/v2/users/${pick(100_000)}/orders?page=${pick(50)} HTTP/1.1" 200 ${pick(50_000)} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"\n`
    default:
      return `level=info ts=${1.7e9 + pick(1e7)} caller=compact.go:${pick(900)} component=tsdb msg="write block" mint=${pick(1e9)} maxt=${pick(1e9)} duration=${pick(900)}ms\n`
  }
}

function json(pick: Pick): string {
  const id = pick(1e7)
  return `${JSON.stringify({
    id,
    name: `order ${id}`,
    state: pick(3) === 0 ? 'open' : 'shipped',
    items: [{ sku: `A-${pick(977)}`, count: pick(9), price: pick(99_999) / 100 }],
    created: new Date(1.7e12 + id * 1000).toISOString(),
  })}\n`
}

const names =
  'index stream buffer request session target channel policy record offset length result'.split(' ')

function source(pick: Pick): string {
  const name = (): string => names[pick(names.length)] ?? ''
  const indent = '  '.repeat(pick(4))
  switch (pick(6)) {
    case 0:
      return `${indent}const ${name()}_${name()} = await this.#${name()}.${name()}(${name()}, ${pick(64)})\n`
    case 1:
      return `${indent}if (${name()}.${name()} !== undefined && ${name()} < ${pick(4096)}) return ${name()}\n`
    case 2:
      return `${indent}/** The ${name()} of a ${name()}, in bytes; see {@link ${name()}}. */\n`
    case 3:
      return `${indent}export function ${name()}${pick(99)}(${name()}: Uint8Array, ${name()}: number): ${name()} {\n`
    case 4:
      return `${indent}}\n\n`
    default:
      return `import { ${name()}, ${name()} } from './${name()}/${name()}.ts'\n`
  }
}

const words =
  'the of and to in is that it was for on are with as his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more her two like him see time could no make than first been its who now people my made over did down only way find use may water long little very after words called just where most know get through back much before go good new write our used me man too any day same right look think also around another came come work three word must because does part even place well such here take why things help put years different away again off went old number'.split(
    ' ',
  )

function prose(pick: Pick): string {
  const count = 6 + pick(14)
  // Two picks, and the lower: common words are common.
  const text = Array.from(
    { length: count },
    () => words[Math.min(pick(words.length), pick(words.length))] ?? '',
  )
  const sentence = text.join(' ')
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${pick(4) === 0 ? '.\n' : '. '}`
}

/** AES-CTR over zeros: a seeded source of bytes that nothing can predict. */
function randomBytes(length: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16)).update(
    Buffer.alloc(length),
  )
}

function cut(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.subarray(0, bytes_each))
}
