/** What an auditor's key opens of a session, and what it never prints. */
import { afterAll, describe, expect, test } from 'bun:test'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBase64, toHex } from '../../storage/evidence/bytes.ts'
import { encodeRecord } from '../../storage/evidence/record.ts'
import { auditedEvidence, raw } from '../../storage/verify/audited-fixture.ts'
import { storeEvidence } from './stored-fixture.ts'
import { createWorkplace } from './workplace.ts'

const { folder, sluice, remove } = createWorkplace()
afterAll(remove)
const { writer, session, record } = await auditedEvidence()
const stored = await storeEvidence(writer)
afterAll(stored.remove)
const { data, key } = stored
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content)
  return name
}
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const unseal = (...words: readonly string[]) =>
  sluice(['unseal', session.id, '--data', data, ...words])

/** Each word is a process, which a busy machine takes its time for. */
const timeout_ms = 60_000

describe('unseal', () => {
  test(
    'prints the digests as sha256sum would, each with what the record says of it',
    async () => {
      const { code, out, err } = await unseal('--key', key)
      expect(code, err).toBe(0)
      expect(out).toContain(`${sha256(raw.clear)}  3/output  agrees with the recorded bytes`)
      expect(out).toContain(`${sha256(raw.masked)}  2/output  masked in part`)
      expect(out).toContain(`${sha256('echo hunter22x\r')}  1/input  not all of it is on record`)
      expect(out).toContain(
        `${sha256(raw.file)}  3/transfer-1  download of /srv/file: agrees with the digest on record`,
      )
      expect(err).toContain('ada, by public_key of keys')
      expect(err).toContain("those of the session's manifest")
      // Of the echoed keys those whose text is shown: the five of "echo ".
      expect(err).toContain('5 of 20 commitments checked')
    },
    timeout_ms,
  )

  test(
    'never prints a key, the salt, the proof or a masked value',
    async () => {
      const { salt, sealing_key, hmac_key } = session.secrets
      for (const words of [[], ['--json'], ['--raw', `2/output=${file('raw-out', raw.masked)}`]]) {
        const { out, err } = await unseal('--key', key, ...words)
        for (const bytes of [salt, sealing_key, hmac_key])
          for (const text of [toHex(bytes), toBase64(bytes), toBase64(bytes).slice(4, 30)])
            expect(out + err).not.toContain(text)
        for (const value of [
          'hunter22x',
          '4111111111111111',
          's3cr3t',
          'c2ln',
          writer.auditor.d ?? 'x',
        ])
          expect(out + err).not.toContain(value)
      }
    },
    timeout_ms,
  )

  test(
    'with the raw bytes of a stream, each of its masks is checked',
    async () => {
      const claims = [
        `2/output=${file('masked', raw.masked)}`,
        `2/command=${file('command', raw.command)}`,
        `1/output=${file('terminal', raw.terminal)}`,
      ]
      const words = claims.flatMap((claim) => ['--raw', claim])
      const { code, out, err } = await unseal('--key', key, '--json', ...words)
      expect(code, err).toBe(0)
      const found = JSON.parse(out)
      // All but the mask in what was typed, whose offsets count recorded lines alone.
      expect(found.commitments).toEqual({ all: 20, checked: 19 })
      expect(found.records).toEqual({ count: session.tree.size, is_whole: true })
      expect(found.streams).toHaveLength(9)
      expect(found.streams).toContainEqual({
        ...{ channel: 2, stream: 1, sha256: sha256(raw.masked), check: 'same' },
        record: record + 2,
      })
    },
    timeout_ms,
  )

  test(
    'other bytes than the committed ones are named: shown, hidden, missing',
    async () => {
      for (const [name, content, says] of [
        [
          'shown',
          raw.masked.replace('public', 'PUBLIC'),
          `record ${record} shows other bytes at 0`,
        ],
        ['hidden', raw.masked.replace('4111', '4112'), `record ${record} hides other bytes at 19`],
        ['short', raw.masked.slice(0, 50), `record ${record} hides bytes at 50`],
      ] as const) {
        const { code, out, err } = await unseal(
          '--key',
          key,
          '--raw',
          `2/output=${file(name, content)}`,
        )
        expect(code).toBe(1)
        expect(err).toContain(says)
        expect(err).toContain('the sealed digest of stream 1 of channel 2 is not that of its bytes')
        expect(out).toContain(`${sha256(raw.masked)}  2/output  DIFFERENT`)
      }
    },
    timeout_ms,
  )

  test(
    'a digest or a commitment that the gateway sealed wrongly is found',
    async () => {
      const lying = await auditedEvidence({
        digest: sha256('another output'),
        committed: '4222222222222222',
      })
      const other = await storeEvidence(lying.writer)
      try {
        const words = ['unseal', lying.session.id, '--data', other.data, '--key', other.key]
        const plain = await sluice(words)
        expect(plain.code).toBe(1)
        expect(plain.err).toContain(
          'the sealed digest of stream 1 of channel 3 is not that of its bytes',
        )
        const claimed = await sluice([...words, '--raw', `2/output=${file('honest', raw.masked)}`])
        expect(claimed.err).toContain(`record ${lying.record} hides other bytes at 19`)
      } finally {
        other.remove()
      }
    },
    timeout_ms,
  )

  test(
    'of a long stream what the records show needs no digest, and what comes behind it has one',
    async () => {
      const rest_from = raw.masked.indexOf('number')
      const rest = sha256(raw.masked.slice(rest_from))
      const claim = ['--raw', `2/output=${file('long', raw.masked)}`]
      for (const [digest, words, code, says] of [
        [rest, [], 0, 'masked in part'],
        [rest, claim, 0, 'agrees with'],
        [sha256(raw.masked), claim, 1, 'DIFFERENT'],
      ] as const) {
        const long = await auditedEvidence({ rest_from, digest })
        const other = await storeEvidence(long.writer)
        try {
          const found = await sluice([
            ...['unseal', long.session.id, '--data', other.data, '--key', other.key, ...words],
          ])
          expect(found.code, found.err).toBe(code)
          expect(found.out).toContain(
            `${digest}  2/output from byte ${rest_from} on, all before it is on record  ${says}`,
          )
          expect(found.out).toContain(`${sha256(raw.clear)}  3/output  agrees with the recorded`)
          expect(found.out).toContain(`${sha256('')}  3/error  agrees with the recorded`)
        } finally {
          other.remove()
        }
      }
    },
    timeout_ms,
  )

  test(
    'a record that was changed, and a sealed value of another record, are found',
    async () => {
      const tampered = await auditedEvidence()
      const { records } = tampered.session
      const text = Buffer.from(records[tampered.record] ?? []).toString('latin1')
      records[tampered.record] = Buffer.from(text.replace('public', 'PUBLIC'), 'latin1')
      const place = { v: 1, session: tampered.session.id, seq: records.length - 2 } as const
      const at = records.findLastIndex((each) => Buffer.from(each).includes('"kind":"sealed"'))
      const payload = Buffer.alloc(40, 7)
      const facts = { kind: 'sealed', channel: 3, what: 'raw_sha256' } as const
      records[at] = encodeRecord(
        { ...place, seq: at, t_us: tampered.writer.now_us, ...facts },
        payload,
      )
      const other = await storeEvidence(tampered.writer)
      try {
        const { code, err } = await sluice([
          ...['unseal', tampered.session.id, '--data', other.data, '--key', other.key],
        ])
        expect(code).toBe(1)
        expect(err).toContain("the records do not give the root of the session's manifest")
        expect(err).toContain(
          `record ${at} holds a sealed value that the session's key does not open`,
        )
      } finally {
        other.remove()
      }
    },
    timeout_ms,
  )

  test(
    'of an envelope alone says whose it is',
    async () => {
      const start = writer.stored.entries
        .map((entry) => JSON.parse(Buffer.from(entry).toString()))
        .find(({ type, id }) => type === 'session.started' && id === session.id)
      const document = Buffer.from(writer.stored.documents.get(start.digest) ?? []).subarray(32)
      const { envelope } = JSON.parse(document.toString())
      const name = file('envelope.json', writer.stored.documents.get(envelope) ?? '')
      const { code, out } = await sluice(['unseal', name, '--key', key])
      expect(code).toBe(0)
      expect(out).toContain(`the envelope of session ${session.id} opens with this key`)
      expect((await sluice(['unseal', name, '--key', key, '--raw', '1/output=x'])).code).toBe(2)
      const nonsense = await sluice(['unseal', file('nonsense', '{}'), '--key', key])
      expect([nonsense.code, nonsense.err]).toEqual([
        1,
        'sluice unseal: this is no sealed envelope\n',
      ])
    },
    timeout_ms,
  )

  test(
    'says in one line why a key does not do',
    async () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const stranger = file('stranger.jwk', JSON.stringify(privateKey.export({ format: 'jwk' })))
      const only_public = file('public.jwk', JSON.stringify(publicKey.export({ format: 'jwk' })))
      const rsa = file('rsa.jwk', '{"kty":"RSA","d":"AAAA"}')
      for (const [words, code, says] of [
        [['--key', stranger], 1, 'the envelope is sealed to'],
        [['--key', only_public], 1, 'this is a public key'],
        [['--key', file('text', 'secret words')], 1, 'this is not a JWK'],
        [['--key', rsa], 1, 'expected a key on P-256 or X25519'],
        [['--key', 'nowhere'], 1, 'nowhere: no such file'],
        [[], 2, '--key JWK is missing'],
        [['--key', key, '--raw', '1/screen=x'], 2, '--raw is N/input'],
        [['--key', key, '--raw', '1/output=nowhere'], 1, 'nowhere: no such file'],
      ] as const) {
        const found = await unseal(...words)
        expect(found.code).toBe(code)
        expect(found.err).toContain(says)
        expect(found.err).not.toContain('secret words')
      }
    },
    timeout_ms,
  )
})
