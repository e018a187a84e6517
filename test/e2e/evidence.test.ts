/**
 * What is left of a session: the CLI, the API and the auditor's sealed values all agree with what was shown.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { createHash, type JsonWebKey, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command_stream, spanNonce, verifySpan } from '../../storage/evidence/commitment.ts'
import { type EnvelopeContent, openEnvelope } from '../../storage/evidence/envelope.ts'
import { decodeRecord, type RecordHeader } from '../../storage/evidence/record.ts'
import { openValue } from '../../storage/evidence/seal.ts'
import { openDatabase } from '../../storage/store/database.ts'
import { database_name } from '../../storage/store/layout.ts'
import { openReader } from '../../storage/store/reader.ts'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded, outputOf, type StoredRecord } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'
import { filesWith } from '../fixture/search.ts'
import { runSsh, type SshResult } from '../fixture/ssh.ts'

const needs = [ssh, sshd, ssh_keygen]

describe('the evidence of a session', () => {
  const in_output = secretToken()
  const in_errors = secretToken()
  const in_command = secretToken()
  const in_stdin = secretToken()
  let guarded: Guarded
  /** What the target printed, as files on its disk. */
  let out_file = ''
  let err_file = ''
  let stdin: Buffer
  let ran: SshResult
  let id = ''
  let records: readonly StoredRecord[]
  let bearer = ''

  beforeAll(async () => {
    guarded = await openGuarded()
    out_file = join(guarded.dir, 'out')
    err_file = join(guarded.dir, 'err')
    const filler = randomBytes(60_000).toString('base64').replace(/.{64}/g, '$&\n')
    // A second one right behind, to see that neither offset nor text of the first shifts it.
    writeFileSync(out_file, `begin\n${filler}\ntoken ${in_output} ${in_output}\nend\n`)
    writeFileSync(err_file, `only here: ${in_errors}\n`)
    stdin = Buffer.from(`to the target: ${in_stdin}\n${filler}`)
    ran = await runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [guarded.client.file],
      options: ['-o', 'LogLevel=ERROR'],
      command: `: ${in_command}; cat > ${guarded.dir}/got; cat ${out_file}; cat ${err_file} >&2; exit 9`,
      stdin,
    })
    const [session] = await guarded.sessions()
    id = session?.id ?? ''
    records = await guarded.records(id)
    const token = await sluice(['token', '--data', guarded.data, '--role', 'auditor'])
    bearer = token.stdout.trim()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  const kinds = <K extends RecordHeader['kind']>(kind: K) =>
    records.flatMap(({ header, payload }) =>
      header.kind === kind
        ? [{ header: header as Extract<RecordHeader, { kind: K }>, payload }]
        : [],
    )
  const api = (path: string): Promise<Response> =>
    fetch(`${guarded.gateway.api}/api/sessions/${id}${path}`, {
      headers: { authorization: `Bearer ${bearer}` },
    })
  const envelope = async (): Promise<EnvelopeContent> => {
    const [start] = kinds('start')
    const reader = openReader(guarded.data)
    try {
      const sealed = await reader.document(start?.header.envelope ?? '')
      const key = readFileSync(join(guarded.dir, 'gateway/auditor.private.jwk'), 'utf8')
      const opened = await openEnvelope(sealed?.bytes ?? nothing, JSON.parse(key) as JsonWebKey)
      if (!opened.ok) throw new Error(opened.reason)
      return opened.content
    } finally {
      reader.close()
    }
  }

  testWith(needs, 'what ran: masked for the user, whole for the target', () => {
    expect(ran.code).toBe(9)
    expect(ran.stdout.length).toBe(readFileSync(out_file).length)
    expect(ran.stdout.toString()).toMatch(/^begin\n[^]*\ntoken \S+ \S+\nend\n$/)
    expect(ran.stdout.toString()).not.toContain(in_output)
    expect(ran.stderr).not.toContain(in_errors)
    expect(readFileSync(join(guarded.dir, 'got')).equals(stdin)).toBe(true)
  })

  testWith(needs, 'no secret is on the disk', () => {
    for (const secret of [in_output, in_errors, in_command, in_stdin])
      expect(filesWith(guarded.data, secret)).toEqual([])
    expect(filesWith(guarded.data, 'only here: ')).not.toEqual([])
  })

  testWith(needs, 'the records are what the user saw', () => {
    expect(Buffer.from(outputOf(records, 1)).equals(ran.stdout)).toBe(true)
    expect(Buffer.from(outputOf(records, 2)).toString()).toBe(ran.stderr)
  })

  testWith(needs, 'sluice show names who, where, what and how it ended', async () => {
    const shown = await sluice(['show', id, '--data', guarded.data])
    expect(shown.code, shown.stderr).toBe(0)
    expect(shown.stdout).toContain('ann (staff), by public_key of keys')
    expect(shown.stdout).toContain(`${guarded.target.account}@web-1 over ssh`)
    expect(shown.stdout).toContain(guarded.target.address)
    expect(shown.stdout).toContain(`cat ${out_file}`)
    expect(shown.stdout).toContain('status 9')
    expect(shown.stdout).not.toContain(in_command)
  })

  testWith(needs, 'sluice replay plays it', async () => {
    const played = await sluice(['replay', id, '--data', guarded.data, '--instant'])
    expect(played.code, played.stderr).toBe(0)
    const screen = played.stdout.replaceAll('\r', '')
    expect(screen).toContain(ran.stdout.toString())
  })

  testWith(needs, 'the API gives the stored records, byte for byte', async () => {
    const found: Buffer[] = []
    let from: number | undefined = 0
    while (from !== undefined) {
      const response = await api(`/records?from=${from}&limit_bytes=40000`)
      expect(response.status).toBe(200)
      const page = (await response.json()) as { records: { stored: string }[]; next?: number }
      found.push(...page.records.map(({ stored }) => Buffer.from(stored, 'base64')))
      from = page.next
    }
    const decoded = found.map((stored) => {
      const record = decodeRecord(new Uint8Array(stored))
      if (!record.ok) throw new Error(record.reason)
      return record
    })
    expect(decoded.map(({ header }) => header)).toEqual(records.map(({ header }) => header))
    expect(digest(decoded)).toBe(digest(records))
  })

  testWith(needs, 'the API gives the lines that were printed', async () => {
    const response = await api('/lines')
    expect(response.status).toBe(200)
    const lines = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    const of = (stream: number): string =>
      lines.flatMap((line) => (line.stream === stream ? [`${line.text}\n`] : [])).join('')
    // Empty lines are left out.
    expect(of(1)).toBe(ran.stdout.toString().replace(/\n+/g, '\n'))
    expect(of(2)).toBe(ran.stderr)
    expect(new Set(lines.map(({ subject }) => subject))).toEqual(new Set(['ann']))
  })

  testWith(needs, 'the API gives a cast that any player can play', async () => {
    const response = await api('/cast')
    expect(response.status).toBe(200)
    const [head = '', ...events] = (await response.text()).trim().split('\n')
    expect(JSON.parse(head)).toMatchObject({ version: 3 })
    const played = events
      .map((line) => JSON.parse(line) as [number, string, string])
      .flatMap(([, code, data]) => (code === 'o' ? [data] : []))
      .join('')
    expect(played.replaceAll('\r', '')).toContain(ran.stdout.toString())
  })

  testWith(needs, 'nobody reads it without a token', async () => {
    for (const path of ['', '/records', '/lines', '/cast'])
      expect((await fetch(`${guarded.gateway.api}/api/sessions/${id}${path}`)).status).toBe(401)
  })

  testWith(needs, 'the auditor opens the digests of the raw streams', async () => {
    const { sealing_key, session } = await envelope()
    expect(session).toBe(id)
    const [sealed] = kinds('sealed')
    const { seq = -1 } = sealed?.header ?? {}
    const opened = openValue(sealing_key, seq, sealed?.payload ?? nothing)
    const { sha256 } = JSON.parse(Buffer.from(opened ?? []).toString()) as {
      sha256: Record<string, string>
    }
    // Not our own hash of it: the tool that an auditor has.
    const sums = await Bun.$`sha256sum ${guarded.dir}/got ${out_file} ${err_file}`.text()
    const [of_stdin, of_out, of_err] = sums.split('\n').map((line) => line.slice(0, 64))
    expect(sha256).toEqual({ '0': of_stdin, '1': of_out, '2': of_err } as Record<string, string>)
    expect(openValue(sealing_key, seq + 1, sealed?.payload ?? nothing)).toBeUndefined()
    const other = new Uint8Array(sealing_key).fill(1)
    expect(openValue(other, seq, sealed?.payload ?? nothing)).toBeUndefined()
  })

  testWith(needs, 'each mask is a commitment to what it hides', async () => {
    const { salt } = await envelope()
    const channel = kinds('channel')[0]?.header.channel ?? 0
    const spans = [
      ...kinds('output').map(({ header }) => header),
      ...kinds('stdin').map(({ header }) => ({ stream: 0, ...header })),
      ...kinds('command').map(({ header }) => ({ stream: command_stream, ...header })),
    ].flatMap((record) => record.spans.map((span) => ({ stream: record.stream, ...span })))
    const hidden: Readonly<Record<number, string>> = {
      0: in_stdin,
      1: in_output,
      2: in_errors,
      [command_stream]: in_command,
    }
    expect(spans.map(({ stream }) => stream).toSorted((a, b) => a - b)).toEqual([
      0,
      1,
      1,
      2,
      command_stream,
    ])
    for (const { stream, offset, length, commitment } of spans) {
      const raw = Buffer.from(hidden[stream] ?? '')
      const nonce = spanNonce(salt, id, channel, stream, offset)
      expect(length).toBe(raw.length)
      expect(verifySpan(commitment, nonce, raw)).toBe(true)
      expect(verifySpan(commitment, nonce, Buffer.from(secretToken()))).toBe(false)
      const elsewhere = spanNonce(salt, id, channel, stream, offset + 1)
      expect(verifySpan(commitment, elsewhere, raw)).toBe(false)
    }
  })

  testWith(
    needs,
    'sluice unseal prints those digests, and proves every mask by the bytes',
    async () => {
      const key = join(guarded.dir, 'gateway/auditor.private.jwk')
      const number = String(kinds('channel')[0]?.header.channel)
      const command = join(guarded.dir, 'command')
      writeFileSync(
        command,
        `: ${in_command}; cat > ${guarded.dir}/got; cat ${out_file}; cat ${err_file} >&2; exit 9`,
      )
      const files = {
        input: join(guarded.dir, 'got'),
        output: out_file,
        error: err_file,
        command,
      }
      const claims = Object.entries(files).flatMap(([name, file]) => [
        '--raw',
        `${number}/${name}=${file}`,
      ])
      const words = ['unseal', id, '--data', guarded.data, '--key', key]
      const opened = await sluice([...words, ...claims])
      expect(opened.code, opened.stderr).toBe(0)
      expect(opened.stderr).toContain('proof by ssh_signature, as its start document names it')
      expect(opened.stderr).toContain('5 of 5 commitments checked')
      const sums = await Bun.$`sha256sum ${files.input} ${files.output} ${files.error}`.text()
      expect(opened.stdout.split('\n').map((line) => line.slice(0, 64))).toEqual(
        sums.split('\n').map((line) => line.slice(0, 64)),
      )
      const wrong = await sluice([...words, '--raw', `${number}/output=${files.input}`])
      expect(wrong.code).toBe(1)
      for (const secret of [in_output, in_errors, in_command, in_stdin])
        expect(opened.stdout + opened.stderr + wrong.stdout + wrong.stderr).not.toContain(secret)
    },
  )

  testWith(needs, 'all of it verifies', async () => {
    await guarded.trust()
    const verified = await guarded.verify()
    expect(verified.code, verified.stdout + verified.stderr).toBe(0)
  })

  testWith(
    needs,
    'who it was, where and how it ended cannot be changed in the list alone',
    async () => {
      expect(await guarded.gateway.stop()).toBe(0)
      const { connection } = openDatabase(join(guarded.data, database_name))
      try {
        for (const [column, value] of [
          ['subject', 'bob'],
          ['groups', '["admins"]'],
          ['target', 'web-2'],
          ['labels', '{"env":"none"}'],
          ['started_us', 1],
          ['end_reason', 'target'],
          ['records', 1],
        ] as const) {
          const [before] = connection
            .prepare(`SELECT ${quoted(column)} FROM session`)
            .raw()
            .all() as [[string | number]]
          const set = connection.prepare(`UPDATE session SET ${quoted(column)} = ?`)
          set.run(value)
          const verified = await guarded.verify()
          set.run(before[0])
          expect(verified.code, column).toBe(1)
          const { findings } = JSON.parse(verified.stdout) as {
            readonly findings: readonly {
              readonly severity: string
              readonly code: string
              readonly session?: string
              readonly message?: string
            }[]
          }
          const failures = findings.filter(({ severity }) => severity === 'failure')
          // Other lists are made from this one.
          expect(failures.filter(({ code }) => code !== 'derived_edited')).toEqual([
            {
              severity: 'failure',
              code: 'session_listed_wrong',
              session: id,
              message: expect.stringContaining(`with another ${column} than`),
            },
          ])
        }
      } finally {
        connection.close()
      }
      const whole = await guarded.verify()
      expect(whole.code, whole.stdout + whole.stderr).toBe(0)
    },
  )
})

const quoted = (column: string): string => `"${column}"`

interface Line {
  readonly subject: string
  readonly stream: number
  readonly text: string
}

const nothing = new Uint8Array()

/** Of the form of a forge's token, and nobody's. */
function secretToken(): string {
  const letters = randomBytes(64).toString('base64').replace(/[+/=]/g, '')
  return `${'gh'}p_${letters.slice(0, 36)}`
}

/** A difference in megabytes is no message. */
function digest(records: readonly { readonly payload: Uint8Array }[]): string {
  const hash = createHash('sha256')
  for (const { payload } of records) hash.update(`${payload.length}\n`).update(payload)
  return hash.digest('hex')
}
