import { expect, test } from 'bun:test'
import type { Status } from '../../storage/replicate/replicator.ts'
import { Secret } from '../config/secret.ts'
import type { Remote } from '../config.ts'
import { judge } from './replication.ts'

const remote: Remote = {
  ...{ replication: 'required', endpoint: 'https://s3.example.com', bucket: 'b', region: 'r' },
  ...{ path_style: true, access_key: new Secret('a'), secret_key: new Secret('s') },
  ...{ lag_max_s: 60, queue_bytes_max: 1000, retention: [{ labels: {}, days: 1 }] },
}
const queued: Remote = { ...remote, replication: 'queued' }
const good: Status = { proven: true, queued_bytes: 0, sent_bytes: 0, sent_objects: 0 }
const late: Status = { ...good, behind_since_ms: 0, reason: 's3_unreachable: PUT a: no answer' }
const now_ms = 61_000

test('nothing is in the way while the bucket keeps up', () => {
  for (const one of [remote, queued]) {
    expect(judge(one, good, now_ms)).toEqual({ hold: false, reasons: [] })
    expect(judge(one, { ...late, behind_since_ms: 1_000 }, now_ms)).toEqual({
      hold: false,
      reasons: [],
    })
  }
})

test('too far behind: required refuses and holds, queued goes on; both are red', () => {
  const required = judge(remote, late, now_ms)
  expect(required.hold).toBe(true)
  expect(required.refuse).toBe('replication is 61 s behind, and at most 60 s are allowed')
  expect(required.reasons).toEqual([`${required.refuse} (s3_unreachable: PUT a: no answer)`])
  const other = judge(queued, late, now_ms)
  expect([other.hold, other.refuse]).toEqual([false, undefined])
  expect(other.reasons).toEqual(required.reasons)
})

test('a full queue refuses new sessions in both, and holds nobody', () => {
  for (const one of [remote, queued]) {
    const { hold, refuse } = judge(one, { ...good, queued_bytes: 1001 }, now_ms)
    expect(hold).toBe(false)
    expect(refuse).toContain('1001 bytes wait for the bucket')
  }
})

test('a bucket that was never proven takes no session where it is required', () => {
  const unproven: Status = { ...good, proven: false }
  expect(judge(remote, unproven, now_ms).refuse).toContain('not proven')
  expect(judge(queued, unproven, now_ms)).toMatchObject({ hold: false })
  expect(judge(queued, unproven, now_ms).refuse).toBeUndefined()
  expect(judge(queued, unproven, now_ms).reasons).toHaveLength(1)
})
