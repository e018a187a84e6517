/**
 * A bulk stream through the real ssh client: how fast, and whether every byte arrived as it was.
 *
 * @module
 */

/** Wall time in s from the start of the client to its end. The bytes go nowhere. */
export async function timeBulk(ssh: readonly string[], file: string): Promise<number> {
  const start = performance.now()
  const child = Bun.spawn([...ssh, `cat ${file}`], {
    stdin: 'ignore',
    stdout: Bun.file('/dev/null'),
    stderr: 'pipe',
  })
  const code = await child.exited
  const wall_s = (performance.now() - start) / 1000
  if (code !== 0) throw new Error(`bulk: exit ${code}: ${await child.stderr.text()}`)
  return wall_s
}

export interface Received {
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

/** Receives once more, untimed, because hashing would take CPU from what is measured. */
export async function receiveBulk(ssh: readonly string[], file: string): Promise<Received> {
  const child = Bun.spawn([...ssh, `cat ${file}`], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const hash = new Bun.CryptoHasher('sha256')
  let bytes = 0
  for await (const chunk of child.stdout) {
    hash.update(chunk)
    bytes += chunk.length
  }
  await child.exited
  return { bytes, sha256: hash.digest('hex') }
}
