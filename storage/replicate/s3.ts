/**
 * The few requests of S3 that evidence needs, signed by `aws4fetch` (AWS Signature Version 4). An answer is believed
 * only as far as it can be checked: what was stored has a version, what was read is within its limit.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { AwsClient } from 'aws4fetch'
import { sha256Hex } from './body.ts'
import { ReplicaError } from './errors.ts'
import {
  answer_bytes_max,
  listed_folders_max,
  listed_items_max,
  object_bytes_max,
  request_ms_max,
} from './limits.ts'
import { type Listed, parseErrorCode, parsePrefixes, parseVersions } from './xml.ts'

export interface BucketSettings {
  /** `https://HOST[:PORT]`, without a path. */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  /** `ENDPOINT/BUCKET/KEY` rather than `BUCKET.ENDPOINT/KEY`. */
  readonly path_style: boolean
  readonly access_key: string
  readonly secret_key: string
}

export interface Lock {
  /** `COMPLIANCE`, or what else the store says; absent where nothing keeps the object. */
  readonly mode?: string
  /** UTC, milliseconds. */
  readonly retain_until_ms?: number
  /** Under a legal hold. */
  readonly is_held?: boolean
  /** When the store took it, by its own clock. */
  readonly modified_ms: number
}

export interface Fetched extends Lock {
  /** Owned by the caller. */
  readonly bytes: Uint8Array
}

/** Keys are of letters, digits, `.`, `-` and `/`. All methods reject with `ReplicaError`. */
export interface Bucket {
  /**
   * Stores an object, in COMPLIANCE mode with `retain_until_ms`; returns its version. Borrows `body`; `sha256` is its
   * hash in hex, where that is known already.
   */
  put(
    key: string,
    body: Uint8Array | Blob,
    retain_until_ms?: number,
    sha256?: string,
  ): Promise<string>
  get(key: string, version?: string): Promise<Fetched | undefined>
  lock(key: string, version: string): Promise<Lock | undefined>
  /** Tries to let a lock end earlier, or to delete a version. Resolves with whether the store let it happen. */
  shorten(key: string, version: string, retain_until_ms: number): Promise<boolean>
  remove(key: string, version: string): Promise<boolean>
  /** Sets or lifts a legal hold on a version. */
  hold(key: string, version: string, is_held: boolean): Promise<void>
  /** All versions and delete markers under a prefix, by key, those of a key the newest first. */
  versions(prefix: string, after_key?: string): AsyncGenerator<Listed, void, void>
  /** What follows the prefix up to the next `/`, once each. */
  folders(prefix: string): Promise<readonly string[]>
}

interface Asked {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | Blob
  readonly sha256?: string | undefined
}

export function openBucket(settings: BucketSettings): Bucket {
  const client = new AwsClient({
    accessKeyId: settings.access_key,
    secretAccessKey: settings.secret_key,
    service: 's3',
    region: settings.region,
    retries: 0,
  })
  const base = baseOf(settings)

  const ask = async ({ method, key = '', query = {}, headers = {}, body, ...asked }: Asked) => {
    const url = new URL(`${base}/${key}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const sha256 = asked.sha256 ?? (await hashOf(body))
    const what = `${method} ${key === '' ? settings.bucket : key}`
    try {
      const request = await client.sign(url, {
        method,
        headers: { ...headers, 'x-amz-content-sha256': sha256 },
        ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> | Blob }),
      })
      const answer = await fetch(request, {
        // A redirect leads to a host that nobody configured.
        redirect: 'manual',
        signal: AbortSignal.timeout(request_ms_max),
      })
      const bytes = method === 'HEAD' ? new Uint8Array() : await bounded(answer, what)
      return { answer, bytes, what }
    } catch (error) {
      if (error instanceof ReplicaError) throw error
      const name = error instanceof Error ? error.name : 'unknown'
      const why = name === 'TimeoutError' ? 'no answer in time' : 'no answer'
      throw new ReplicaError('s3_unreachable', `${what}: ${why}`, { cause: error })
    }
  }

  return {
    async put(key, body, retain_until_ms, known) {
      const sha256 = known ?? (await hashOf(body))
      const checksum = Buffer.from(sha256, 'hex').toString('base64')
      const { answer, bytes, what } = await ask({
        ...{ method: 'PUT', key, body, sha256 },
        headers: {
          // A locked object must come with a checksum; this one is at hand, where MD5 would cost as much again.
          'x-amz-checksum-sha256': checksum,
          'x-amz-sdk-checksum-algorithm': 'SHA256',
          ...(retain_until_ms === undefined
            ? {}
            : {
                'x-amz-object-lock-mode': 'COMPLIANCE',
                'x-amz-object-lock-retain-until-date': isoSeconds(retain_until_ms),
              }),
        },
      })
      if (answer.status !== 200) throw failure(answer.status, bytes, what)
      const version = answer.headers.get('x-amz-version-id') ?? ''
      if (version === 'null' || !/^[\w.+/=-]{1,1024}$/.test(version))
        throw new ReplicaError('s3_corrupt', `${what}: stored without a version`)
      // Not every store repeats it. All of them refuse a body that is not the signed one (SigV4).
      if ((answer.headers.get('x-amz-checksum-sha256') ?? checksum) !== checksum)
        throw new ReplicaError('s3_corrupt', `${what}: other bytes were stored than were sent`)
      return version
    },
    async get(key, version) {
      const query = version === undefined ? {} : { versionId: version }
      const { answer, bytes, what } = await ask({ method: 'GET', key, query })
      if (answer.status === 404 && isNoObject(bytes)) return undefined
      if (answer.status !== 200) throw failure(answer.status, bytes, what)
      return { ...lockOf(answer.headers), bytes }
    },
    async lock(key, version) {
      const { answer, bytes, what } = await ask({
        ...{ method: 'HEAD', key, query: { versionId: version } },
      })
      if (answer.status === 404) return undefined
      if (answer.status !== 200) throw failure(answer.status, bytes, what)
      return lockOf(answer.headers)
    },
    async shorten(key, version, retain_until_ms) {
      const until = isoSeconds(retain_until_ms)
      const body = `<Retention xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Mode>COMPLIANCE</Mode><RetainUntilDate>${until}</RetainUntilDate></Retention>`
      const query = { retention: '', versionId: version }
      const md5 = createHash('md5').update(body).digest('base64')
      const { answer, bytes, what } = await ask({
        ...{ method: 'PUT', key, query, body: new TextEncoder().encode(body) },
        headers: { 'content-md5': md5 },
      })
      return wasDone(answer.status, bytes, what)
    },
    async remove(key, version) {
      const { answer, bytes, what } = await ask({
        ...{ method: 'DELETE', key, query: { versionId: version } },
      })
      return wasDone(answer.status, bytes, what)
    },
    async hold(key, version, is_held) {
      const status = is_held ? 'ON' : 'OFF'
      const body = `<LegalHold xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>${status}</Status></LegalHold>`
      const md5 = createHash('md5').update(body).digest('base64')
      const { answer, bytes, what } = await ask({
        ...{ method: 'PUT', key, query: { 'legal-hold': '', versionId: version } },
        body: new TextEncoder().encode(body),
        headers: { 'content-md5': md5 },
      })
      if (answer.status !== 200) throw failure(answer.status, bytes, what)
    },
    async *versions(prefix, after_key) {
      let count = 0
      let marker: Record<string, string> =
        after_key === undefined ? {} : { 'key-marker': after_key }
      for (;;) {
        const query = { versions: '', 'encoding-type': 'url', prefix, ...marker }
        const { answer, bytes, what } = await ask({ method: 'GET', query })
        if (answer.status !== 200) throw failure(answer.status, bytes, what)
        const page = parseVersions(bytes)
        if (page === undefined) throw new ReplicaError('s3_corrupt', `${what}: not a listing`)
        count += page.items.length
        if (count > listed_items_max)
          throw new ReplicaError('s3_corrupt', `${what}: the listing does not end`)
        yield* page.items
        if (page.next === undefined) return
        if (page.next['key-marker'] === marker['key-marker'] && page.items.length === 0)
          throw new ReplicaError('s3_corrupt', `${what}: the listing goes in circles`)
        marker = page.next
      }
    },
    async folders(prefix) {
      const found: string[] = []
      let token: Record<string, string> = {}
      for (;;) {
        const query = { 'list-type': '2', 'encoding-type': 'url', delimiter: '/', prefix, ...token }
        const { answer, bytes, what } = await ask({ method: 'GET', query })
        if (answer.status !== 200) throw failure(answer.status, bytes, what)
        const page = parsePrefixes(bytes, prefix)
        if (page === undefined) throw new ReplicaError('s3_corrupt', `${what}: not a listing`)
        found.push(...page.names)
        if (page.next === undefined || page.names.length === 0) return found
        if (found.length > listed_folders_max)
          throw new ReplicaError('s3_corrupt', `${what}: the listing does not end`)
        token = { 'continuation-token': page.next }
      }
    },
  }
}

function baseOf({ endpoint, bucket, path_style }: BucketSettings): string {
  const url = new URL(endpoint)
  return path_style ? `${url.origin}/${bucket}` : `${url.protocol}//${bucket}.${url.host}`
}

async function hashOf(body: Uint8Array | Blob = new Uint8Array()): Promise<string> {
  return sha256Hex(body instanceof Blob ? await body.bytes() : body)
}

/** Reads a body up to its limit, whatever its length is said to be. */
async function bounded(answer: Response, what: string): Promise<Uint8Array> {
  const bytes_max = answer.status === 200 ? object_bytes_max : answer_bytes_max
  const tooLarge = (): never => {
    throw new ReplicaError('s3_corrupt', `${what}: more than ${bytes_max} bytes came`)
  }
  const said = answer.headers.get('content-length')
  if (Number(said ?? 0) > bytes_max) tooLarge()
  // No more than was said comes then, and part by part even an empty answer costs as much as signing its request.
  if (said !== null && /^\d+$/.test(said) && !answer.headers.has('content-encoding'))
    return new Uint8Array(await answer.arrayBuffer())
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of answer.body ?? []) {
    parts.push(part)
    length += part.length
    if (length > bytes_max) tooLarge()
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

function failure(status: number, bytes: Uint8Array, what: string): ReplicaError {
  const code = parseErrorCode(bytes)
  const said = `${what}: ${status}${code === undefined ? '' : ` ${code}`}`
  if (code === 'NoSuchBucket') return new ReplicaError('s3_missing', said)
  if (status === 429 || status >= 500) return new ReplicaError('s3_failing', said)
  if (status === 400 || (status >= 401 && status <= 404))
    return new ReplicaError('s3_refused', said)
  return new ReplicaError('s3_corrupt', said)
}

/** Of an attempt that must be refused: anything but a plain yes or no says nothing. */
function wasDone(status: number, bytes: Uint8Array, what: string): boolean {
  if (status === 200 || status === 204) return true
  const code = parseErrorCode(bytes)
  if (status === 403 && code === 'AccessDenied') return false
  throw failure(status, bytes, what)
}

function isNoObject(bytes: Uint8Array): boolean {
  const code = parseErrorCode(bytes)
  return code === 'NoSuchKey' || code === 'NoSuchVersion'
}

function lockOf(headers: Headers): Lock {
  const mode = headers.get('x-amz-object-lock-mode')
  const until = Date.parse(headers.get('x-amz-object-lock-retain-until-date') ?? '')
  return {
    ...(mode === null ? {} : { mode }),
    ...(Number.isNaN(until) ? {} : { retain_until_ms: until }),
    ...(headers.get('x-amz-object-lock-legal-hold') === 'ON' ? { is_held: true } : {}),
    modified_ms: Date.parse(headers.get('last-modified') ?? '') || 0,
  }
}

/** A whole second, never before the moment. */
const isoSeconds = (ms: number): string =>
  `${new Date(Math.ceil(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`
