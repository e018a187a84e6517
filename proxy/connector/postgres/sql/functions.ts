/**
 * Functions of PostgreSQL and its usual extensions that do more than to compute.
 *
 * @module
 */
import type { StatementTrait } from '../../../core/statement.ts'
import { isHarmless, traitOfSetting } from './settings.ts'
import { constantText } from './tree.ts'

const risks: readonly (readonly [RegExp, StatementTrait])[] = [
  [
    /^(?:pg_read_(?:binary_)?file|pg_ls_\w+|pg_stat_file|pg_file_\w+|pg_current_logfile)$/,
    'server_file',
  ],
  [
    /^(?:lo_import|lo_export|be_lo_import|be_lo_export|pg_import_system_collations)$/,
    'server_file',
  ],
  [/^(?:pg_reload_conf|pg_rotate_logfile|pg_promote|pg_switch_wal|pg_logdir_ls)$/, 'server_config'],
  [
    /^pg_(?:logical|replication|create_logical|create_physical|copy_\w+|drop_replication)_\w+$/,
    'replication',
  ],
  [
    /^(?:pg_start_backup|pg_backup_start|pg_stop_backup|pg_backup_stop|pg_export_snapshot)$/,
    'replication',
  ],
  [/^(?:dblink\w*|postgres_fdw_\w+|http\w*|pg_net_\w+)$/, 'network'],
  [
    /^(?:get_raw_page|heap_page_items|heap_page_item_attrs|tuple_data_split|pg_surgery_\w+)$/,
    'server_file',
  ],
  // They run a text that nobody has read.
  [
    /^(?:(?:table|query|cursor|schema|database)_to_xml\w*|ts_stat|crosstab\w*|connectby|normal_rand_sql|pg_execute\w*|exec\w*_sql)$/,
    'code',
  ],
]

export function functionTrait(
  path: readonly string[],
  args: readonly unknown[],
): StatementTrait | undefined {
  const name = path.at(-1) ?? ''
  if (name === 'set_config') {
    const setting = constantText(args[0])
    const value = constantText(args[1])
    if (setting !== undefined) return traitOfSetting(setting.toLowerCase(), value)
    // Which setting must be written there, or a value that none has that matters: `pg_dump` has such.
    if (value === undefined || !isHarmless(value)) return 'syntax'
    return /^[\w$-]+$/.test(value) ? 'role' : undefined
  }
  // `ts_rewrite(query, text)` runs that text too; with three arguments it only computes.
  if (name === 'ts_rewrite' && args.length < 3) return 'code'
  return risks.find(([pattern]) => pattern.test(name))?.[1]
}
