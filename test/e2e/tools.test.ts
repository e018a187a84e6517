/**
 * The tools that engineers really use, unmodified, through the whole gateway to a real sshd: they work as they
 * would without it, or say why not.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { connectTo, freePort } from '../fixture/net.ts'
import { type Ran, ranOf } from '../fixture/ran.ts'
import {
  ansible,
  curl,
  git,
  htop,
  mosh,
  python,
  ssh,
  ssh_copy_id,
  ssh_keygen,
  sshd,
  testSlow,
  testWith,
  tmux,
  vim,
} from '../fixture/require.ts'
import { unremarkableBytes } from '../fixture/unremarkable.ts'
import { openTerminal } from './terminal.ts'

const needs = [ssh, sshd, ssh_keygen]
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')

describe('tools', () => {
  let guarded: Guarded
  let dir = ''
  /** Every tool of OpenSSH reads it, with the same names. */
  let config = ''
  beforeAll(async () => {
    guarded = await openGuarded({
      sections: {
        // Ansible names its folders by random numbers, and one in a thousand is a card's: `pci` would mask that name.
        masking: { packs: ['secrets'] },
        policy: {
          forwarding: 'allow',
          agent_forwarding: 'deny',
          transfers: { upload: 'deny', download: 'deny' },
        },
      },
    })
    dir = join(guarded.dir, 'tools')
    mkdirSync(dir)
    config = join(dir, 'ssh_config')
    writeFileSync(config, guarded.sshConfig('web', 'IdentityAgent none', 'LogLevel ERROR'))
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  const run = async (
    argv: readonly string[],
    options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<Ran> => {
    const child = Bun.spawn([...argv], {
      cwd: options.cwd ?? dir,
      env: { PATH: Bun.env['PATH'] ?? '', HOME: dir, LANG: 'C.UTF-8', ...options.env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    const ran = await ranOf(child)
    clearTimeout(timer)
    return ran
  }
  const terminal = (command: string) =>
    openTerminal(['ssh', '-F', config, '-tt', 'web', command], { columns: 90, rows: 24 })

  testWith([...needs, git], 'git push and clone', async () => {
    const env = {
      GIT_SSH_COMMAND: `ssh -F ${config}`,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'a',
      GIT_AUTHOR_EMAIL: 'a@example.com',
      GIT_COMMITTER_NAME: 'a',
      GIT_COMMITTER_EMAIL: 'a@example.com',
      // What is packed is random, and some of that looks like a card.
      ...{ GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.compression', GIT_CONFIG_VALUE_0: '0' },
    }
    const work = join(dir, 'work')
    const bare = join(dir, 'bare.git')
    const blob = unremarkableBytes(3e6)
    mkdirSync(work)
    writeFileSync(join(work, 'blob'), blob)
    for (const words of [
      ['init', '-q', '--bare', bare],
      ['init', '-q', '-b', 'main', work],
      ['-C', work, 'add', '.'],
      ['-C', work, 'commit', '-q', '-m', 'first'],
      ['-C', work, 'push', '-q', `web:${bare}`, 'main'],
      ['clone', '-q', '-b', 'main', `web:${bare}`, join(dir, 'again')],
    ]) {
      const ran = await run(['git', ...words], { env })
      expect(ran.code, `git ${words[0]}: ${ran.stderr}`).toBe(0)
    }
    expect(sha256(readFileSync(join(dir, 'again/blob')))).toBe(sha256(blob))
    const { stdout } = await run(['git', '-C', join(dir, 'again'), 'fsck', '--full'], { env })
    expect(stdout).not.toContain('error')
  })

  testWith(needs, 'tar both ways', async () => {
    mkdirSync(join(dir, 'tree/deep'), { recursive: true })
    const blob = unremarkableBytes(2e6)
    writeFileSync(join(dir, 'tree/deep/blob'), blob)
    mkdirSync(join(dir, 'there'))
    mkdirSync(join(dir, 'back'))
    const ssh_there = `ssh -F ${config} web`
    const script = `set -e -o pipefail
      tar -C tree -cf - . | ${ssh_there} tar -C ${dir}/there -xf -
      ${ssh_there} tar -C ${dir}/there -cf - . | tar -C back -xf -`
    const ran = await run(['bash', '-c', script])
    expect(ran.stderr).toBe('')
    expect(ran.code).toBe(0)
    expect(sha256(readFileSync(join(dir, 'back/deep/blob')))).toBe(sha256(blob))
  })

  testSlow(
    [...needs, ansible],
    'Ansible: facts, a file, a command',
    async () => {
      const inventory = join(dir, 'inventory')
      writeFileSync(
        inventory,
        'web ansible_python_interpreter=/usr/bin/python3 ansible_ssh_transfer_method=piped\n',
      )
      writeFileSync(
        join(dir, 'play.yml'),
        JSON.stringify([
          {
            hosts: 'web',
            gather_facts: true,
            tasks: [
              { copy: { content: 'by ansible\n', dest: join(dir, 'made') } },
              { command: 'cat made', args: { chdir: dir }, register: 'seen' },
              { debug: { msg: 'saw {{ seen.stdout }} on {{ ansible_distribution }}' } },
            ],
          },
        ]),
      )
      const ran = await run(['ansible-playbook', '-i', inventory, 'play.yml'], {
        env: {
          ANSIBLE_SSH_ARGS: `-F ${config} -o ControlMaster=auto -o ControlPersist=10s`,
          ANSIBLE_SSH_CONTROL_PATH_DIR: join(dir, 'cp'),
          ANSIBLE_HOST_KEY_CHECKING: 'False',
          ANSIBLE_NOCOLOR: '1',
          ANSIBLE_LOCAL_TEMP: join(dir, 'ansible-local'),
          ANSIBLE_REMOTE_TMP: join(dir, 'ansible-remote'),
        },
      })
      expect(ran.code, ran.stdout + ran.stderr).toBe(0)
      expect(ran.stdout).toContain('saw by ansible on Debian')
      expect(readFileSync(join(dir, 'made'), 'utf8')).toBe('by ansible\n')
      await run(['ssh', '-F', config, '-O', 'exit', 'web'])
    },
    90_000,
  )

  testWith([...needs, vim], 'vim: a file is edited', async () => {
    const file = join(dir, 'edited.txt')
    writeFileSync(file, 'first\n')
    await using screen = terminal(`vim -u NONE -n ${file}`)
    await screen.until(/first/)
    screen.type('osecond\u001b:wq\r')
    expect(await screen.exited).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe('first\nsecond\n')
  })

  testWith([...needs, tmux], 'tmux: a session that outlives its client', async () => {
    const socket = join(dir, 'tmux.sock')
    {
      await using screen = terminal(`tmux -S ${socket} -f /dev/null new -s work`)
      await screen.until(/\[work\]/)
      screen.type('echo sum=$((40+2))\r')
      await screen.until(/sum=42/)
      screen.type('\u0002d')
      await screen.until(/\[detached/)
      expect(await screen.exited).toBe(0)
    }
    await using again = terminal(`tmux -S ${socket} attach -t work`)
    await again.until(/sum=42/)
    again.type('exit\r')
    expect(await again.exited).toBe(0)
    expect(existsSync(socket) && (await run(['tmux', '-S', socket, 'ls'])).code === 0).toBe(false)
  })

  testWith([...needs, htop], 'htop paints and quits', async () => {
    await using screen = terminal('htop -d 5')
    await screen.until(/Load average/)
    screen.type('q')
    expect(await screen.exited).toBe(0)
  })

  testWith(
    [...needs, curl, python],
    'a remote editor: -D, several channels, one program that stays',
    async () => {
      const port = await freePort()
      const control = join(dir, 'control')
      const base = ['ssh', '-F', config, '-o', `ControlPath=${control}`]
      // As an editor does it: one connection, a server that stays and prints where it listens, a proxy to it.
      const server = `exec python3 -c "
import http.server, socketserver
s = socketserver.ThreadingTCPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
print('listeningOn=%d' % s.server_address[1], flush=True)
s.serve_forever()"`
      const master = Bun.spawn([...base, '-M', '-D', String(port), 'web', server], {
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'ignore',
      })
      const reader = master.stdout.getReader()
      const { value } = await reader.read()
      const far = Number(/listeningOn=(\d+)/.exec(Buffer.from(value ?? []).toString())?.[1])
      expect(far).toBeGreaterThan(0)
      ;(await connectTo(port)).destroy()
      const fetched = await Promise.all(
        Array.from({ length: 6 }, () =>
          run([
            'curl',
            '-sS',
            '--socks5-hostname',
            `127.0.0.1:${port}`,
            `http://127.0.0.1:${far}/`,
          ]),
        ),
      )
      for (const ran of fetched) expect(ran.stdout, ran.stderr).toContain('Directory listing')
      const others = await Promise.all(
        [1, 2, 3].map((n) => run([...base, 'web', `echo channel ${n}`])),
      )
      expect(others.map(({ stdout }) => stdout)).toEqual([1, 2, 3].map((n) => `channel ${n}\n`))
      master.kill()
      await master.exited
    },
  )

  testWith([...needs, ssh_copy_id], 'ssh-copy-id is refused, with the reason', async () => {
    const { file } = guarded.client
    // It keeps its work in there.
    mkdirSync(join(dir, '.ssh'), { recursive: true })
    const ran = await run(['ssh-copy-id', '-f', '-F', config, '-i', `${file}.pub`, 'web'])
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toContain('sluice: ssh-copy-id is refused: a key of yours at the target')
  })

  testWith([...needs, mosh], 'mosh is refused, with the reason', async () => {
    await using screen = openTerminal(['mosh', `--ssh=ssh -F ${config}`, 'web'], {
      columns: 90,
      rows: 24,
    })
    expect(await screen.exited).not.toBe(0)
    expect(screen.text()).toContain('sluice: mosh is refused: it would go on over UDP')
  })

  testWith(needs, 'what a tool prints is masked as everything is', async () => {
    writeFileSync(join(dir, 'secret.env'), `TOKEN=${secret}\n`)
    const ran = await run([
      'bash',
      '-c',
      `ssh -F ${config} web tar -C ${dir} -cf - secret.env | tar -xOf -`,
    ])
    expect(ran.stdout).not.toContain(secret)
    expect(ran.stdout).toContain('TOKEN=***')
  })
})
