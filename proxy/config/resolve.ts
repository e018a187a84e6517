/**
 * From the shape of a config to its meaning: defaults, addresses, keys and the files that it names.
 *
 * @module
 */

import { resolve } from 'node:path'
import { parseWitness } from '../../storage/evidence/cosignature.ts'
import { idle_ms_default } from '../core/limits.ts'
import { type Address, isLoopback, parseAddress } from './address.ts'
import { parseAuditorKey } from './auditor-key.ts'
import { ciJobs } from './ci.ts'
import { credential, expand, namedSecret, privateKey, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import { encryption } from './encryption.ts'
import type { Findings } from './findings.ts'
import { knownSecrets } from './known-secrets.ts'
import type { AuditorKey, Config, Credential, RegisteredKey, Target } from './model.ts'
import { readNamedFile } from './named-file.ts'
import { oidcProviders, publicUrl } from './oidc.ts'
import { policyFiles } from './policy-files.ts'
import { postgresTarget } from './postgres.ts'
import { isOnDevice, parsePublicKey, type SshPublicKey } from './public-key.ts'
import { release } from './release.ts'
import { remote } from './remote.ts'
import { revokedCertificates } from './revoked-certificates.ts'
import { samlProviders } from './saml.ts'
import type { ConfigFile, PackName, TargetFile } from './schema.ts'
import { serverCertificate } from './server-certificate.ts'
import { shellChoice } from './shell-choice.ts'
import { certificateAuthorities } from './ssh-ca.ts'
import { webhooks } from './webhooks.ts'

/** 64 MiB: a group commit is small against it, and a spare of it is quickly written. */
const segment_bytes_default = 64 * 1024 * 1024
/** Each leaves some ten records and as many objects for good; five minutes of doubt are few. */
const canary_s_default = 300
const packs_default: readonly PackName[] = ['secrets', 'pci']
/** What OpenSSH's client sends by default on Debian, and nothing that changes what a program loads. */
const env_default: readonly string[] = ['LANG', 'LC_*']

/** Complete only if {@link Surroundings.findings} has no error afterwards. */
export function resolveConfig(file: ConfigFile, around: Surroundings): Config {
  const { findings } = around
  const { policy, masking } = file
  const public_url = publicUrl(file, around)
  const tls = serverCertificate(file, around)
  const ssh_ca = certificateAuthorities(file, around)
  const identity = {
    keys: registeredKeys(file, around),
    oidc: oidcProviders(file, around),
    saml: samlProviders(file, around),
    ssh_ca,
    ci: ciJobs(file, around),
    revoked_certificates: revokedCertificates(file, ssh_ca, around),
    set_aside: file.identity?.set_aside ?? [],
  }
  const reached = targets(file, around)
  const kept = remote(file, around)
  const key = encryption(file, around)
  return {
    gateway: {
      name: file.gateway?.name ?? 'sluice',
      data: resolve(
        around.folder,
        expand(file.gateway?.data ?? './data', ['gateway', 'data'], around),
      ),
      ssh_host_keys: (file.gateway?.ssh_host_keys ?? []).flatMap((each, index) => {
        const at: Path = ['gateway', 'ssh_host_keys', index]
        return privateKey(namedSecret(each, at, around), at, around) ?? []
      }),
      ...(public_url === undefined ? {} : { public_url }),
      ...(tls === undefined ? {} : { tls }),
    },
    listen: listeners(file, around),
    identity,
    targets: reached,
    policy: {
      files: policyFiles(policy?.files, around),
      approvals: { webhooks: webhooks(policy?.approvals?.webhooks, public_url, around) },
      forwarding: policy?.forwarding ?? 'deny',
      agent_forwarding: policy?.agent_forwarding ?? 'deny',
      shell: shellChoice(policy?.shell),
      transfers: {
        upload: policy?.transfers?.upload ?? 'deny',
        download: policy?.transfers?.download ?? 'deny',
      },
    },
    masking: {
      packs: [...new Set(masking?.packs ?? packs_default)],
      custom: customRules(file, findings),
      known: knownSecrets(masking?.known_secrets_file, identity.oidc, reached, kept, around),
      idle_ms_max: masking?.idle_ms_max ?? idle_ms_default,
    },
    ...(key === undefined ? {} : { encryption: key }),
    evidence: {
      raw: file.evidence?.raw ?? 'commit',
      auditors: auditors(file, around),
      ...(kept === undefined ? {} : { remote: kept }),
      ...(file.evidence?.retention === undefined ? {} : { retention: file.evidence.retention }),
      release: release(file, around),
      witnesses: witnesses(file, findings),
      canary_s: file.evidence?.canary_s ?? canary_s_default,
      timestamp_url: httpAddress(
        file.evidence?.timestamp_url,
        ['evidence', 'timestamp_url'],
        findings,
      ),
    },
    ssh: { env: file.ssh?.env ?? env_default },
    journal: { segment_bytes: file.journal?.segment_bytes ?? segment_bytes_default },
  }
}

function listeners(file: ConfigFile, around: Surroundings): Config['listen'] {
  const ssh = address(file.listen?.ssh, ['listen', 'ssh'], around, 0)
  const postgres = address(file.listen?.postgres, ['listen', 'postgres'], around, 0)
  if (postgres !== undefined && !isLoopback(postgres.host) && file.gateway?.tls === undefined)
    around.findings.error(
      ['listen', 'postgres'],
      'needs gateway.tls, or an address of loopback: tokens come as passwords',
    )
  const api = address(file.listen?.api, ['listen', 'api'], around, 0)
  // The API has no TLS in this version, and a bearer token is whoever reads it.
  if (api !== undefined && !isLoopback(api.host))
    around.findings.error(
      ['listen', 'api'],
      'the API is plaintext and is served on loopback only (127.0.0.1, [::1], localhost)',
    )
  if (file.listen !== undefined && ssh === undefined && postgres === undefined)
    around.findings.warn(['listen'], 'listen.ssh is absent: nobody can connect')
  return {
    ...(ssh === undefined ? {} : { ssh }),
    ...(postgres === undefined ? {} : { postgres }),
    ...(api === undefined ? {} : { api }),
  }
}

function registeredKeys(file: ConfigFile, around: Surroundings): readonly RegisteredKey[] {
  const { findings } = around
  const owners = new Map<string, string>()
  const keys = (file.identity?.keys ?? []).flatMap(({ subject, groups, key: line }, index) => {
    const at: Path = ['identity', 'keys', index, 'key']
    const key = publicKey(line, at, around)
    if (key === undefined) return []
    const name = Buffer.from(key.blob).toString('base64')
    const owner = owners.get(name)
    if (owner === subject) findings.error(at, 'this key is registered twice')
    else if (owner !== undefined)
      findings.warn(at, `this key also belongs to ${owner}, so it identifies neither`)
    owners.set(name, subject)
    return [{ subject, groups: groups ?? [], key }]
  })
  const { oidc = [], saml = [], ssh_ca = [], ci = [] } = file.identity ?? {}
  const has_provider = oidc.length + saml.length + ssh_ca.length + ci.length > 0
  // Clients of a database have tokens, which the gateway makes itself.
  const has_tokens = file.listen?.postgres !== undefined
  if (keys.length === 0 && !has_provider && !has_tokens && !around.is_trial)
    findings.warn(['identity', 'keys'], 'no key and no provider is there: nobody can connect')
  return keys
}

function targets(file: ConfigFile, around: Surroundings): readonly Target[] {
  const { findings } = around
  const names = new Set<string>()
  const found = (file.targets ?? []).flatMap((target, index) => {
    const at: Path = ['targets', index]
    // Names reach DNS and humans, to whom case is nothing.
    const folded = target.name.toLowerCase()
    if (names.has(folded)) findings.error([...at, 'name'], 'another target has this name')
    names.add(folded)
    return resolveTarget(target, at, around) ?? []
  })
  if (found.length === 0 && !around.is_trial)
    findings.warn(['targets'], 'no target is configured: nothing can be reached')
  checkWays(file.targets ?? [], findings)
  return found
}

/** Each target is reached from the gateway in the end. */
function checkWays(all: readonly TargetFile[], findings: Surroundings['findings']): void {
  const by_name = new Map(all.map((target) => [target.name, target]))
  for (const [index, { name, via }] of all.entries()) {
    if (via === undefined) continue
    const at: Path = ['targets', index, 'via']
    const first = viaOf(via)
    const bastion = by_name.get(first.target)
    if (bastion === undefined) findings.error(at, 'there is no target of that name')
    else if (!Object.hasOwn(bastion.accounts, first.account))
      findings.error(at, 'that target has no such account')
    // As many steps as there are targets lead in a circle.
    let step: TargetFile | undefined = bastion
    for (let steps = 0; step?.via !== undefined && steps <= all.length; steps++)
      step = by_name.get(viaOf(step.via).target)
    if (step?.via !== undefined || first.target === name)
      findings.error(at, 'this way leads in a circle')
  }
}

/** Divided at the last "@", as a login name is. */
function viaOf(via: string): { readonly account: string; readonly target: string } {
  const at = via.lastIndexOf('@')
  return { account: via.slice(0, at), target: via.slice(at + 1) }
}

function resolveTarget(target: TargetFile, at: Path, around: Surroundings): Target | undefined {
  const { findings } = around
  const accounts: [string, Credential][] = Object.entries(target.accounts).flatMap(
    ([name, account]) => {
      const found = credential(account, [...at, 'accounts', name], around)
      return found === undefined ? [] : [[name, found] satisfies [string, Credential]]
    },
  )
  if (Object.keys(target.accounts).length === 0)
    findings.error([...at, 'accounts'], 'expected at least one account')
  for (const [name, text] of Object.entries(target.labels ?? {}))
    if (text.includes('${'))
      findings.error([...at, 'labels', name], 'variables are possible in paths and secrets only')
  const where = address(target.address, [...at, 'address'], around, 1)
  const { name, labels = {} } = target
  const found = { name, accounts: Object.fromEntries(accounts), labels }
  if (target.protocol === 'postgres') {
    const own = postgresTarget(target, at, around)
    return where === undefined ? undefined : { ...found, ...own, address: where }
  }
  for (const key of ['tls', 'ca_file', 'columns', 'recorded_rows_max'] as const)
    if (target[key] !== undefined)
      findings.error([...at, key], 'is of targets with the protocol postgres alone')
  if (target.host_key === undefined) findings.error([...at, 'host_key'], 'is missing')
  const listed = typeof target.host_key === 'string' ? [target.host_key] : (target.host_key ?? [])
  const host_keys = listed.flatMap((line, index) => {
    const key_at = typeof target.host_key === 'string' ? [] : [index]
    const line_at: Path = [...at, 'host_key', ...key_at]
    const key = publicKey(line, line_at, around)
    if (key === undefined || !isOnDevice(key)) return key ?? []
    findings.error(line_at, "a key on a security device (sk-...) is a person's, not a host's")
    return []
  })
  if (where === undefined) return undefined
  return {
    ...found,
    protocol: 'ssh',
    address: where,
    host_keys,
    shell_integration: target.shell_integration ?? false,
    ...(target.via === undefined ? {} : { via: viaOf(target.via) }),
  }
}

function customRules(
  file: ConfigFile,
  findings: Surroundings['findings'],
): Config['masking']['custom'] {
  const names = new Set<string>()
  const custom = file.masking?.custom ?? []
  for (const [index, { name }] of custom.entries()) {
    if (names.has(name))
      findings.error(['masking', 'custom', index, 'name'], 'another custom rule has this name')
    names.add(name)
  }
  return custom
}

function auditors(file: ConfigFile, around: Surroundings): readonly AuditorKey[] {
  const { findings } = around
  const files = file.evidence?.auditors
  // Every session's envelope is sealed to them before its first byte; without one, no session starts.
  if (files === undefined && !around.is_trial)
    findings.error(
      ['evidence', 'auditors'],
      "is missing: the auditors' public keys; `sluice keygen auditor` makes a pair",
    )
  const thumbprints = new Set<string>()
  return (files ?? []).flatMap((shown, index) => {
    const at: Path = ['evidence', 'auditors', index]
    const path = resolve(around.folder, expand(shown, at, around))
    const read = readNamedFile(path, shown, false)
    const parsed = read.ok ? parseAuditorKey(read.text) : read
    if (!parsed.ok) {
      findings.error(at, read.ok ? `${shown}: ${parsed.reason}` : parsed.reason)
      return []
    }
    const { jwk, thumbprint } = parsed
    if (thumbprints.has(thumbprint)) findings.error(at, 'this key is given twice')
    thumbprints.add(thumbprint)
    return [{ file: path, jwk, thumbprint }]
  })
}

function witnesses(file: ConfigFile, findings: Findings): Config['evidence']['witnesses'] {
  const keys = new Set<string>()
  const listed = file.evidence?.witnesses ?? []
  for (const [index, { url, key }] of listed.entries()) {
    const at: Path = ['evidence', 'witnesses', index]
    httpAddress(url, [...at, 'url'], findings)
    if (parseWitness(key) === undefined)
      findings.error([...at, 'key'], 'expected NAME+HASH+KEY as `sluice witness` prints it')
    if (keys.has(key)) findings.error([...at, 'key'], 'this witness is given twice')
    keys.add(key)
  }
  return listed
}

/** The address as it was given. */
function httpAddress(url: string | undefined, at: Path, findings: Findings): string | undefined {
  if (url === undefined) return undefined
  const parsed = URL.parse(url)
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    findings.error(at, 'expected an http or https address')
  else if (`${parsed.username}${parsed.password}${parsed.search}${parsed.hash}` !== '')
    findings.error(at, 'expected an address without a login, a query or a fragment')
  return url
}

function publicKey(line: string, at: Path, around: Surroundings): SshPublicKey | undefined {
  const parsed = parsePublicKey(line)
  if (parsed.ok) return parsed.key
  around.findings.error(at, parsed.reason)
  return undefined
}

function address(
  text: string | undefined,
  at: Path,
  around: Surroundings,
  port_min: 0 | 1,
): Address | undefined {
  if (text === undefined) return undefined
  const parsed = parseAddress(text, port_min)
  if (parsed.ok) return parsed.address
  around.findings.error(at, parsed.reason)
  return undefined
}
