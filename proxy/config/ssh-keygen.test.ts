/** Keys made here are keys of OpenSSH. */
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parsePrivateKey } from './private-key.ts'
import { parsePublicKey } from './public-key.ts'
import { generateSshKey } from './ssh-keygen.ts'

test('ssh-keygen reads the pair and finds the same public key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-keygen-'))
  try {
    for (const comment of ['', 'edge-1', 'a longer comment 1', 'ü']) {
      const pair = generateSshKey(comment)
      const path = join(folder, 'key')
      writeFileSync(path, pair.private_text, { mode: 0o600 })
      const read = Bun.spawnSync(['ssh-keygen', '-y', '-f', path])
      expect(read.stdout.toString()).toBe(pair.public_text)
      const parsed = parsePrivateKey(pair.private_text)
      expect(parsed.ok && parsed.public_key.blob).toEqual(pair.public_key.blob)
      expect(parsePublicKey(pair.public_text)).toEqual({ ok: true, key: pair.public_key })
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
