/**
 * The ways to one and the same target: directly, through OpenSSH's ProxyJump, through the gateway with
 * masking and recording, and where it is asked for through one with two workers. All on loopback, with one client key, one cipher, one account.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Gateway, gatewayConfig, startGateway } from '../../test/fixture/gateway.ts'
import { makeKey } from '../../test/fixture/keys.ts'
import { startSshd } from '../../test/fixture/sshd.ts'

export type Path = 'direct' | 'jump' | 'gateway' | 'workers'

/** One hop of a path, on loopback. */
export interface Hop {
  readonly name: string
  readonly port: number
  readonly login: string
  /** File of the private key. */
  readonly key: string
  readonly jump?: string
  /** Whose input and output lead to the port, where it is not dialled. */
  readonly command?: readonly string[]
}

export interface Paths extends AsyncDisposable {
  readonly names: readonly Path[]
  /** A folder for files, removed at the end. */
  readonly dir: string
  /** The gateway's data directory. */
  readonly data: string
  /** The ssh client up to and including the destination; options may come before the last element. */
  ssh(path: Path, ...options: string[]): string[]
  /** How to reach the gateway, and its target without it, for a client of our own. */
  readonly through: Hop
  readonly direct: Hop
  readonly jump: Hop
  /** The gateway with two workers. */
  readonly spread: Hop
  readonly gateway: Gateway | undefined
}

/** One cipher and one key exchange for every leg of every path, or the comparison is one of algorithms. */
export const cipher = 'aes128-gcm@openssh.com'
export const key_exchange = 'curve25519-sha256'

/** The name of the target in the gateway's configuration. */
const target = 'web-1'

/** `sections` of the gateway's configuration replace the usual ones. */
export async function openPaths(
  wanted: readonly string[],
  sections: Readonly<Record<string, unknown>> = {},
): Promise<Paths> {
  const all: readonly Path[] = ['direct', 'jump', 'gateway', 'workers']
  const names = all.filter((name) =>
    wanted.length === 0 ? name !== 'workers' : wanted.includes(name),
  )
  // Ends what was started, in reverse, also when a later part does not start.
  await using started = new AsyncDisposableStack()
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  started.defer(() => rmSync(dir, { recursive: true, force: true }))
  const data = join(dir, 'data')
  const client = makeKey(join(dir, 'client'))
  const settings = {
    config: [`Ciphers ${cipher},aes256-gcm@openssh.com`],
  }
  const direct = started.use(await startSshd(settings))
  const middle = started.use(await startSshd(settings))
  const { account } = direct
  const guarded = gatewayConfig({
    dir: join(dir, 'gateway'),
    sections,
    keys: [{ subject: 'bench', groups: ['bench'], key: client.public_line }],
    targets: [
      {
        name: target,
        address: direct.address,
        host_key: direct.host_key.public_line,
        accounts: { [account]: { private_key_file: direct.user_key.file } },
      },
    ],
  })
  const gateway = names.includes('gateway')
    ? started.use(await startGateway({ data, config: guarded }))
    : undefined
  const workers = names.includes('workers')
    ? started.use(
        await startGateway({
          data: join(dir, 'workers-data'),
          config: guarded,
          arguments: ['--workers', '2'],
        }),
      )
    : undefined
  const config = join(dir, 'ssh_config')
  const { port, user_key } = direct
  const straight: Hop = { name: 'direct', port, login: account, key: user_key.file }
  const hops: Hop[] = [
    straight,
    { name: 'middle', port: middle.port, login: account, key: middle.user_key.file },
    { ...straight, name: 'jump', jump: 'middle' },
  ]
  const through: Hop = {
    name: 'gateway',
    port: gateway?.ssh.port ?? 0,
    login: `${account}@${target}`,
    key: client.file,
  }
  const spread: Hop = { ...through, name: 'workers', port: workers?.ssh.port ?? 0 }
  const theirs = [
    ...(gateway === undefined ? [] : [through]),
    ...(workers === undefined ? [] : [spread]),
  ]
  writeFileSync(config, sshConfig([...hops, ...theirs]))
  const stack = started.move()
  return {
    names,
    dir,
    data,
    gateway,
    ssh: (path, ...options) => ['ssh', '-F', config, ...options, path],
    through,
    spread,
    direct: straight,
    jump: { ...straight, command: ['ssh', '-F', config, '-W', `127.0.0.1:${port}`, 'middle'] },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** One `ssh_config` for all paths: `ssh -F FILE NAME` is all that differs between them. */
function sshConfig(hops: readonly Hop[]): string {
  const hosts = hops.map(
    (hop) => `Host ${hop.name}
  HostName 127.0.0.1
  Port ${hop.port}
  User ${hop.login}
  IdentityFile ${hop.key}
${hop.jump === undefined ? '' : `  ProxyJump ${hop.jump}\n`}`,
  )
  return `${hosts.join('')}Host *
  IdentitiesOnly yes
  IdentityAgent none
  Ciphers ${cipher}
  KexAlgorithms ${key_exchange}
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  LogLevel ERROR
  BatchMode yes
  ControlMaster no
`
}
