/**
 * Settings of a session that decide how the text of statements is read, and others that do more than set.
 *
 * @module
 */
import type { StatementTrait } from '../../../core/statement.ts'

/** Of these encodings no byte of another character can be mistaken for ASCII, which decides how a statement is read. */
const encodings = /^(?:UTF8|SQL_ASCII|LATIN\d+|WIN\d+|ISO_8859_\d|KOI8[RU]|EUC_[A-Z0-9_]+)$/

/** Whether statements are still read as the gateway reads them when the target has this setting. */
export function isReadable(name: string, value: string): boolean {
  if (name === 'standard_conforming_strings') return value === 'on'
  if (name === 'client_encoding') return encodings.test(value)
  return true
}

/** `value`: undefined where it is the default, or not written as a constant. */
export function traitOfSetting(
  name: string,
  value: string | undefined,
): StatementTrait | undefined {
  switch (name) {
    case 'standard_conforming_strings':
      return value !== undefined && /^(?:on|true|yes|1|t|tr|tru|y|ye)$/i.test(value)
        ? undefined
        : 'syntax'
    case 'client_encoding':
    case 'names': {
      const encoding = value?.toUpperCase().replace(/[^A-Z0-9]/g, '')
      const is_known =
        encoding !== undefined &&
        /^(?:UTF8|UNICODE|SQLASCII|LATIN\d+|WIN\d+|ISO8859\d)$/.test(encoding)
      return is_known ? undefined : 'syntax'
    }
    case 'role':
    case 'session_authorization':
      return 'role'
    case 'session_replication_role':
      return 'unguarded'
    case 'local_preload_libraries':
    case 'session_preload_libraries':
    case 'dynamic_library_path':
    case 'jit_provider':
      return 'program'
    default:
      return value === undefined || isReadable(name, value) ? undefined : 'syntax'
  }
}

/** Whether a value is neither a switch nor an encoding, so that no setting that decides how texts are read takes it. */
export function isHarmless(value: string): boolean {
  const word = value.toUpperCase().replace(/[^A-Z0-9]/g, '')
  return !(switches.test(value.trim()) || encoding_words.test(word) || word === '')
}

const switches = /^(?:[01]|on|of|off|t\w*|f\w*|y\w*|n\w*|default)$/i
const encoding_words =
  /^(?:ABC|ALT|BIG5|EUC\w*|GB\w*|ISO\d\w*|JOHAB|KOI8\w*|LATIN\d+|MSKANJI|MULE\w*|SHIFTJIS\w*|SJIS\w*|SQLASCII|TCVN\w*|UHC|UNICODE|UTF8|VSCII|WIN\w*)$/
