import { expect, test } from 'bun:test'
import { listOrigins } from './listing.ts'

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
