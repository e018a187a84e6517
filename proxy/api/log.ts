/**
 * `GET /api/log/checkpoint` and `/api/log/tile/...`: the gateway's log as C2SP tlog-tiles, for verifiers and
 * witnesses. Entries are hashes, types and times; they name nobody, so reading them is not recorded.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  encodeEntryBundle,
  hasTile,
  parseTilePath,
  tile_width,
  tileData,
} from '../../storage/evidence/tile.ts'
import { type ApiEnv, readableSubject } from './guard.ts'
import type { ApiPorts } from './ports.ts'
import { notFound, ProblemError, problemsOf } from './problem.ts'

const checkpointRoute = createRoute({
  method: 'get',
  path: '/api/log/checkpoint',
  tags: ['Log'],
  summary: 'The latest signed checkpoint (C2SP tlog-checkpoint)',
  responses: {
    200: {
      description: 'A signed note',
      content: { 'text/plain': { schema: z.string() } },
    },
    ...problemsOf(401, 403, 404, 503),
  },
})

const tileRoute = createRoute({
  method: 'get',
  // Its slashes are part of the name: x001/x234/067.p/8.
  path: '/api/log/tile/{tile}',
  tags: ['Log'],
  summary: 'A tile of hashes or a bundle of entries (C2SP tlog-tiles)',
  request: {
    params: z.object({
      tile: z.string().openapi({
        description: 'LEVEL/INDEX or entries/INDEX, with slashes, as C2SP tlog-tiles writes it',
        example: '0/x001/x234/067.p/8',
      }),
    }),
  },
  responses: {
    200: {
      description: 'Hashes one after the other, or entries each after its length',
      content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } },
    },
    ...problemsOf(401, 403, 404, 503),
  },
})

const tile_prefix = '/api/log/'

export function addLog(app: OpenAPIHono<ApiEnv>, ports: ApiPorts): void {
  const { reader } = ports
  app.openapi(checkpointRoute, async (context) => {
    readableSubject(context.get('caller'))
    const { checkpoint } = await reader.log()
    if (checkpoint === undefined) throw notFound()
    return context.text(new TextDecoder().decode(checkpoint), 200)
  })
  app.openAPIRegistry.registerPath(tileRoute)
  app.get('/api/log/tile/*', async (context) => {
    readableSubject(context.get('caller'))
    const tile = parseTilePath(context.req.path.slice(tile_prefix.length))
    if (tile === undefined) throw notFound()
    const { size } = await reader.log()
    if (!hasTile(tile, size)) throw notFound()
    const { level, index } = tile
    const first = index * tile_width
    const data =
      level === 'entries'
        ? encodeEntryBundle(await reader.logEntries(first, first + tile.width))
        : await tileData({ ...tile, level }, (indexes) => Promise.all(indexes.map(hashAt)))
    return new Response(Uint8Array.from(data), {
      headers: { 'content-type': 'application/octet-stream' },
    })
  })

  async function hashAt(index: number): Promise<Uint8Array> {
    const hash = await reader.logHash(index)
    if (hash !== undefined) return hash
    // The log says that it has it: the store is behind, or broken.
    throw new ProblemError({ status: 503, title: 'Service Unavailable' })
  }
}
