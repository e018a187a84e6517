/**
 * A store that lies: what it says is bounded, checked, and never repeated.
 */
import { afterAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { parseKey } from './keys.ts'
import { answer_bytes_max, object_bytes_max } from './limits.ts'
import { type Bucket, openBucket } from './s3.ts'
import { parsePrefixes, parseVersions } from './xml.ts'

let answer: (request: Request) => Response | Promise<Response> = () => new Response('')
let asked = 0
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (request) => {
    asked++
    return answer(request)
  },
})
afterAll(() => server.stop(true))

const bucket: Bucket = openBucket({
  ...{ endpoint: server.url.origin, bucket: 'evidence', region: 'us-east-1', path_style: true },
  ...{ access_key: 'access', secret_key: 'secret' },
})
const body = new TextEncoder().encode('body')

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

const listing = (inner: string): string => `<ListVersionsResult>${inner}</ListVersionsResult>`
const version = (key: string): string =>
  `<Version><Key>${key}</Key><VersionId>v</VersionId><IsLatest>true</IsLatest>` +
  '<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>1</Size></Version>'

describe('a store that lies', () => {
  test('about the size of an object', async () => {
    answer = () => new Response(new Uint8Array(object_bytes_max + 1))
    expect(await codeOf(bucket.get('a/b'))).toBe('s3_corrupt')
    let sent = 0
    answer = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            sent += 1 << 20
            controller.enqueue(new Uint8Array(1 << 20))
          },
        }),
      )
    expect(await codeOf(bucket.get('a/b'))).toBe('s3_corrupt')
    expect(sent).toBeLessThan(4 * object_bytes_max)
  })

  test('about an error, at length, and with somebody else’s words', async () => {
    answer = () => new Response('x'.repeat(answer_bytes_max + 1), { status: 500 })
    expect(await codeOf(bucket.get('a/b'))).toBe('s3_corrupt')
    answer = () =>
      new Response('<Error><Code>hunter2 is the password</Code></Error>', { status: 500 })
    expect(bucket.get('a/b')).rejects.toThrow(/^GET a\/b: 500$/)
  })

  test('by sending elsewhere', async () => {
    answer = () => Response.redirect(`${server.url.origin}/elsewhere`, 307)
    asked = 0
    expect(await codeOf(bucket.put('a/b', body))).toBe('s3_corrupt')
    expect(asked).toBe(1)
  })

  test('about what it stored', async () => {
    const put = (headers: Record<string, string>): Promise<string> => {
      answer = () => new Response('', { headers })
      return codeOf(bucket.put('a/b', body))
    }
    const checksum = createHash('sha256').update(body).digest('base64')
    const v1 = { 'x-amz-version-id': 'v1' }
    expect(await put(v1)).toBe('done')
    expect(await put({ ...v1, 'x-amz-checksum-sha256': checksum })).toBe('done')
    expect(await put({})).toBe('s3_corrupt')
    expect(await put({ 'x-amz-version-id': 'null' })).toBe('s3_corrupt')
    expect(await put({ 'x-amz-version-id': 'a b' })).toBe('s3_corrupt')
    const other = createHash('sha256').update('other').digest('base64')
    expect(await put({ ...v1, 'x-amz-checksum-sha256': other })).toBe('s3_corrupt')
  })

  test('about what it refuses', async () => {
    answer = () => new Response('<Error><Code>SlowDown</Code></Error>', { status: 503 })
    expect(await codeOf(bucket.remove('a/b', 'v'))).toBe('s3_failing')
    answer = () => new Response('', { status: 403 })
    // A refusal without its word may come from anybody in between.
    expect(await codeOf(bucket.shorten('a/b', 'v', 0))).toBe('s3_refused')
    answer = () => new Response('', { status: 404 })
    expect(await codeOf(bucket.get('a/b'))).toBe('s3_refused')
  })

  test('about what it has', async () => {
    const listed = (text: string): Promise<string> => {
      answer = () => new Response(text)
      return codeOf(Array.fromAsync(bucket.versions('a/')))
    }
    expect(await listed(listing(version('a%2Fb')))).toBe('done')
    expect(await listed('')).toBe('s3_corrupt')
    expect(await listed(listing(version('a%2Fb')).slice(0, -5))).toBe('s3_corrupt')
    expect(await listed(listing(version('%E0%A4%A')))).toBe('s3_corrupt')
    // A million beginnings without an end are looked at once.
    const begun_ms = performance.now()
    expect(await listed(listing('<Version>'.repeat(400_000)))).toBe('s3_corrupt')
    expect(performance.now() - begun_ms).toBeLessThan(2_000)
    const again = '<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>'
    expect(await listed(listing(again))).toBe('s3_corrupt')
  })
})

test('a key that is not of the format is none of ours', () => {
  const session = '018bcfe5-6800-7000-8000-000000000001'
  expect(parseKey(`session/${session}/records/0000000000000042`)).toEqual({
    ...{ kind: 'records', session, first: 42 },
  })
  for (const key of [
    `session/${session}/records/9999999999999999`,
    `session/${session}/records/42`,
    `session/${session}/record`,
    'session/../start',
    'entries/9999999999999999',
    'checkpoint/-000000000000001',
    'document/00',
    'other',
  ])
    expect(parseKey(key)).toBeUndefined()
})

test('keys and versions of a listing are what they were', () => {
  const key = 'edge-1/0/a b+c&amp;/%41'
  const page = parseVersions(
    Buffer.from(
      listing(
        version(encodeURIComponent(key)) + version('x').replaceAll('Version>', 'DeleteMarker>'),
      ),
    ),
  )
  expect(page?.items.map((each) => [each.key, each.kind, each.etag])).toEqual([
    [key, 'version', 'e'],
    ['x', 'delete_marker', 'e'],
  ])
  const folders =
    '<ListBucketResult><CommonPrefixes><Prefix>edge-1/00/</Prefix></CommonPrefixes>' +
    '<CommonPrefixes><Prefix>other/</Prefix></CommonPrefixes></ListBucketResult>'
  expect(parsePrefixes(Buffer.from(folders), 'edge-1/')?.names).toEqual(['00'])
})
