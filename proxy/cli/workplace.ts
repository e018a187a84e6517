/**
 * For tests: `sluice` as a process of its own, in a folder of its own.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Workplace {
  readonly folder: string
  /** `env` is besides that of the tests; what is undefined in it is not there. */
  readonly sluice: (
    words: readonly string[],
    input?: string,
    env?: Readonly<Record<string, string | undefined>>,
  ) => Promise<Run>
  readonly remove: () => void
}

export function createWorkplace(): Workplace {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  return {
    folder,
    remove: () => rmSync(folder, { recursive: true }),
    async sluice(words, input = '', env = {}) {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, 'main.ts'), ...words], {
        cwd: folder,
        env: { ...process.env, NO_COLOR: '', ...env },
        stdin: Buffer.from(input),
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ])
      return { code, out, err }
    },
  }
}
