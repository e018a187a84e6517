import { describe, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { tapBench } from './fixture.ts'
import { MessageTap } from './message.ts'
import { Transfers } from './transfers.ts'

const secret = ['ghp', '_', 'x7Rk2mPq9LwZ4tYb8NcV1sDf6GhJ3aEu5QiO'].join('')
const stars = '*'.repeat(secret.length)
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'))
const sha256 = (text: string): string => createHash('sha256').update(bytes(text)).digest('hex')
/** A part of a message: text, or what stands around it. */
const part = fc.record({
  text: fc.boolean(),
  value: fc.constantFrom(
    secret,
    secret.slice(0, 20),
    'name',
    '',
    '\0\0\0\x05',
    `a ${secret} b ${secret}`,
  ),
})

describe('messages', () => {
  test('each text is masked for itself, to its length; the rest stays; records follow each other', () => {
    let masked = 0
    fc.assert(
      fc.property(
        fc.array(fc.array(part, { minLength: 1, maxLength: 6 }), { maxLength: 5 }),
        (all) => {
          for (const stream of [0, 1] as const) {
            const bench = tapBench()
            const tap = new MessageTap(1, stream, bench.engine, bench.sink)
            let offset = 0
            let wanted = ''
            let said = ''
            for (const parts of all) {
              const text = parts.map(({ value }) => value).join('')
              let at = 0
              const fields = parts.flatMap(({ text: is_text, value }) => {
                const start = at
                at += value.length
                return is_text ? [{ start, end: at }] : []
              })
              wanted += parts
                .map(({ text: is_text, value }) =>
                  is_text ? value.replaceAll(secret, stars) : value,
                )
                .join('')
              said += text
              tap.push(bytes(text), fields)
              const { facts, payload } = bench.records.at(-1) ?? { payload: '' }
              if (facts?.kind !== 'output' && facts?.kind !== 'stdin') throw new Error('no record')
              expect([facts.offset, facts.length]).toEqual([offset, text.length])
              for (const span of facts.spans) {
                expect(payload.slice(span.at, span.at + span.n)).toMatch(/^\*+$/)
                // A commitment is to the bytes at that place of the stream.
                expect(span.offset).toBe(offset + span.at)
                expect(span.commitment).toBe(`1/${stream}/${span.offset}/${span.length}`)
                masked += 1
              }
              offset += text.length
            }
            expect(bench.records.map(({ payload }) => payload).join('')).toBe(wanted)
            expect(bench.shown[1]).toBe(stream === 1 ? wanted : '')
            expect(tap.close()).toBe(sha256(said))
          }
        },
      ),
    )
    expect(masked).toBeGreaterThan(0)
  })
})

describe('transfers', () => {
  const hmac_key = new Uint8Array(32).fill(7)
  const open = (scan: boolean) => {
    const bench = tapBench()
    const sealed: string[] = []
    const transfers = new Transfers({
      ...{ channel: 1, maskers: bench.engine, sink: bench.sink, hmac_key },
      seal: (what, value) => sealed.push(`${what} ${JSON.stringify(value)}`),
    })
    const begin = (transfer: number): void =>
      transfers.begin({
        ...{ kind: 'transfer_start', transfer, tool: 'sftp', direction: 'download', scan },
        path: bytes(`/x/${secret}`),
      })
    const pass = (transfer: number, text: string): string | undefined =>
      transfers.pass(bytes(`<${text}>`), [{ transfer, start: 1, end: 1 + text.length }])
    const end = (transfer: number): string | undefined =>
      transfers.end({
        ...{ kind: 'transfer', transfer, outcome: 'complete', offset: 3, in_order: true },
      })
    const last = () => bench.records.at(-1)?.facts
    return { transfers, begin, pass, end, last, sealed, records: bench.records }
  }

  test('the digest is keyed, over what passed in its order; the plain one is sealed', () => {
    const { begin, pass, end, last, sealed, records } = open(false)
    begin(1)
    expect(pass(1, 'one ')).toBeUndefined()
    expect(pass(1, secret)).toBeUndefined()
    expect(end(1)).toBeUndefined()
    const plain = sha256(`one ${secret}`)
    expect(sealed).toEqual([`transfer_sha256 ${JSON.stringify({ transfer: 1, sha256: plain })}`])
    const digest = createHmac('sha256', hmac_key)
      .update('sluice-transfer-v1')
      .update(Buffer.from(plain, 'hex'))
      .digest('hex')
    expect(last()).toMatchObject({
      ...{ kind: 'transfer', path: `/x/${stars}`, outcome: 'complete', digest },
      ...{ offset: 3, length: 4 + secret.length, in_order: true },
    })
    expect(JSON.stringify(records)).not.toContain(secret)
  })

  test('a finding stops it, in one piece or across several, or at its very end', () => {
    for (const pieces of [
      [`a ${secret} b`],
      ['a ', secret.slice(0, 9), `${secret.slice(9)} b`],
      [secret],
    ]) {
      const { begin, pass, end, last } = open(true)
      begin(1)
      const said =
        pieces.map((piece) => pass(1, piece)).find((each) => each !== undefined) ?? end(1)
      expect(said).toBe(
        `download of /x/${stars} was stopped: it holds what the rule github-token names`,
      )
      expect(last()).toMatchObject({ kind: 'transfer', outcome: 'stopped', rule: 'github-token' })
    }
  })

  test('content that belongs to no transfer does not pass', () => {
    const { begin, pass, end } = open(false)
    expect(pass(1, 'x')).toBe('content came that belongs to no transfer')
    begin(1)
    end(1)
    expect(pass(1, 'x')).toBe('content came that belongs to no transfer')
  })

  test('what is open when its channel ends broke off, or held a finding', () => {
    for (const [scan, outcome] of [
      [false, 'incomplete'],
      [true, 'stopped'],
    ] as const) {
      const { transfers, begin, pass, last } = open(scan)
      begin(1)
      pass(1, secret)
      transfers.close()
      expect(last()).toMatchObject({ kind: 'transfer', outcome })
    }
  })
})
