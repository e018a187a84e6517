/**
 * `GET /api/log/checkpoint` and `/api/log/tile/...`: the gateway's log as C2SP tlog-tiles, for verifiers and
 * witnesses; `/api/logs` lists it and the logs of its workers, each under `/api/logs/LOGID/`. Entries are hashes,
 * types and times; they name nobody, so reading them is not recorded.
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
import type { ApiPorts, LogReader, NamedLog } from './ports.ts'
import { notFound, ProblemError, problemsOf } from './problem.ts'

const logSchema = z
  .object({
    origin: z.string().openapi({ example: 'edge-1/0123456789abcdef' }),
    id: z.string().openapi({ description: 'LOGID, the last part of the origin' }),
    size: z.int().openapi({ description: 'Entries, of which the checkpoint may cover fewer' }),
  })
  .openapi('Log')

const listRoute = createRoute({
  method: 'get',
  path: '/api/logs',
  tags: ['Log'],
  summary: "The gateway's own log, and those of its workers",
  responses: {
    200: {
      description: 'The own log is the first',
      content: { 'application/json': { schema: z.object({ logs: z.array(logSchema) }) } },
    },
    ...problemsOf(401, 403, 503),
  },
})

const log_parameter = z.object({
  log: z.string().openapi({ description: 'LOGID', example: '0123456789abcdef' }),
})

const checkpoint_response = {
  200: {
    description: 'A signed note',
    content: { 'text/plain': { schema: z.string() } },
  },
  ...problemsOf(401, 403, 404, 503),
}

const checkpointRoute = createRoute({
  method: 'get',
  path: '/api/log/checkpoint',
  tags: ['Log'],
  summary: 'The latest signed checkpoint (C2SP tlog-checkpoint)',
  responses: checkpoint_response,
})

const namedCheckpointRoute = createRoute({
  method: 'get',
  path: '/api/logs/{log}/checkpoint',
  tags: ['Log'],
  summary: 'The latest signed checkpoint of one of the logs',
  request: { params: log_parameter },
  responses: checkpoint_response,
})

const tile_parameter = z.object({
  tile: z.string().openapi({
    description: 'LEVEL/INDEX or entries/INDEX, with slashes, as C2SP tlog-tiles writes it',
    example: '0/x001/x234/067.p/8',
  }),
})

const tile_responses = {
  200: {
    description: 'Hashes one after the other, or entries each after its length',
    content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } },
  },
  ...problemsOf(401, 403, 404, 503),
}

const tileRoute = createRoute({
  method: 'get',
  // Its slashes are part of the name: x001/x234/067.p/8.
  path: '/api/log/tile/{tile}',
  tags: ['Log'],
  summary: 'A tile of hashes or a bundle of entries (C2SP tlog-tiles)',
  request: { params: tile_parameter },
  responses: tile_responses,
})

const namedTileRoute = createRoute({
  method: 'get',
  path: '/api/logs/{log}/tile/{tile}',
  tags: ['Log'],
  summary: 'A tile of hashes or a bundle of entries of one of the logs',
  request: { params: log_parameter.extend(tile_parameter.shape) },
  responses: tile_responses,
})

export function addLog(app: OpenAPIHono<ApiEnv>, { logs }: ApiPorts): void {
  app.openapi(listRoute, async (context) => {
    readableSubject(context.get('caller'))
    const listed = logs.map(async ({ origin, reader }) => {
      const { size } = await reader.log()
      return { origin, id: logId(origin), size }
    })
    return context.json({ logs: await Promise.all(listed) }, 200)
  })
  app.openapi(checkpointRoute, async (context) => {
    readableSubject(context.get('caller'))
    return context.text(await checkpointOf(logs[0]), 200)
  })
  app.openapi(namedCheckpointRoute, async (context) => {
    readableSubject(context.get('caller'))
    return context.text(await checkpointOf(find(context.req.param('log'))), 200)
  })
  app.openAPIRegistry.registerPath(tileRoute)
  app.get('/api/log/tile/*', async (context) => {
    readableSubject(context.get('caller'))
    return tileResponse(logs[0], context.req.path.slice('/api/log/'.length))
  })
  app.openAPIRegistry.registerPath(namedTileRoute)
  app.get('/api/logs/:log/tile/*', async (context) => {
    readableSubject(context.get('caller'))
    const log = context.req.param('log')
    return tileResponse(find(log), context.req.path.slice(`/api/logs/${log}/`.length))
  })

  function find(id: string): NamedLog | undefined {
    return logs.find(({ origin }) => logId(origin) === id)
  }
}

const logId = (origin: string): string => origin.slice(origin.lastIndexOf('/') + 1)

async function checkpointOf(log: NamedLog | undefined): Promise<string> {
  const checkpoint = (await log?.reader.log())?.checkpoint
  if (checkpoint === undefined) throw notFound()
  return new TextDecoder().decode(checkpoint)
}

async function tileResponse(log: NamedLog | undefined, path: string): Promise<Response> {
  const tile = parseTilePath(path)
  if (log === undefined || tile === undefined) throw notFound()
  const { reader } = log
  const { size } = await reader.log()
  if (!hasTile(tile, size)) throw notFound()
  const { level, index } = tile
  const first = index * tile_width
  const data =
    level === 'entries'
      ? encodeEntryBundle(await reader.logEntries(first, first + tile.width))
      : await tileData({ ...tile, level }, (indexes) => hashesAt(reader, indexes))
  return new Response(Uint8Array.from(data), {
    headers: { 'content-type': 'application/octet-stream' },
  })
}

async function hashesAt(
  reader: LogReader,
  indexes: readonly number[],
): Promise<readonly Uint8Array[]> {
  const hashes = (await reader.logHashes(indexes)).filter((hash) => hash !== undefined)
  if (hashes.length === indexes.length) return hashes
  // The log says that it has it: the store is behind, or broken.
  throw new ProblemError({ status: 503, title: 'Service Unavailable' })
}
