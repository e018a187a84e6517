import { expect, test } from 'bun:test'
import { entriesKey, recordsKey } from './keys.ts'
import { listLog, listOrigins } from './listing.ts'
import type { Bucket } from './s3.ts'
import type { Listed } from './xml.ts'

test('folders that are named as no log is are no logs, whoever owns the bucket', async () => {
  const folders = new Map([
    ['', ['edge-1', '..', 'a b', '\u001b[2J', 'x?y', '', 'edge-1%2f', 'e'.repeat(64)]],
    ['edge-1/', ['0a1b', '..', 'x#', '\u009b2J', 'ok/..']],
  ])
  const asked: string[] = []
  const origins = await listOrigins({
    async folders(prefix) {
      asked.push(prefix)
      return folders.get(prefix) ?? []
    },
  })
  expect(origins).toEqual(['edge-1/0a1b'])
  expect(asked).toEqual(['', 'edge-1/'])
})

const session = '019ca869-5000-7970-854d-cf6b0ce8648d'
const origin = 'edge-1/0a1b'

/** What a store lists: of each of these keys so many versions, the newest first. */
async function listed(keys: Iterable<string>, versions: number) {
  const bucket: Pick<Bucket, 'versions'> = {
    async *versions(prefix) {
      for (const key of keys)
        for (let at = versions; at > 0; at--) {
          const one = { kind: 'version', is_latest: at === versions, etag: `e${at}` } as const
          const all: Listed = {
            ...one,
            key: prefix + key,
            version: `v${at}`,
            modified_ms: at,
            bytes: 1,
          }
          yield all
        }
    },
  }
  return listLog(bucket as Bucket, origin)
}

test('the oldest version comes first, and those that are replaced each minute are not kept', async () => {
  const keys = [entriesKey(0), 'checkpoint', 'probe', recordsKey(session, 0)]
  const { objects } = await listed(keys, 3)
  expect([...objects.keys()]).toEqual([entriesKey(0), recordsKey(session, 0)])
  for (const { versions } of objects.values())
    expect(versions.map(({ version }) => version)).toEqual(['v1', 'v2', 'v3'])
})

test('a session of weeks, and an object that was put there again and again, are listed in one pass', async () => {
  const count = 100_000
  const firsts = Array.from({ length: count }, (_, at) => 2 * at)
  const many = await listed(
    firsts.map((first) => recordsKey(session, first)),
    1,
  )
  expect(many.records.get(session)).toHaveLength(count)
  expect(many.records.get(session)?.at(-1)).toBe(firsts.at(-1) ?? 0)
  const again = await listed([entriesKey(0)], count)
  expect(again.objects.get(entriesKey(0))?.versions).toHaveLength(count)
  expect(again.objects.get(entriesKey(0))?.versions[0]?.version).toBe('v1')
})
