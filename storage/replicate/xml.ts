/**
 * The three answers of S3 that are XML: an error, a listing of versions, a listing of folders. Only the members that
 * are used are looked for; keys come URL-encoded (`encoding-type=url`), so that no character of theirs is markup.
 *
 * @module
 */

export interface Listed {
  readonly key: string
  readonly version: string
  readonly kind: 'version' | 'delete_marker'
  readonly is_latest: boolean
  /** By the store's clock. */
  readonly modified_ms: number
  readonly etag: string
  readonly bytes: number
}

export interface VersionsPage {
  readonly items: readonly Listed[]
  /** Query parameters of the next page. */
  readonly next?: Record<string, string>
}

const decoder = new TextDecoder()

/** S3's own word for what is wrong, when it is a word. */
export function parseErrorCode(bytes: Uint8Array): string | undefined {
  return /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(decoder.decode(bytes.subarray(0, 65_536)))?.[1]
}

/** Undefined when it is not a listing, or not a whole one. */
export function parseVersions(bytes: Uint8Array): VersionsPage | undefined {
  const text = decoder.decode(bytes)
  if (!text.includes('<ListVersionsResult') || !text.endsWith('</ListVersionsResult>'))
    return undefined
  const items: Listed[] = []
  for (const { name, inner } of elements(text, ['Version', 'DeleteMarker'])) {
    if (inner === undefined) return undefined
    const key = urlDecoded(member(inner, 'Key'))
    const version = member(inner, 'VersionId')
    const modified_ms = Date.parse(member(inner, 'LastModified') ?? '')
    if (key === undefined || version === undefined || Number.isNaN(modified_ms)) return undefined
    items.push({
      key,
      version: entities(version),
      kind: name === 'Version' ? 'version' : 'delete_marker',
      is_latest: member(inner, 'IsLatest') === 'true',
      modified_ms,
      etag: entities(member(inner, 'ETag') ?? '').replaceAll('"', ''),
      bytes: Number(member(inner, 'Size') ?? 0),
    })
  }
  if (member(text, 'IsTruncated') !== 'true') return { items }
  const key_marker = urlDecoded(member(text, 'NextKeyMarker'))
  const version_marker = member(text, 'NextVersionIdMarker')
  if (key_marker === undefined) return undefined
  return {
    items,
    next: {
      'key-marker': key_marker,
      ...(version_marker === undefined || version_marker === ''
        ? {}
        : { 'version-id-marker': entities(version_marker) }),
    },
  }
}

/** Names of the folders directly under `prefix`. */
export function parsePrefixes(
  bytes: Uint8Array,
  prefix: string,
): { readonly names: readonly string[]; readonly next?: string } | undefined {
  const text = decoder.decode(bytes)
  if (!text.includes('<ListBucketResult') || !text.endsWith('</ListBucketResult>')) return undefined
  const names: string[] = []
  for (const { inner } of elements(text, ['CommonPrefixes'])) {
    if (inner === undefined) return undefined
    const name = urlDecoded(member(inner, 'Prefix'))
    if (name?.startsWith(prefix) === true) names.push(name.slice(prefix.length, -1))
  }
  const next = member(text, 'NextContinuationToken')
  return member(text, 'IsTruncated') === 'true' && next !== undefined
    ? { names, next: entities(next) }
    : { names }
}

/**
 * Elements of these names, in order; without `inner` one that does not end, which is the last. Searched for by hand: an
 * expression would look for the end of each of a million beginnings.
 */
function* elements(
  text: string,
  names: readonly string[],
): Generator<{ readonly name: string; readonly inner: string | undefined }> {
  const starts = names.map((name) => text.indexOf(`<${name}>`))
  for (;;) {
    const first = starts.filter((at) => at >= 0).toSorted((a, b) => a - b)[0]
    const name = names[starts.indexOf(first ?? -2)]
    if (first === undefined || name === undefined) return
    const from = first + name.length + 2
    const end = text.indexOf(`</${name}>`, from)
    yield { name, inner: end < 0 ? undefined : text.slice(from, end) }
    if (end < 0) return
    for (const [at, each] of names.entries())
      if ((starts[at] ?? -1) >= 0 && (starts[at] ?? 0) < end)
        starts[at] = text.indexOf(`<${each}>`, end)
  }
}

function member(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1]
}

function urlDecoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text.replaceAll('+', '%20'))
  } catch {
    return undefined
  }
}

const named: Readonly<Record<string, string>> = { quot: '"', apos: "'", amp: '&', lt: '<', gt: '>' }

function entities(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,6})|(\w+));/g, (whole, code?: string, name?: string) =>
    code === undefined ? (named[name ?? ''] ?? whole) : String.fromCodePoint(Number(code)),
  )
}
