/**
 * Sessions with keys of their own, as a gateway sends them to a real bucket.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import type { Hold, HoldActor } from '../../storage/evidence/hold.ts'
import type { Status } from '../../storage/replicate/replicator.ts'
import type { Bucket } from '../../storage/replicate/s3.ts'
import { EvidenceWriter, type SessionWriter } from '../../storage/verify/fixture.ts'
import type { Report } from '../../storage/verify/report.ts'
import { erase, type ReplicaOptions, replicaOf, retention } from './world.ts'

export const by: HoldActor = { subject: 'olga', issuer: 'keys' }

/** Two sessions with keys, of which one is to be shredded, and one from before there were keys. */
export async function evidence(
  seed: string,
  days = 30,
): Promise<
  { readonly writer: EvidenceWriter } & Readonly<Record<'plain' | 'gone' | 'kept', SessionWriter>>
> {
  const writer = new EvidenceWriter({ seed })
  await writer.knowAuditor()
  writer.days = days
  writer.log('configuration.changed', 'edge-1', { gateway: 'edge-1', retention })
  writer.heartbeat()
  const say = (session: SessionWriter, message: string): void => {
    session.exec(3)
    session.record({ kind: 'failed', channel: 0, code: 'late', message })
    session.end()
  }
  const plain = await writer.session()
  writer.is_keyed = true
  const [gone, kept] = [await writer.session(), await writer.session()]
  say(plain, 'plain-said')
  say(gone, 'gone-said')
  say(kept, 'kept-said')
  writer.sign()
  return { writer, plain, gone, kept }
}

export function shred(writer: EvidenceWriter, session: SessionWriter, keeps_start = false): void {
  const facts = { session: session.id, reason: 'article 17', by }
  writer.log('session.shredded', session.id, { ...facts, ...(keeps_start ? { keeps_start } : {}) })
  writer.sign()
  erase(writer, session, keeps_start)
}

export async function send(
  options: ReplicaOptions,
  holds?: readonly Hold[],
): Promise<Status | undefined> {
  const replica = replicaOf({ is_logging: true, ...options })
  if (holds !== undefined) replica.replicator.holds(holds)
  await replica.prove()
  await replica.finish()
  const [refused] = replica.refused
  if (refused !== undefined) throw refused
  return replica.statuses.at(-1)
}

export const failures = ({ findings }: Report): readonly string[] => [
  ...new Set(findings.flatMap(({ severity, code }) => (severity === 'failure' ? code : []))),
]
export const codes = ({ findings }: Report): readonly string[] => findings.map(({ code }) => code)

export async function versionsOf(bucket: Bucket, name: string): Promise<readonly string[]> {
  const all = await Array.fromAsync(bucket.versions(name))
  return all.flatMap(({ key, kind, version }) =>
    key === name && kind === 'version' ? version : [],
  )
}

export async function bodiesOf(
  bucket: Bucket,
  prefix: string,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const bodies = new Map<string, Uint8Array>()
  for await (const { key, version, kind } of bucket.versions(prefix)) {
    const found = kind === 'version' ? await bucket.get(key, version) : undefined
    if (found !== undefined) bodies.set(key.slice(prefix.length), found.bytes)
  }
  return bodies
}

export function readFileOr(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}

export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
