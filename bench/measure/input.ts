/**
 * The bulk stream: half log lines, half random bytes, in alternating pieces of 1 MiB, the same for
 * every run of a size. Never zeros, which flatter every cipher, hash and scanner. The text holds no
 * secret; among so many random bytes a few look like one.
 *
 * @module
 */
import { createCipheriv } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { seededPicker } from './pick.ts'

const piece_bytes = 1 << 20

/** Writes `size_mib` MiB to `path`. */
export function writeInput(path: string, size_mib: number): void {
  const file = openSync(path, 'w', 0o600)
  // AES-CTR over zeros is a fast, seeded source of bytes that nothing can compress or predict.
  const random = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16))
  const zeros = Buffer.alloc(piece_bytes)
  try {
    for (let piece = 0; piece < size_mib; piece++) {
      const bytes = piece % 2 === 0 ? logText(piece) : random.update(zeros)
      writeSync(file, bytes)
    }
  } finally {
    closeSync(file)
  }
}

/** Exactly 1 MiB of lines as a web service writes them. */
export function logText(seed: number): Uint8Array {
  const levels = ['INFO', 'DEBUG', 'WARN', 'ERROR']
  const paths = ['/v1/orders', '/v1/orders/items', '/healthz', '/static/app.js', '/v1/people']
  const next = seededPicker(seed)
  const lines: string[] = []
  let length = 0
  while (length < piece_bytes) {
    const time = new Date(1.7e12 + next(1e9)).toISOString()
    const line =
      `${time} ${levels[next(4)]} web-${next(9)} [req=${next(1e9).toString(16)}] ` +
      `GET ${paths[next(5)]} ${200 + next(4)} ${next(900)}ms bytes=${next(1e5)} user=u${next(5000)}\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('').slice(0, piece_bytes), 'latin1')
}
