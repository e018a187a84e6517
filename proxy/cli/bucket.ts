/**
 * A bucket that a verb reads, `s3://BUCKET[/NAME/LOGID]`: where it is and with which credential, by options, by the
 * environment that other tools of S3 use, or as a configuration has it.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { listOrigins } from '../../storage/replicate/listing.ts'
import { type Bucket, type BucketSettings, openBucket } from '../../storage/replicate/s3.ts'
import { loadConfigured } from './configured.ts'
import { type Call, type Option, UsageError, VerbError } from './verb.ts'

export const bucket_options: Readonly<Record<string, Option>> = {
  endpoint: { value: 'URL', help: 'of S3 (default AWS_ENDPOINT_URL, or AWS itself)' },
  region: { value: 'NAME', help: 'default AWS_REGION, or us-east-1' },
  'access-key-file': { value: 'FILE', help: 'default AWS_ACCESS_KEY_ID' },
  'secret-key-file': { value: 'FILE', help: 'default AWS_SECRET_ACCESS_KEY' },
  'virtual-host': { help: 'the bucket is part of the host name, not of the path' },
}

export const isBucketAddress = (word: string): boolean => word.startsWith('s3://')

export interface NamedBucket {
  readonly bucket: Bucket
  /** Logs that are there, or the one that was named. */
  readonly origins: readonly string[]
  /** Whether the address names one log. */
  readonly is_one: boolean
}

/** Rejects with {@link UsageError}, {@link VerbError} or `ReplicaError`. */
export async function openNamedBucket(call: Call, address: string): Promise<NamedBucket> {
  const [, name = '', origin] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9.-]+\/[A-Za-z0-9]+))?\/?$/.exec(
      address,
    ) ?? []
  if (name === '') throw new UsageError('expected s3://BUCKET or s3://BUCKET/NAME/LOGID')
  const bucket = openBucket(await settingsOf(call, name))
  if (origin !== undefined) return { bucket, origins: [origin], is_one: true }
  return { bucket, origins: await listOrigins(bucket), is_one: false }
}

async function settingsOf(call: Call, bucket: string): Promise<BucketSettings> {
  const { env } = process
  const config = call.text('config')
  const configured = config === undefined ? undefined : await remoteOf(config)
  const region = call.text('region') ?? configured?.region ?? env['AWS_REGION'] ?? 'us-east-1'
  const endpoint =
    call.text('endpoint') ??
    configured?.endpoint ??
    env['AWS_ENDPOINT_URL'] ??
    `https://s3.${region}.amazonaws.com`
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint))
    throw new UsageError('--endpoint is the URL of an S3 service')
  const key = (option: string, variable: string, otherwise: string | undefined): string => {
    const file = call.text(option)
    const given = file === undefined ? (otherwise ?? env[variable]) : readKey(file)
    if (given === undefined || given === '')
      throw new UsageError(`no credential: --${option}, --config or ${variable}`)
    return given
  }
  return {
    ...{ endpoint, bucket, region },
    path_style: !call.flag('virtual-host') && (configured?.path_style ?? true),
    access_key: key('access-key-file', 'AWS_ACCESS_KEY_ID', configured?.access_key.reveal()),
    secret_key: key('secret-key-file', 'AWS_SECRET_ACCESS_KEY', configured?.secret_key.reveal()),
  }
}

async function remoteOf(config: string) {
  const { remote } = (await loadConfigured(config)).evidence
  if (remote === undefined) throw new VerbError(`${config}: evidence.s3 is missing`)
  return remote
}

function readKey(file: string): string {
  if (!existsSync(file)) throw new VerbError(`${file}: no such file`)
  return readFileSync(file, 'utf8').trim()
}
