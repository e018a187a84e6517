/**
 * The text of `sluice.yaml` as plain data, and where each key of it stands.
 *
 * @module
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml'

export type Path = readonly (string | number)[]

export interface ConfigDocument {
  readonly data: unknown
  /** `FILE:LINE:COLUMN` of a key, or of the nearest key above it when it is not there. */
  position(path: Path): string
  /** Characters before a key; orders problems as they stand in the file. */
  offset(path: Path): number
}

export type ParsedDocument =
  | { readonly ok: true; readonly document: ConfigDocument }
  | { readonly ok: false; readonly problem: string }

/** A config names hundreds of targets, not millions; it is parsed before anything else has limits. */
const text_bytes_max = 4 * 1024 * 1024
/** Aliases that unfold into more than this are an attack or an accident. */
const aliases_max = 100

export function parseConfigText(text: string, file: string): ParsedDocument {
  if (text.length > text_bytes_max)
    return { ok: false, problem: `${file}:1:1 is larger than ${text_bytes_max} bytes` }
  const lines = new LineCounter()
  const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true })
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    // An empty file has no line of its own.
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`
  }
  const error = parsed.errors[0] ?? parsed.warnings[0]
  if (error !== undefined)
    return { ok: false, problem: `${place(error.pos[0])} is not valid YAML: ${plain(error)}` }
  let data: unknown
  try {
    data = parsed.toJS({ maxAliasCount: aliases_max })
  } catch {
    return { ok: false, problem: `${place(0)} is not valid YAML: aliases that do not resolve` }
  }
  const offset = (path: Path): number => offsetOf(parsed, path)
  return {
    ok: true,
    document: { data: data ?? {}, offset, position: (path) => place(offset(path)) },
  }
}

/** `targets[0].accounts.deploy`; a name that is no plain word is quoted, so that it stays one line. */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`
      if (!/^[A-Za-z0-9_-]{1,64}$/.test(part)) return `[${quote(part)}]`
      return index === 0 ? part : `.${part}`
    })
    .join('')
}

/** A name from outside as one short printable word in quotes. */
export function quote(text: string): string {
  const short = text.length > 64 ? `${text.slice(0, 64)}...` : text
  // Everything that moves a cursor or turns text around (Unicode category C) is written as an escape.
  return JSON.stringify(short).replace(
    /\p{C}/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

function offsetOf(parsed: Document.Parsed, path: Path): number {
  let node: Node | null = parsed.contents
  let offset = node?.range?.[0] ?? 0
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(parsed) ?? null
    let next: unknown
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
      if (pair === undefined) return offset
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
      next = pair.value
    } else if (isSeq(node) && typeof part === 'number') {
      next = node.items[part]
      if (isNode(next)) offset = next.range?.[0] ?? offset
    }
    node = isNode(next) ? next : null
  }
  return offset
}

/** The parser's words without what they quote of the file, which may be a secret. */
function plain(error: { readonly code: string; readonly message: string }): string {
  const words =
    error.message
      .split('\n')[0]
      ?.replace(/[:"'`].*$/, '')
      .trim() ?? ''
  return words === '' ? error.code : words
}
