/**
 * Files over sftp through the gateway, recorded and hashed, against OpenSSH's own sftp to the same sshd: 1 GiB
 * down and up, and a tree of small files. Rounds alternate between the paths.
 *
 * @module
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Options } from './main.ts'
import { writeInput } from './measure/input.ts'
import { type Figure, figure, type Goal, median, type Report } from './report.ts'
import { cipher, key_exchange, openPaths, type Path, type Paths } from './rival/paths.ts'

const small_files = 300

type Part = 'download' | 'upload' | 'tree'

export async function bench(options: Options): Promise<Report> {
  const transfers = { upload: 'allow', download: 'allow' } as const
  await using paths = await openPaths(options.paths, { policy: { transfers } })
  const input = join(paths.dir, 'input')
  writeInput(input, options.size_mib)
  const tree = join(paths.dir, 'tree')
  mkdirSync(tree)
  for (let n = 0; n < small_files; n++)
    writeFileSync(join(tree, `file-${n}`), `file ${n}\n`.repeat(200))
  const figures: Figure[] = []
  const goals: Goal[] = []
  for (const part of ['download', 'upload', 'tree'] as const) {
    if (options.parts.length > 0 && !options.parts.includes(part)) continue
    console.error(`sftp: ${part} ...`)
    const ratios: number[] = []
    const seconds: Record<Path, number[]> = {
      direct: [],
      jump: [],
      gateway: [],
      workers: [],
    }
    for (let round = 0; round < options.rounds; round++) {
      const names = round % 2 === 0 ? paths.names : paths.names.toReversed()
      for (const path of names) seconds[path].push(await time(paths, path, part, input, tree))
      ratios.push((seconds.direct.at(-1) ?? Number.NaN) / (seconds.gateway.at(-1) ?? Number.NaN))
    }
    for (const path of paths.names)
      figures.push(
        part === 'tree'
          ? figure(`${small_files} files ${path}`, 's', seconds[path])
          : figure(
              `${part} ${path}`,
              'MiB/s',
              seconds[path].map((each) => options.size_mib / each),
            ),
      )
    if (Number.isNaN(median(ratios))) continue
    figures.push(figure(`${part} gateway / direct`, 'ratio', ratios))
    if (part !== 'tree')
      goals.push({
        name: `${part}, of direct sftp`,
        value: median(ratios),
        unit: '',
        at_least: 0.5,
      })
  }
  const method = {
    input: `${options.size_mib} MiB, log text and random bytes in alternating pieces of 1 MiB; ${small_files} files of 2 KB`,
    cipher,
    key_exchange,
    rounds: options.rounds,
    paths: paths.names,
  }
  return { figures, goals, method, detail: {} }
}

/** Wall time in s of one run of the real client; what arrives is compared, outside of it. */
async function time(
  paths: Paths,
  path: Path,
  part: Part,
  input: string,
  tree: string,
): Promise<number> {
  const to = join(paths.dir, 'arrived')
  rmSync(to, { recursive: true, force: true })
  const batch = {
    download: `get ${input} ${to}`,
    upload: `put ${input} ${to}`,
    tree: `put -r ${tree} ${to}`,
  }[part]
  const start = performance.now()
  const child = Bun.spawn(['sftp', ...paths.ssh(path).slice(1, -1), '-b', '-', path], {
    stdin: new TextEncoder().encode(`${batch}\n`),
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const code = await child.exited
  const wall_s = (performance.now() - start) / 1000
  if (code !== 0) throw new Error(`sftp ${path}: exit ${code}: ${await child.stderr.text()}`)
  const compared = Bun.spawnSync(['diff', '-rq', part === 'tree' ? tree : input, to])
  if (compared.exitCode !== 0) throw new Error(`sftp ${path}: WRONG BYTES`)
  rmSync(to, { recursive: true, force: true })
  return wall_s
}
