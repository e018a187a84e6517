/**
 * What `bun run proxy` has without a config: a person with a key, a machine behind the gateway, an
 * auditor's key pair, and the lines to try them. All keys are made at the first start, at random.
 *
 * @module
 */
import {
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
} from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseAuditorKey } from '../config/auditor-key.ts'
import { parsePublicKey, type SshPublicKey } from '../config/public-key.ts'
import { generateSshKey, type SshKeyPair } from '../config/ssh-keygen.ts'
import type { AuditorKey, OidcProvider, RegisteredKey } from '../config.ts'
import type { SshTarget } from '../connector/ssh/dial.ts'
import { keep } from '../identity/gateway-keys.ts'
import { type Issuer, type Person, startIssuer } from './issuer.ts'
import { granted_target } from './policy.ts'
import { startTrialTarget, type TrialTarget } from './target.ts'

export interface Trial {
  readonly keys: readonly RegisteredKey[]
  readonly targets: readonly SshTarget[]
  /** Its own identity provider. */
  readonly provider: OidcProvider
  readonly auditors: readonly AuditorKey[]
  /** What the user is told once the gateway is ready. */
  text(ssh: { host: string; port: number }, api: string): string
  stop(): void
}

export interface TrialOptions {
  readonly data: string
  /** The gateway's host key, as a line for `known_hosts`. */
  readonly host_key_line: string
}

const account = 'demo'
const target_name = 'trial'

/** Why a data directory is not for this start. Who tries Sluice changes records, and real ones must not be among them. */
export function whyMisplaced(data: string, is_trial: boolean): string | undefined {
  const has_trial = existsSync(join(data, 'trial'))
  if (is_trial && !has_trial && existsSync(join(data, 'keys')))
    return `${data} is not a trial's: name its configuration by --config, or another folder by --data`
  if (!is_trial && has_trial)
    return `${data} is the trial's, with an auditor's private key in it: name another folder, or remove it`
  return undefined
}

/** An auditor reads what others did, and connects to nothing. */
const people: readonly Person[] = [
  { name: 'engineer', groups: ['engineers'] },
  { name: 'approver', groups: ['engineers', 'leads'] },
  { name: 'auditor', groups: ['audit'] },
]
const client_id = 'sluice'

export async function startTrial(options: TrialOptions): Promise<Trial> {
  const folder = join(options.data, 'trial')
  const home = join(folder, 'home')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const user = keyPair(join(folder, 'id_ed25519'), 'you@sluice-trial')
  const gateway = keyPair(join(folder, 'gateway_ed25519'), 'gateway')
  const host = keyPair(join(folder, 'target_host_ed25519'), 'target')
  writeSecret(join(home, 'secrets.env'))
  const embedded: TrialTarget = startTrialTarget({
    home,
    account,
    authorized_key: gateway.blob,
    host_key: host.private_key,
  })
  const issuer = await startIssuer({ people, client_id })
  return {
    keys: [{ subject: 'you', groups: ['trial'], key: user.key }],
    targets: trial_targets.map(({ name }) => ({
      name,
      address: 'embedded:22',
      host_keys: [host.blob],
      credential: (wanted) =>
        wanted === account ? { kind: 'private_key', private_key: gateway.private_key } : undefined,
      connect: () => embedded.connect(),
    })),
    provider: {
      name: 'trial',
      issuer: issuer.url,
      client_id,
      groups_claim: 'groups',
      subject_claim: 'sub',
      scopes: ['openid', 'groups'],
      roles: { user: ['engineers'], approver: ['leads'], auditor: ['audit'] },
      bind_session_to_token: false,
      // Its people are as they are, and it ends with the gateway.
      ...{ recheck_s: 0, recheck_grace_s: 1, page_session_s: 8 * 60 * 60 },
    },
    auditors: [auditor(folder)],
    text: (ssh, api) => trialText(options, issuer, ssh, api),
    stop() {
      embedded.stop()
      issuer.stop()
    },
  }
}

/** The embedded target by its names, for policy and for who asks where they may go. */
export const trial_targets: readonly {
  readonly name: string
  readonly accounts: Readonly<Record<string, unknown>>
  readonly labels: Readonly<Record<string, string>>
}[] = [target_name, granted_target].map((name) => ({
  ...{ name, accounts: { [account]: {} }, labels: {} },
}))

function keyPair(
  path: string,
  comment: string,
): { private_key: string; key: SshPublicKey; blob: Uint8Array } {
  let made: SshKeyPair | undefined
  const once = (): SshKeyPair => (made ??= generateSshKey(comment))
  // The public half first: a private key without it would never be completed.
  const public_key = keep(`${path}.pub`, () => once().public_text)
  const private_key = keep(path, () => once().private_text)
  const parsed = parsePublicKey(public_key)
  if (!parsed.ok) throw new Error(`${path}.pub: ${parsed.reason}`)
  return { private_key, key: parsed.key, blob: parsed.key.blob }
}

/** A file with secrets that are nobody's, made anew for each data directory. */
function writeSecret(path: string): void {
  if (existsSync(path)) return
  const token = randomBytes(48).toString('base64').replace(/[+/=]/g, '')
  const key_id = [...randomBytes(16)].map((byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte % 32])
  writeFileSync(
    path,
    [
      'GREETING=hello',
      `GITHUB_TOKEN=${'gh'}p_${token.slice(0, 36)}`,
      `AWS_ACCESS_KEY_ID=${'AK'}IA${key_id.join('')}`,
      `DATABASE_URL=postgres://app:${token.slice(36, 52)}@db.internal/orders`,
      '',
    ].join('\n'),
    { mode: 0o600 },
  )
}

/** P-256, as `sluice keygen auditor` makes it. */
function auditor(folder: string): AuditorKey {
  const file = join(folder, 'auditor.pub.jwk')
  let made: KeyPairKeyObjectResult | undefined
  const pair = (): KeyPairKeyObjectResult =>
    (made ??= generateKeyPairSync('ec', { namedCurve: 'P-256' }))
  const jwk = (key: KeyObject): string => `${JSON.stringify(key.export({ format: 'jwk' }))}\n`
  const text = keep(file, () => {
    keep(join(folder, 'auditor.key.jwk'), () => jwk(pair().privateKey))
    return jwk(pair().publicKey)
  })
  const parsed = parseAuditorKey(text)
  if (!parsed.ok) throw new Error(`${file}: ${parsed.reason}`)
  return { file, jwk: parsed.jwk, thumbprint: parsed.thumbprint }
}

function trialText(
  options: TrialOptions,
  issuer: Issuer,
  ssh: { host: string; port: number },
  api: string,
): string {
  const here = (...path: string[]): string => {
    const full = join(options.data, ...path)
    const near = relative(process.cwd(), full)
    return near.startsWith('..') ? full : near
  }
  const data = here()
  const known_hosts = join(options.data, 'trial', 'known_hosts')
  writeFileSync(known_hosts, `[${ssh.host}]:${ssh.port} ${options.host_key_line}\n`)
  const known = `-o UserKnownHostsFile=${here('trial', 'known_hosts')}`
  const place = `${account}@${target_name}@${ssh.host}`
  const login = `ssh -p ${ssh.port} -i ${here('trial', 'id_ed25519')} -o IdentitiesOnly=yes ${known} ${place}`
  const passwords = [...issuer.passwords].map(([name, password]) => `${name} ${password}`)
  const cli = data === 'data' ? '' : ` --data ${data}`
  const asks = `${cli}${api === 'http://127.0.0.1:7070' ? '' : ` --url ${api}`}`
  return `
This is a trial on your own machine: a gateway, a machine behind it that only the gateway can reach, and
an auditor's key. Everything lives in ${data}. Open a second terminal here and copy these lines:

  1. Print a file of fake secrets, and see it masked; then look around as you like.
       ${login} cat secrets.env
       ${login}

  2. See what was recorded, and play it back (the last session; or name one by its ID).
       bun run sluice sessions${cli}
       bun run sluice replay last${cli}

  3. Keep what an auditor needs, and let them check: exit 0, verified.
       bun run sluice trust export${cli} -o trust.json
       bun run sluice verify ${data} --trust trust.json

  4. Change one recorded byte on the disk, and see verification name the session and the record.
       f=${data}/store.db; until grep -qaF GREETING=hello $f; do sleep 1; done
       o=$(grep -obaF -m1 GREETING=hello $f | head -1 | cut -d: -f1)
       printf J | dd of=$f bs=1 seek=$o conv=notrunc status=none
       bun run sluice verify ${data} --trust trust.json

  Without a key, sign in with a browser: ${passwords.join(', ')} (who may not connect)
            ssh -p ${ssh.port} -o PubkeyAuthentication=no ${known} ${place}
  Or sign in once, for an hour:
            bun run sluice login --gateway ${api} --dir ${here('trial', 'ssh')} --no-include
            ssh -F ${here('trial', 'ssh', 'config')} ${account}@${target_name}

  A command that may do harm waits until somebody else approves it, in a browser or in another terminal:
            ${login} rm -rf /var/lib/not-there
            bun run sluice requests${asks}
            bun run sluice approve ID${asks}

  ${granted_target} is the same machine, and only who has a grant gets in: docs/try-grants.md

  The API:  curl -H "Authorization: Bearer $(bun run sluice token --role auditor${cli})" ${api}/api/sessions
  In a browser, with the same token: ${api}/api/docs
  The pages for people, with a name and a password from above: ${api}/console and ${api}/approvals

The auditor's private key is ${here('trial', 'auditor.key.jwk')}. Here it lies beside the gateway for the trial
only: a real one is made by the auditor, elsewhere, and only its public half comes here (evidence.auditors).
Evidence is local and not replicated. Stop with Ctrl-C.
`
}
