/**
 * The released format is read for ever: everything in `vector/v1.json` decodes, and encodes again to the
 * same bytes. When this fails, the code is wrong, not the vector.
 *
 * @module
 */
import { describe, expect, test } from 'bun:test'
import { isObject, sha256, toHex } from './bytes.ts'
import { checkpointText, parseCheckpoint } from './checkpoint.ts'
import { spanNonce, verifySpan } from './commitment.ts'
import { digestOf, makeDocument, openDocument } from './document.ts'
import { openEnvelope, thumbprint } from './envelope.ts'
import { openLeafList } from './leaf-list.ts'
import { decodeLogEntry, encodeLogEntry, type LogEntry } from './log-entry.ts'
import { readManifest, readRunningDocument, readStartDocument, repeatsStart } from './manifest.ts'
import { leafHash, MerkleTree, storedHashes } from './merkle.ts'
import { noteSigner, noteVerifier, openNote, signNote } from './note.ts'
import { envelopeRecipients } from './recipients.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import { openValue } from './seal.ts'
import { encodeTrust, parseTrust } from './trust.ts'
import vector from './vector/v1.json' with { type: 'json' }

const unbase64 = (text: string): Uint8Array => Buffer.from(text, 'base64')
const unhex = (text: string): Uint8Array => Buffer.from(text, 'hex')
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const documents = new Map(Object.entries(vector.documents).map(([name, b]) => [name, unbase64(b)]))
const documentOf = (digest: string): Uint8Array => documents.get(digest) ?? new Uint8Array()
const factsOf = (type: string): Readonly<Record<string, unknown>>[] =>
  vector.entries
    .map((entry) => JSON.parse(entry))
    .filter((entry) => entry.type === type)
    .map((entry) => openDocument(documentOf(entry.digest)) ?? {})

describe('sluice/evidence v1', () => {
  test('records: every kind, read and written to the same bytes, under their root', () => {
    const kinds = new Set<string>()
    for (const { id, records, root } of vector.sessions) {
      const tree = new MerkleTree()
      for (const [seq, text] of records.entries()) {
        const stored = unbase64(text)
        const decoded = decodeRecord(stored)
        if (!decoded.ok) throw new Error(decoded.reason)
        expect(decoded.header).toMatchObject({ v: 1, session: id, seq })
        expect(toHex(encodeRecord(decoded.header, decoded.payload))).toBe(toHex(stored))
        tree.append(leafHash(stored))
        kinds.add(decoded.header.kind)
      }
      expect(toHex(tree.root())).toBe(root)
    }
    expect([...kinds].toSorted()).toEqual([
      'channel',
      'channel_end',
      'command',
      'dialled',
      'echo',
      'echo_text',
      'end',
      'eof',
      'exit',
      'exit_signal',
      'failed',
      'input',
      'input_opaque',
      'input_text',
      'output',
      'resize',
      'sealed',
      'signal',
      'start',
      'stdin',
      'verdict',
    ])
  })

  test('the log: entries, stored hashes, root, checkpoint', () => {
    const tree = new MerkleTree()
    const hashes: Uint8Array[] = []
    for (const [index, text] of vector.entries.entries()) {
      const entry = decodeLogEntry(utf8(text))
      if (entry === undefined) throw new Error(`entry ${index}`)
      expect(Buffer.from(encodeLogEntry(entry as LogEntry)).toString()).toBe(text)
      const read = (places: readonly number[]): Uint8Array[] =>
        places.map((place) => hashes[place] ?? new Uint8Array())
      hashes.push(...storedHashes(index, utf8(text), read))
      tree.append(leafHash(utf8(text)))
      expect(digestOf(documentOf(entry.digest))).toBe(entry.digest)
    }
    expect(hashes.map(toHex)).toEqual(vector.log_hashes)
    const verifier = noteVerifier(vector.verifier_key)
    if (verifier === undefined) throw new Error('no verifier')
    const opened = openNote(utf8(vector.checkpoint), [verifier])
    if (!opened.ok) throw new Error(opened.reason)
    const checkpoint = parseCheckpoint(opened.text)
    expect(checkpoint?.size).toBe(vector.entries.length)
    expect(toHex(checkpoint?.root ?? new Uint8Array())).toBe(toHex(tree.root()))
    // Ed25519 is deterministic (RFC 8032): signing again gives the same note.
    const signer = noteSigner(verifier.name, unbase64(vector.log_key_pkcs8))
    const text = checkpointText({ origin: signer.name, size: tree.size, root: tree.root() })
    expect(Buffer.from(signNote(text, [signer])).toString()).toBe(vector.checkpoint)
    expect(signer.verifier_key).toBe(vector.verifier_key)
  })

  test('documents: starts, running sessions, manifests, leaf lists', () => {
    for (const [digest, bytes] of documents) expect(digestOf(bytes)).toBe(digest)
    const starts = factsOf('session.started').map(readStartDocument)
    const manifests = factsOf('session.ended').map(readManifest)
    expect([starts.length, manifests.length]).toEqual([4, 3])
    for (const manifest of manifests) {
      const start = starts.find((one) => one?.session === manifest?.session)
      if (start === undefined || manifest === undefined) throw new Error('no manifest')
      expect(repeatsStart(start, manifest)).toBe(true)
      const session = vector.sessions.find(({ id }) => id === manifest.session)
      expect(manifest.root).toBe(session?.root ?? '')
      const leaves = (manifest.leaves ?? []).flatMap((list) => openLeafList(documentOf(list)) ?? [])
      if (manifest.leaves !== undefined)
        expect(leaves.map(toHex)).toEqual(
          (session?.records ?? []).map((record) => toHex(leafHash(unbase64(record)))),
        )
    }
    for (const facts of factsOf('session.running'))
      expect(readRunningDocument(facts)?.sessions.length).toBe(1)
    for (const type of ['configuration.changed', 'session.started'])
      for (const facts of factsOf(type)) {
        const bytes = [...documents.values()].find(
          (one) => Buffer.from(one).subarray(32).toString() === JSON.stringify(facts),
        )
        if (bytes === undefined) throw new Error('a document has another spelling')
        expect(makeDocument(facts, bytes.subarray(0, 32)).digest).toBe(digestOf(bytes))
      }
  })

  test('envelopes, sealed values and commitments open with what is inside', async () => {
    for (const { id, salt, sealing_key, records } of vector.sessions) {
      const start = factsOf('session.started')
        .map(readStartDocument)
        .find((one) => one?.session === id)
      if (start === undefined) throw new Error('no start')
      const envelope = documentOf(start.envelope)
      expect(envelopeRecipients(envelope)).toEqual([await thumbprint(vector.auditor)])
      const opened = await openEnvelope(envelope, vector.auditor)
      if (!opened.ok) throw new Error(opened.reason)
      expect(toHex(opened.content.salt)).toBe(salt)
      expect(toHex(opened.content.sealing_key)).toBe(sealing_key)
      expect(toHex(sha256(opened.content.salt, opened.content.proof))).toBe(start.proof_hash)
      for (const text of records) {
        const decoded = decodeRecord(unbase64(text))
        if (!decoded.ok || decoded.header.kind !== 'sealed') continue
        const value = openValue(opened.content.sealing_key, decoded.header.seq, decoded.payload)
        expect(Buffer.from(value ?? []).toString()).toBe('{}')
      }
    }
    const { disclosed } = vector
    const session = vector.sessions.find(({ id }) => id === disclosed.session)
    const decoded = decodeRecord(unbase64(session?.records[disclosed.record] ?? ''))
    if (!decoded.ok || decoded.header.kind !== 'output') throw new Error('no output')
    const { channel, stream, spans } = decoded.header
    const span = spans[disclosed.span]
    if (span === undefined) throw new Error('no span')
    const nonce = spanNonce(
      unhex(session?.salt ?? ''),
      disclosed.session,
      channel,
      stream,
      span.offset,
    )
    expect(verifySpan(span.commitment, nonce, utf8(disclosed.raw))).toBe(true)
  })

  test('the trust file', () => {
    const parsed = parseTrust(utf8(vector.trust))
    if (!parsed.ok) throw new Error(parsed.reason)
    expect(parsed.trust.logs.map(({ verifier_key }) => verifier_key)).toEqual([vector.verifier_key])
    expect(parsed.trust.checkpoints.map(({ size }) => size)).toEqual([5])
    const again = encodeTrust({
      logs: [vector.verifier_key],
      auditors: parsed.trust.auditors,
      checkpoints: [utf8(vector.earlier_checkpoint)],
    })
    expect(Buffer.from(again).toString()).toBe(vector.trust)
    expect(isObject(JSON.parse(vector.trust))).toBe(true)
  })
})
