/** Which command lines are file transfers, and in which direction. */
import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recogniseTransfer } from './transfer.ts'

const seen = (command: string | Uint8Array): string => {
  const transfer = recogniseTransfer(Buffer.from(command))
  return transfer === undefined ? '-' : `${transfer.tool} ${transfer.directions.join('+')}`
}

const cases: readonly (readonly [command: string, transfer: string])[] = [
  ['scp -t /tmp', 'scp upload'],
  ['scp -v -r -p -t -- /tmp', 'scp upload'],
  ['scp -rpt .', 'scp upload'],
  ['scp -d -t -- "/a b"', 'scp upload'],
  ['scp -f /etc/motd', 'scp download'],
  ['scp -q -f -- /x', 'scp download'],
  ['scp -tf /x', 'scp upload+download'],
  ['/usr/bin/scp -f x', 'scp download'],
  ["s'c'p -f x", 'scp download'],
  ['s\\cp -f x', 'scp download'],
  ['scp \\\n-f x', 'scp download'],
  ['scp "-"f x', 'scp download'],
  ['cd /tmp && scp -t .', 'scp upload'],
  ['true; scp -t . | cat', 'scp upload'],
  ['(scp -t .)', 'scp upload'],
  ['echo `scp -f x`', 'scp download'],
  ['echo $(scp -f x)', 'scp download'],
  ['scp -f a; scp -t b', 'scp upload+download'],
  ['LC_ALL=C scp -f x', 'scp download'],
  ['exec scp -f x', 'scp download'],
  ['sudo scp -f x', 'scp download'],
  ['sudo -n -u root scp -f x', 'scp download'],
  ['sudo -u root -- scp -f x', 'scp download'],
  ['env -i A=b nice -n 5 scp -f x', 'scp download'],
  ['timeout -s KILL 5m scp -f x', 'scp download'],
  ['2>/dev/null scp -f x', 'scp download'],
  ['2> /dev/null scp -f x', 'scp download'],
  ['rsync --server -vlogDtpre.iLsfxCIvu . /x', 'rsync upload'],
  ['rsync --server --sender -vlogDtpre.iLsfxCIvu . /x', 'rsync download'],
  ['sudo rsync --server --sender -e. . /x', 'rsync download'],
  ['rsync --server --daemon .', 'rsync upload+download'],
  ['rsync --server -logDtpre.iLsfxC --partial-dir .part --timeout=60 . /x', 'rsync upload'],
  ['rsync --server --sender -re.LsfxC . *.txt', 'rsync download'],
  // What only looks like one direction: a value, an operand, a file of its own, options from the input.
  ['rsync --server --log-format --sender -re.LsfxC . /x', 'rsync upload+download'],
  ['rsync --server --partial-dir --sender -re.LsfxC . /x', 'rsync upload+download'],
  ['rsync --server -re.LsfxC . /x --sender', 'rsync upload+download'],
  ['rsync --server -re.LsfxC -- . --sender', 'rsync upload+download'],
  ['rsync --server -re.LsfxC . *', 'rsync upload+download'],
  ['rsync --server --sender -re.LsfxC --log-file=.bashrc . /x', 'rsync upload+download'],
  ['rsync --server --sender --write-batch=.bashrc -re.LsfxC . /x', 'rsync upload+download'],
  ['rsync --server -re.LsfxC --files-from=/etc/passwd . /x', 'rsync upload+download'],
  ['rsync --server -sre.LsfxC', 'rsync upload+download'],
  ['rsync --server -sre.LsfxC . /x', 'rsync upload+download'],
  ['/usr/lib/openssh/sftp-server', 'sftp upload+download'],
  ['sudo /usr/lib/openssh/sftp-server -l INFO', 'sftp upload+download'],
  ['internal-sftp', 'sftp upload+download'],
  // What only looks like one.
  ['', '-'],
  ['uptime', '-'],
  ['scp a b:/c', '-'],
  ['scp -r a b:-t', '-'],
  ['scp -- -t', '-'],
  ['rsync -a a b', '-'],
  ['rsync -a ./--server b', '-'],
  ['echo scp -t /tmp', '-'],
  ["echo 'a; scp -t /tmp'", '-'],
  ['echo a\\;scp -t', '-'],
  ['man scp', '-'],
  ['myscp -t x', '-'],
  ['scp/x -t y', '-'],
  ['sudo', '-'],
  ['sudo -u', '-'],
  ['constructor -t', '-'],
]

describe('recogniseTransfer', () => {
  for (const [command, transfer] of cases)
    test(JSON.stringify(command), () => expect(seen(command)).toBe(transfer))

  test('any bytes are read without an exception, and quickly', () => {
    for (const byte of [0x27, 0x22, 0x5c, 0x20, 0x3b, 0xff, 0x41])
      expect(seen(new Uint8Array(128 * 1024).fill(byte))).toBe('-')
  })

  test('what the real tools ask the far side to run', () => {
    // The tools are given a shell that notes what they would run, and hangs up.
    const folder = mkdtempSync(join(tmpdir(), 'sluice-transfer-'))
    try {
      const shell = join(folder, 'ssh')
      const note = join(folder, 'note')
      writeFileSync(
        shell,
        `#!/bin/sh\nwhile [ $# -gt 0 ]; do case "$1" in host) shift; break;; esac; shift; done\nprintf '%s' "$*" > ${note}\n`,
        { mode: 0o700 },
      )
      writeFileSync(join(folder, 'file'), 'x')
      const asked = (...argv: string[]): string => {
        Bun.spawnSync(argv, { cwd: folder, stderr: 'ignore' })
        return seen(Bun.spawnSync(['cat', note]).stdout.toString())
      }
      expect(asked('scp', '-O', '-S', shell, 'file', 'host:/x')).toBe('scp upload')
      expect(asked('scp', '-O', '-r', '-p', '-S', shell, 'host:/x', '.')).toBe('scp download')
      expect(asked('rsync', '-a', '-e', shell, 'file', 'host:/x')).toBe('rsync upload')
      expect(asked('rsync', '-a', '-e', shell, 'host:/x', '.')).toBe('rsync download')
      const sudo = '--rsync-path=sudo -n rsync'
      expect(asked('rsync', '-a', sudo, '-e', shell, 'host:/x', '.')).toBe('rsync download')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
