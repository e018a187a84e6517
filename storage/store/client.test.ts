import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startStore } from './client.ts'
import { openDatabase } from './database.ts'
import { StoreError } from './errors.ts'
import {
  append,
  checkpointOf,
  DataDirectory,
  documentOf,
  logEntry,
  RecordedSession,
} from './fixture.ts'
import { database_name } from './layout.ts'
import { lockDataDirectory } from './lock.ts'

/** `expect().rejects` waits without letting a Worker's message in. */
function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('the Worker projects what is durable, answers every question, and says how far it is', async () => {
  using data = new DataDirectory()
  const projected: number[] = []
  const store = await startStore(data.path, { projected: (lsn) => projected.push(lsn) })
  expect(store.recovered).toEqual({
    watermark_lsn: 0,
    log: { size: 0, frontier: [] },
    open_sessions: [],
    unreadable: [],
    has_erased: false,
  })
  const journal = data.journal()
  const session = new RecordedSession(1)
  const document = documentOf('configuration.changed', {})
  append(journal, [
    ...session.start(),
    session.output('first'),
    session.output('second'),
    document,
    logEntry(0),
    checkpointOf(1),
  ])
  store.durable(journal.durable_lsn)
  // A question comes behind what was durable when it was asked.
  const page = await store.records(session.id, 1, 1)
  expect(page.records.map((stored) => Buffer.from(stored).toString())).toEqual([
    Buffer.from(session.stored[1] ?? '').toString(),
  ])
  expect(page.next).toBe(2)
  expect((await store.sessions({ subject: 'ann' })).sessions.map(({ id }) => id)).toEqual([
    session.id,
  ])
  expect((await store.session(session.id))?.records).toBe(3)
  expect(await store.session('nobody')).toBeUndefined()
  expect((await store.document(document.digest))?.bytes).toEqual(new Uint8Array(document.bytes))
  expect(await store.log()).toMatchObject({ size: 1 })
  expect(await store.logEntries(0, 5)).toHaveLength(1)
  expect((await store.logHashes([0]))[0]).toHaveLength(32)
  expect(await errorOf(store.sessions({ cursor: 'x' }))).toBeInstanceOf(RangeError)
  expect(store.failing).toBeUndefined()
  await store.stop()
  expect(projected.at(-1)).toBe(journal.durable_lsn)
  expect(await errorOf(store.log())).toMatchObject({ code: 'store_gone' })
  journal.close()

  const again = await startStore(data.path, { projected: () => undefined })
  expect(again.recovered).toMatchObject({ watermark_lsn: journal.durable_lsn, log: { size: 1 } })
  expect(again.recovered.open_sessions).toMatchObject([{ id: session.id, records: 3 }])
  await again.stop()
})

test('a session that was open and is damaged is named, and the others are recovered', async () => {
  using data = new DataDirectory()
  const sessions = [1, 2].map((number) => new RecordedSession(number))
  data.write(sessions.flatMap((session) => [...session.start(), session.output('text')]))
  await (await startStore(data.path, { projected: () => undefined })).stop()
  const database = openDatabase(join(data.path, database_name))
  database.connection.exec(
    `UPDATE chunk SET bytes = substr(bytes, 1, length(bytes) - 3) WHERE session_no = 1`,
  )
  database.connection.close()
  const again = await startStore(data.path, { projected: () => undefined })
  const { open_sessions, unreadable } = again.recovered
  expect(open_sessions.map(({ id }) => id)).toEqual([sessions[1]?.id ?? ''])
  expect(unreadable).toEqual([
    { id: sessions[0]?.id ?? '', reason: expect.stringContaining('record 1 is cut') },
  ])
  await again.stop()
}, 60_000)

test('a database that is none is refused in one line', async () => {
  using data = new DataDirectory()
  writeFileSync(join(data.path, database_name), 'x'.repeat(40_000))
  const refused = await errorOf(startStore(data.path, { projected: () => undefined }))
  expect(refused).toBeInstanceOf(StoreError)
  expect(refused).toMatchObject({ code: 'store_damaged' })
})

test('a data directory belongs to one process, until that is gone', async () => {
  using data = new DataDirectory()
  const holder = Bun.spawn(
    [
      process.execPath,
      '-e',
      `import { lockDataDirectory } from ${JSON.stringify(join(import.meta.dir, 'lock.ts'))}
       console.log(lockDataDirectory(${JSON.stringify(data.path)}).ok)
       // Nothing here refers to the lock any more.
       Bun.gc(true)
       setInterval(() => Bun.gc(true), 10)
       setTimeout(() => console.log('held'), 50)`,
    ],
    { stdout: 'pipe', stderr: 'inherit' },
  )
  try {
    let said = ''
    for await (const bytes of holder.stdout) {
      said += Buffer.from(bytes).toString()
      if (said.endsWith('held\n')) break
    }
    expect(said).toBe('true\nheld\n')
    expect(lockDataDirectory(data.path)).toMatchObject({ ok: false, code: 'data_locked' })
  } finally {
    holder.kill('SIGKILL')
    await holder.exited
  }
  const lock = lockDataDirectory(data.path)
  expect(lock.ok).toBe(true)
  // The same process is a second one too.
  expect(lockDataDirectory(data.path).ok).toBe(false)
  if (lock.ok) lock.release()
  const next = lockDataDirectory(data.path)
  expect(next.ok).toBe(true)
  if (next.ok) next.release()
})
