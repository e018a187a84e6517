/**
 * The built-in risk catalogue.
 *
 * @module
 */

import type { Risk } from '../../core/verdict.ts'
import type { OpaqueKind } from '../shell/reading.ts'
import type { Entry } from './entry.ts'
import { file_entries } from './files.ts'
import { medium_entries } from './medium.ts'
import { remote_entries } from './remote.ts'
import { service_entries } from './services.ts'
import { system_entries } from './system.ts'

export const catalogue: readonly Entry[] = [
  ...file_entries,
  ...system_entries,
  ...service_entries,
  ...remote_entries,
  ...medium_entries,
]

/** What could not be read may be anything. */
export const opaque_entries: Readonly<
  Record<OpaqueKind, { readonly id: string; readonly risk: Risk; readonly says: string }>
> = {
  syntax: { id: 'opaque-syntax', risk: 'high', says: 'cannot be read as a shell line' },
  text: { id: 'opaque-text', risk: 'high', says: 'is not plain text' },
  size: { id: 'opaque-size', risk: 'high', says: 'is too long or too deep to be read' },
  program: {
    id: 'opaque-program',
    risk: 'high',
    says: 'runs a program whose name is only known when it runs',
  },
  evaluated: {
    id: 'opaque-evaluated',
    risk: 'high',
    says: 'runs a line that is only known when it runs',
  },
  piped: { id: 'opaque-piped', risk: 'high', says: 'has a shell run what another program prints' },
  encoded: {
    id: 'opaque-encoded',
    risk: 'high',
    says: 'has a shell run what another program decodes',
  },
  fetched: { id: 'download-and-run', risk: 'high', says: 'runs what it fetches from the network' },
}
