/**
 * `sluice login`: a short-lived SSH certificate for a key that is made here and never leaves, and the `ssh_config` with
 * which `ssh ACCOUNT@TARGET` works from then on; or a password for databases.
 *
 * @module
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { generateSshKey } from '../config/ssh-keygen.ts'
import { certificateThumbprint } from './client-certificate.ts'
import { type CertifiedAnswer, createGatewayClient, type GatewayClient } from './gateway-client.ts'
import { knownHostsText, sshConfigText } from './ssh-config-text.ts'
import { type Call, json_option, numberOption, UsageError, type Verb, VerbError } from './verb.ts'

/** A token of 32 KiB, and the end of its line. */
const token_bytes_max = 33 * 1024
/** As the gateway has it. */
const lifetime_s_max = 12 * 3600

export const login: Verb = {
  name: 'login',
  summary: 'Sign in: a short certificate for ssh, or a password for databases',
  operands: '',
  operands_min: 0,
  operands_max: 0,
  options: {
    gateway: { value: 'URL', help: "the gateway's API (default: $SLUICE_GATEWAY)" },
    provider: { value: 'NAME', help: 'where you sign in, if there are several' },
    'token-file': {
      value: 'FILE',
      help: 'an ID token instead, as a CI job has one (default: $SLUICE_TOKEN; - is stdin)',
    },
    ttl: { value: 'SECONDS', help: 'how long the certificate lives (default 3600)' },
    db: { help: 'print a password for databases instead: PGPASSWORD=$(sluice login --db)' },
    certificate: {
      value: 'FILE',
      help: 'with --db: it is good only for who connects with this client certificate (sslcert)',
    },
    'ssh-host': { value: 'NAME', help: 'where ssh reaches the gateway (default: the host of URL)' },
    'ssh-port': { value: 'N', help: 'and its port there' },
    dir: { value: 'DIR', help: 'where key, certificate and ssh_config go (default ~/.ssh/sluice)' },
    'no-include': { help: 'leave ~/.ssh/config as it is' },
    json: json_option,
  },
  async run(call) {
    const url = call.text('gateway') ?? process.env['SLUICE_GATEWAY']
    if (url === undefined) throw new UsageError('--gateway URL is missing')
    if (call.text('certificate') !== undefined && !call.flag('db'))
      throw new UsageError('--certificate is for --db')
    const client = createGatewayClient(url)
    const host = call.text('ssh-host') ?? new URL(url).hostname.replace(/^\[|\]$/g, '')
    if (!/^[\w.:-]{1,253}$/.test(host))
      throw new UsageError('--ssh-host must be a name or an address')
    const lifetime_s =
      call.text('ttl') === undefined
        ? undefined
        : numberOption(call, 'ttl', lifetime_s_max, 60, lifetime_s_max)
    const given = await givenToken(call)
    const token = given ?? (await signIn(call, client))
    if (call.flag('db')) await printPassword(call, client, token)
    else await certify(call, client, { token, lifetime_s, host })
    return 0
  },
}

async function givenToken(call: Call): Promise<string | undefined> {
  const file = call.text('token-file')
  const text = ((): string | Promise<string> | undefined => {
    if (file === undefined) return process.env['SLUICE_TOKEN']
    if (file === '-') return Bun.stdin.text()
    if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
    if (statSync(file).size > token_bytes_max) throw new VerbError(`${file}: too long for a token`)
    return readFileSync(file, 'utf8')
  })()
  const token = (await text)?.trim()
  if (token !== undefined && (token.length > token_bytes_max || !/^[!-~]+$/.test(token)))
    throw new VerbError('this is not a token')
  return token
}

/** Shows where to sign in, and waits for who does. Gives a token for the API. */
export function signIn(call: Call, client: GatewayClient): Promise<string> {
  return client.signIn(call.text('provider'), (url, code) => {
    call.console.note(`To sign in, open\n\n    ${url}\n\nand check that it shows the code ${code}.`)
  })
}

async function printPassword(call: Call, client: GatewayClient, token: string): Promise<void> {
  const file = call.text('certificate')
  const made = await client.databaseToken(
    token,
    file === undefined ? undefined : certificateThumbprint(file),
  )
  if (call.flag('json'))
    await call.console.line(JSON.stringify({ password: made.token, expires_in: made.expires_s }))
  else await call.console.line(made.token)
}

async function certify(
  call: Call,
  client: GatewayClient,
  wanted: {
    readonly token: string
    readonly lifetime_s: number | undefined
    readonly host: string
  },
): Promise<void> {
  const pair = generateSshKey('sluice-login')
  const answer = await client.certify(wanted.token, pair.public_text.trim(), wanted.lifetime_s)
  const port = numberOption(call, 'ssh-port', answer.port ?? 0, 1, 65_535)
  if (port === 0) throw new VerbError('the gateway does not speak SSH')
  const folder = resolve(call.text('dir') ?? join(homedir(), '.ssh', 'sluice'))
  const files = {
    key_file: join(folder, 'id_ed25519'),
    certificate_file: join(folder, 'id_ed25519-cert.pub'),
    config_file: join(folder, 'config'),
    known_hosts_file: join(folder, 'known_hosts'),
  }
  // ssh_config cannot say some, and reads others as patterns and variables.
  if (/["%$*?[\p{C}]/u.test(folder))
    throw new UsageError('--dir must be a folder without quotes and % $ * ? [')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // The certificate first: ssh must not find the key of one with the certificate of another.
  replace(files.certificate_file, `${answer.certificate} ${answer.key_id}\n`)
  replace(files.key_file, pair.private_text)
  replace(files.known_hosts_file, knownHosts(answer))
  replace(
    files.config_file,
    sshConfigText({ ...answer, ...files, port, host: wanted.host, identity: files }),
  )
  const is_included = call.flag('no-include') ? false : include(files.config_file)
  await tell(call, answer, files.config_file, is_included)
}

const knownHosts = ({ targets, ...answer }: CertifiedAnswer): string =>
  knownHostsText({ ...answer, targets: targets.map(({ name }) => name) })

async function tell(
  { console, flag }: Call,
  { key_id, serial, valid_before, targets }: CertifiedAnswer,
  config_file: string,
  is_included: boolean,
): Promise<void> {
  const names = targets.map(({ name }) => name)
  if (flag('json')) {
    const facts = { subject: key_id, serial, valid_before, targets: names, config_file }
    await console.json(facts)
    return
  }
  await console.line(`signed in as ${key_id} until ${valid_before} (certificate ${serial})`)
  const [first] = targets
  const way = is_included ? 'ssh' : `ssh -F ${config_file}`
  if (first === undefined) console.note('policy lets you reach no target')
  else console.note(`${way} ${first.accounts[0]}@${first.name}; targets: ${names.join(', ')}`)
}

/** Complete under its name, or as it was. */
function replace(path: string, text: string): void {
  const next = `${path}.new`
  writeFileSync(next, text, { mode: 0o600 })
  chmodSync(next, 0o600)
  renameSync(next, path)
}

/** At the beginning of ~/.ssh/config, as what stands below a `Host` is of that one alone. */
function include(config_file: string): boolean {
  const folder = join(homedir(), '.ssh')
  const given = join(folder, 'config')
  // Where somebody keeps it elsewhere it stays there.
  const path = existsSync(given) ? realpathSync(given) : given
  const line = `Include "${config_file}"`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (!text.split('\n').includes(line)) replace(path, `${line}\n\n${text}`)
  return true
}
