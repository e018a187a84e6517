/**
 * `sluice ssh-config`: what an engineer puts into `~/.ssh` so that `ssh TARGET` alone works: the gateway as a jump
 * host of each target, and whose host keys to believe.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { parsePrivateKey } from '../config/private-key.ts'
import { formatPublicKey, type SshPublicKey } from '../config/public-key.ts'
import { type Config, loadConfig } from '../config.ts'
import { writeNewFile } from './new-file.ts'
import { json_option, numberOption, UsageError, type Verb, VerbError } from './verb.ts'

export const sshConfig: Verb = {
  name: 'ssh-config',
  summary: 'Print what an engineer needs in ~/.ssh: the gateway as jump host, and whom to believe',
  operands: '',
  operands_min: 0,
  operands_max: 0,
  options: {
    config: { value: 'FILE', help: 'the configuration (default sluice.yaml)' },
    data: { value: 'DIR', help: 'the data directory (default: as configured)' },
    host: { value: 'NAME', help: 'where engineers reach the gateway (default: as it listens)' },
    port: { value: 'N', help: 'and its port there' },
    out: {
      value: 'FILE',
      short: 'o',
      help: 'write FILE and FILE.known_hosts instead; then: Include FILE',
    },
    json: json_option,
  },
  async run(call) {
    const loaded = loadConfig(call.text('config') ?? 'sluice.yaml', process.env)
    if (!loaded.ok) throw new VerbError(loaded.problem)
    const { config } = loaded
    const { ssh } = config.listen
    if (ssh === undefined) throw new VerbError('listen.ssh: the gateway does not speak SSH')
    const host = call.text('host') ?? reachable(ssh.host)
    if (!/^[\w.:-]{1,253}$/.test(host)) throw new UsageError('--host must be a name or an address')
    const port = numberOption(call, 'port', ssh.port, 1, 65_535)
    if (port === 0) throw new UsageError('listen.ssh has no fixed port: name it by --port')
    const folder = join(call.text('data') ?? config.gateway.data, 'keys')
    const out = call.text('out')
    const known_hosts_file = out === undefined ? '~/.ssh/known_hosts_sluice' : `${out}.known_hosts`
    const texts = {
      ssh_config: configText(config, { host, port, known_hosts_file }),
      known_hosts: knownHosts(config, folder),
    }
    if (call.flag('json')) {
      await call.console.line(JSON.stringify(texts, null, 2))
    } else if (out === undefined) {
      await call.console.out(`# ~/.ssh/config\n${texts.ssh_config}\n`)
      await call.console.out(`# ${known_hosts_file}\n${texts.known_hosts}`)
    } else {
      writeNewFile(out, texts.ssh_config, 0o644)
      writeNewFile(known_hosts_file, texts.known_hosts, 0o644)
      call.console.note(`wrote ${out} and ${known_hosts_file}; in ~/.ssh/config: Include ${out}`)
    }
    return 0
  },
}

function configText(
  { gateway, targets }: Config,
  at: { readonly host: string; readonly port: number; readonly known_hosts_file: string },
): string {
  const stanzas = [
    [
      `Host ${gateway.name}`,
      `  HostName ${at.host}`,
      `  Port ${at.port}`,
      `  HostKeyAlias ${gateway.name}`,
      `  UserKnownHostsFile ${at.known_hosts_file}`,
    ],
    ...targets.filter(isSsh).map(({ name, accounts }) => {
      const [account, ...others] = Object.keys(accounts)
      return [
        `Host ${name}`,
        `  ProxyJump ${gateway.name}`,
        // The name alone says where to; the gateway knows the address.
        `  HostKeyAlias ${name}`,
        ...(account !== undefined && others.length === 0 ? [`  User ${account}`] : []),
        `  UserKnownHostsFile ${at.known_hosts_file}`,
      ]
    }),
  ]
  return `${stanzas.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

const isSsh = ({ protocol }: Config['targets'][number]): boolean => protocol === 'ssh'

function knownHosts({ gateway, targets }: Config, folder: string): string {
  const configured = gateway.ssh_host_keys.map(({ public_key }) => public_key)
  const own = configured.length > 0 ? configured : [publicHalf(join(folder, 'ssh_host_ed25519'))]
  const authority = publicHalf(join(folder, 'ssh_host_ca_ed25519'))
  const names = targets
    .filter(isSsh)
    .map(({ name }) => name)
    .join(',')
  return [
    ...own.map((key) => `${gateway.name} ${line(key)}\n`),
    ...(names === '' ? [] : [`@cert-authority ${names} ${line(authority)}\n`]),
  ].join('')
}

const line = (key: SshPublicKey): string => formatPublicKey({ ...key, comment: '' }).trim()

function publicHalf(path: string): SshPublicKey {
  if (!existsSync(path))
    throw new VerbError(`${path} is not there yet: start the gateway once, or name --data`)
  const parsed = parsePrivateKey(readFileSync(path, 'utf8'))
  if (!parsed.ok) throw new VerbError(`${path}: ${parsed.reason}`)
  return parsed.public_key
}

/** An address that means "all of mine" is no place to go. */
const reachable = (host: string): string =>
  host === '0.0.0.0' || host === '::' ? hostname() : host
