/**
 * The store's Worker: projects the journal, and answers between two slices of that.
 *
 * @module
 */
import { join } from 'node:path'
import { JournalError } from '../journal/errors.ts'
import { openDatabase } from './database.ts'
import { StoreError } from './errors.ts'
import { database_name } from './layout.ts'
import { catch_up_ms, recovering_told_ms } from './limits.ts'
import type { Failure, FromStore, Question, ToStore } from './messages.ts'
import { yieldToOthers } from './priority.ts'
import { Projection } from './projection.ts'
import { Queries } from './queries.ts'
import type { RecordPage } from './reader.ts'
import { recover } from './recover.ts'

declare const self: Worker

let projection: Projection | undefined
let queries: Queries | undefined

yieldToOthers()

self.onmessage = ({ data }: MessageEvent<ToStore>) => {
  switch (data.kind) {
    case 'open':
      open(data.data, data.key)
      return
    case 'durable':
      projection?.durable(data.lsn)
      return
    case 'ask':
      answer(data.id, data)
      return
    case 'stop':
      projection?.close()
      post({ kind: 'stopped' })
  }
}

function open(data: string, key: Uint8Array | undefined): void {
  try {
    const database = openDatabase(join(data, database_name), key)
    projection = new Projection(
      database,
      data,
      {
        projected: (lsn) => post({ kind: 'projected', lsn }),
        lagging: (reason) => post({ kind: 'lagging', reason }),
      },
      key,
    )
    let said_ms = performance.now()
    projection.recover((bytes) => {
      const now_ms = performance.now()
      if (now_ms - said_ms < recovering_told_ms) return
      said_ms = now_ms
      post({ kind: 'recovering', bytes })
    })
    queries = new Queries(database)
    post({ kind: 'opened', recovered: recover(queries) })
  } catch (error) {
    post({ kind: 'refused', error: failureOf(error) })
  }
}

function answer(id: number, question: Question): void {
  try {
    if (queries === undefined) throw new StoreError('store_gone', 'the store is not open')
    projection?.catchUp(catch_up_ms)
    const value = ask(queries, question)
    if (question.method !== 'records') {
      post({ kind: 'answer', id, value })
      return
    }
    const { page, buffer } = packed(value as RecordPage) // The answer to `records`.
    post({ kind: 'answer', id, value: page }, [buffer])
  } catch (error) {
    post({ kind: 'unanswered', id, error: failureOf(error) })
  }
}

function ask(from: Queries, question: Question): unknown {
  switch (question.method) {
    case 'due':
      return from.due(...question.parameters)
    case 'erasedBy':
      return from.erasedBy(...question.parameters)
    case 'sessions':
      return from.sessions(...question.parameters)
    case 'session':
      return from.session(...question.parameters)
    case 'records':
      return from.records(...question.parameters)
    case 'document':
      return from.document(...question.parameters)
    case 'documents':
      return from.documents(...question.parameters)
    case 'log':
      return { size: from.logSize(), checkpoint: from.checkpoint() }
    case 'logEntries':
      return from.logEntries(...question.parameters)
    case 'logHashes':
      return from.logHashes(...question.parameters)
  }
}

/** One buffer for all records, which can then be transferred. */
function packed({ records, ...rest }: RecordPage): { page: RecordPage; buffer: ArrayBuffer } {
  const bytes = new Uint8Array(records.reduce((sum, each) => sum + each.length, 0))
  let at = 0
  const views = records.map((stored) => {
    bytes.set(stored, at)
    at += stored.length
    return bytes.subarray(at - stored.length, at)
  })
  return { page: { ...rest, records: views }, buffer: bytes.buffer }
}

function failureOf(error: unknown): Failure {
  if (error instanceof StoreError) return { code: error.code, message: error.message }
  if (error instanceof JournalError)
    return {
      code: error.code === 'journal_io' ? 'store_io' : 'store_damaged',
      message: error.message,
    }
  if (error instanceof RangeError) return { code: 'cursor', message: error.message }
  return { code: 'store_io', message: error instanceof Error ? error.name : 'unknown' }
}

function post(message: FromStore, transfer: ArrayBuffer[] = []): void {
  self.postMessage(message, transfer)
}
