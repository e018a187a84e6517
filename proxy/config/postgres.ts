/**
 * What a target has that speaks PostgreSQL.
 *
 * @module
 */
import type { ColumnRule } from '../core/column.ts'
import { isLoopback } from './address.ts'
import type { Surroundings } from './credential.ts'
import type { Path } from './document.ts'
import type { PostgresTarget } from './model.ts'
import type { ColumnFile, TargetFile } from './schema.ts'
import { certificates } from './server-certificate.ts'

export function postgresTarget(
  target: TargetFile,
  at: Path,
  around: Surroundings,
): Pick<PostgresTarget, 'protocol' | 'tls' | 'columns' | 'recorded_rows_max'> {
  const { findings } = around
  for (const key of ['host_key', 'via', 'shell_integration'] as const)
    if (target[key] !== undefined)
      findings.error([...at, key], 'is of targets with the protocol ssh alone')
  for (const [name, account] of Object.entries(target.accounts))
    if (account.private_key_file !== undefined || account.private_key !== undefined)
      findings.error([...at, 'accounts', name], 'PostgreSQL takes a password: use password_file')
  const { ca_file } = target
  const columns = Object.fromEntries(
    Object.entries(target.columns ?? {}).map(([name, column]) => [name, columnRule(column)]),
  )
  const ca = ca_file === undefined ? undefined : certificates(ca_file, [...at, 'ca_file'], around)
  const { recorded_rows_max } = target
  const common = { protocol: 'postgres', columns, recorded_rows_max } as const
  if (target.tls !== 'off')
    return { ...common, tls: { kind: 'verify-full', ...(ca === undefined ? {} : { ca }) } }
  if (ca_file !== undefined) findings.error([...at, 'ca_file'], 'has no use with tls: off')
  const host = target.address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  if (!isLoopback(host))
    findings.warn(
      [...at, 'tls'],
      'is off: whoever is on the way reads what passes, and may change it',
    )
  return { ...common, tls: { kind: 'off' } }
}

function columnRule(column: string | ColumnFile): ColumnRule {
  if (typeof column === 'string') return { rule: column, strategy: { kind: 'mask' } }
  const { rule, strategy = 'mask' } = column
  if (strategy === 'mask' || strategy === 'hash' || strategy === 'null')
    return { rule, strategy: { kind: strategy } }
  const [first = 0, last = 0] = [...strategy.matchAll(/\d+/g)].map(Number)
  return { rule, strategy: { kind: 'partial', first, last } }
}
