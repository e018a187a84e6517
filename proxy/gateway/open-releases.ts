/**
 * Releases of the whole gateway: what waits is read from its log at the start, and kept in it.
 *
 * @module
 */
import { openDocument } from '../../storage/evidence/document.ts'
import type { ReleaseTerms } from '../../storage/evidence/release.ts'
import type { Reader } from '../../storage/store/reader.ts'
import type { DeskChange } from '../core/approval.ts'
import type { StaticPolicy } from '../policy/policy.ts'
import type { RecorderClient } from '../recorder/client.ts'
import { grants_look_ms } from './limits.ts'
import { createReleases, type ReleasePorts, type Releases } from './releases.ts'

export interface ReleaseParts {
  readonly store: Pick<Reader, 'documents'>
  readonly recorder: Pick<RecorderClient, 'note' | 'mask'>
  readonly policy: Pick<StaticPolicy, 'configuring'>
  readonly gateway: string
  readonly terms: ReleaseTerms
  readonly now_us: () => number
  readonly perform: ReleasePorts['perform']
  told(change: DeskChange): void
}

/** Rejects with a `StoreError`. */
export async function openReleases(parts: ReleaseParts): Promise<Releases> {
  const { store, recorder, policy, gateway, terms, now_us, perform, told } = parts
  const facts: { readonly type: string; readonly facts: Readonly<Record<string, unknown>> }[] = []
  for (const type of ['release.requested', 'release.decided'])
    for (const { bytes } of await store.documents(type))
      facts.push({ type, facts: openDocument(bytes) ?? {} })
  const releases = createReleases(
    {
      ...{ gateway, terms, now_us, perform, told },
      note: ({ type, facts: noted }) => recorder.note(type, { ...noted }),
      mask: recorder.mask,
      mayApprove: (approver) => policy.configuring(approver, gateway, 'approve_release').allowed,
    },
    facts,
  )
  setInterval(releases.lapse, grants_look_ms).unref()
  return releases
}
