/**
 * The bucket that evidence is replicated to, and for how long each session's stays there.
 *
 * @module
 */
import { isLoopback } from './address.ts'
import { namedLine, type Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { Remote } from './model.ts'
import type { ConfigFile } from './schema.ts'
import type { RetentionFile } from './schema-evidence.ts'

const lag_max_s_default = 60
const queue_bytes_default = 16 * 1024 * 1024 * 1024

/** Undefined where none is configured, or after a finding. */
export function remote(file: ConfigFile, around: Surroundings): Remote | undefined {
  const { findings } = around
  const { s3, replication, retention, shred } = file.evidence ?? {}
  if (s3 === undefined) {
    if (replication !== undefined)
      findings.error(['evidence', 'replication'], 'evidence.s3 is missing: nowhere to replicate to')
    if (shred !== undefined)
      findings.error(
        ['evidence', 'shred'],
        'evidence.s3 is missing: there are keys in a bucket only',
      )
    if (retention !== undefined) checkRetention(retention, around)
    return undefined
  }
  const at: Path = ['evidence', 's3']
  const refusal = refusalOf(s3.endpoint)
  if (refusal !== undefined) findings.error([...at, 'endpoint'], refusal)
  const access_key = namedLine('access_key', { ...s3 }, at, around)
  const secret_key = namedLine('secret_key', { ...s3 }, at, around)
  checkRetention(retention, around)
  if (access_key === undefined || secret_key === undefined || refusal !== undefined)
    return undefined
  return {
    replication: replication ?? 'required',
    endpoint: new URL(s3.endpoint).origin,
    bucket: s3.bucket,
    region: s3.region ?? 'us-east-1',
    path_style: s3.path_style ?? true,
    access_key,
    secret_key,
    lag_max_s: s3.lag_max_s ?? lag_max_s_default,
    queue_bytes_max: s3.queue_bytes_max ?? queue_bytes_default,
    retention: retention ?? [],
    ...(shred === undefined ? {} : { shred }),
  }
}

/** What is locked cannot be taken back, so nobody else chooses for how long. */
function checkRetention(rules: readonly RetentionFile[] | undefined, around: Surroundings): void {
  const { findings } = around
  const at: Path = ['evidence', 'retention']
  if (rules === undefined) {
    findings.error(at, 'is missing: for how many days evidence is locked in the bucket')
    return
  }
  const all = rules.findIndex(({ labels }) => Object.keys(labels).length === 0)
  if (all < 0) findings.error(at, 'expected a last rule for every session: labels: {}')
  else if (all < rules.length - 1)
    findings.error([...at, all + 1], 'no session comes to this rule: the one before is for every')
}

/** Names and recordings travel there; a signature keeps them from being changed, not from being read. */
function refusalOf(text: string): string | undefined {
  if (!URL.canParse(text)) return 'expected a URL that begins with https://'
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(text)
  const is_loopback = isLoopback(hostname.replace(/^\[|\]$/g, ''))
  if (protocol !== 'https:' && !(protocol === 'http:' && is_loopback))
    return 'expected https://; http:// is possible on loopback only'
  if (pathname !== '/' || search !== '' || hash !== '' || username !== '' || password !== '')
    return 'expected nothing but a scheme, a host and a port'
  return undefined
}
