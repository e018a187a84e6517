/**
 * `GET /api/docs`: the API for people, by Swagger UI from this gateway's own disk. The page needs no token,
 * since a browser that opens a link sends none, and it says nothing of this gateway: the description, as every
 * answer, comes to a browser that has signed in, or with the token that the reader gives to the page.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { sessionOf } from '../console/cookie.ts'
import type { ApiEnv } from './guard.ts'
import type { ApiPorts } from './ports.ts'

/** Nothing from elsewhere, nothing inline, and nowhere to send anything but back here. */
const content_security_policy = [
  "default-src 'none'",
  "script-src 'self'",
  // Its icons are in its style sheet.
  "img-src 'self' data:",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  // A form that a browser sent by itself would carry the token in the URL.
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const files: Readonly<Record<string, string>> = {
  '/api/docs/page.css': fileURLToPath(new URL('./docs-page.css', import.meta.url)),
  '/api/docs/page.js': fileURLToPath(new URL('./docs-page.js', import.meta.url)),
  '/api/docs/swagger-ui.css': fileURLToPath(import.meta.resolve('swagger-ui-dist/swagger-ui.css')),
  '/api/docs/swagger-ui-bundle.js': fileURLToPath(
    import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js'),
  ),
}

/** `csrf_token`: of a browser that has signed in; the tokens of sessions have no characters that markup has. */
const page = (csrf_token: string | undefined): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sluice API</title>${csrf_token === undefined ? '' : `\n<meta name="csrf-token" content="${encodeURIComponent(csrf_token)}">`}
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<link rel="stylesheet" href="/api/docs/page.css">
</head>
<body>
<form id="ask">
<h1>Sluice API</h1>
<p><label for="token">A bearer token, as <code>bun run sluice token --role auditor</code> prints one:</label></p>
<p><input id="token" type="password" autocomplete="off" spellcheck="false" required autofocus>
<button>Open</button></p>
<p>It stays in this page and is gone when you leave it. What you read with it is recorded.</p>
<p id="problem" role="alert"></p>
<noscript><p>This page needs JavaScript. The description is at <code>/api/openapi.json</code>.</p></noscript>
</form>
<div id="operations"></div>
<script src="/api/docs/swagger-ui-bundle.js" defer></script>
<script src="/api/docs/page.js" type="module"></script>
</body>
</html>
`

/** Before what asks for a token. */
export function addDocs(app: OpenAPIHono<ApiEnv>, ports: Pick<ApiPorts, 'console'>): void {
  app.get('/api/docs', (context) => {
    const session = ports.console && sessionOf(context, ports.console)
    context.header('content-security-policy', content_security_policy)
    return context.html(page(session?.csrf_token))
  })
  for (const [path, file] of Object.entries(files))
    app.get(path, () => new Response(Bun.file(file)))
}
