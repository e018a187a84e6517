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
import { knownHostsText, sshConfigText } from './ssh-config-text.ts'
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
    const targets = config.targets
      .filter(isSsh)
      .map(({ name, accounts }) => ({ name, accounts: Object.keys(accounts) }))
    const names = targets.map(({ name }) => name)
    const texts = {
      ssh_config: sshConfigText({
        gateway: config.gateway.name,
        ...{ host, port, known_hosts_file, targets },
      }),
      known_hosts: knownHosts(config.gateway, names, folder),
    }
    if (call.flag('json')) {
      await call.console.json(texts)
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

const isSsh = ({ protocol }: Config['targets'][number]): boolean => protocol === 'ssh'

function knownHosts(
  gateway: Config['gateway'],
  targets: readonly string[],
  folder: string,
): string {
  const configured = gateway.ssh_host_keys.map(({ public_key }) => public_key)
  const own = configured.length > 0 ? configured : [publicHalf(join(folder, 'ssh_host_ed25519'))]
  const authority = publicHalf(join(folder, 'ssh_host_ca_ed25519'))
  return knownHostsText({
    ...{ gateway: gateway.name, targets },
    ...{ host_keys: own.map(line), host_authority: line(authority) },
  })
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
