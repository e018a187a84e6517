/**
 * What every page has: its head with who is signed in, its style, and a policy by which a browser runs and loads nothing
 * but files of this gateway.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { html } from 'hono/html'
import type { ConsoleSession } from './ports.ts'

export type Html = ReturnType<typeof html>

export interface Page {
  readonly title: string
  /** What stands under the title. Values in it are escaped by `html`. */
  readonly body: Html
  /** Of whoever is signed in: for the head of the page, and for its script. */
  readonly session?: ConsoleSession | undefined
  /** Paths of scripts of the gateway's own. Without one a page runs nothing. */
  readonly scripts?: readonly string[]
  /** ... and of style sheets, besides the one that every page has. */
  readonly styles?: readonly string[]
}

/** Files that pages name, by path. */
export const assets: Readonly<Record<string, string>> = {
  '/console/page.css': fileURLToPath(new URL('./page.css', import.meta.url)),
  '/console/api.js': fileURLToPath(new URL('./api.js', import.meta.url)),
  '/console/passkey.js': fileURLToPath(new URL('./passkey.js', import.meta.url)),
  '/console/passkeys.js': fileURLToPath(new URL('./passkeys.js', import.meta.url)),
  '/console/approvals.css': fileURLToPath(new URL('./approvals.css', import.meta.url)),
  '/console/approvals.js': fileURLToPath(new URL('./approvals.js', import.meta.url)),
  '/console/approval-card.js': fileURLToPath(new URL('./approval-card.js', import.meta.url)),
}

/** What the head of a page leads to. */
const places: readonly (readonly [path: string, name: string])[] = [
  ['/console', 'Home'],
  ['/approvals', 'Approvals'],
  ['/passkeys', 'Passkeys'],
  ['/api/docs', 'API'],
]

/**
 * A script finds the token that it has to send as `x-csrf-token` in `<meta name="csrf-token">`.
 *
 * @param status of the answer
 */
export async function pageResponse(page: Page, status = 200): Promise<Response> {
  const { title, session, scripts = [], styles = [] } = page
  const text = await html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${title} · Sluice</title>
<meta name="viewport" content="width=device-width">${
    session === undefined
      ? ''
      : html`
<meta name="csrf-token" content="${session.csrf_token}">`
  }
<link rel="icon" href="data:,">
${['/console/page.css', ...styles].map((path) => html`<link rel="stylesheet" href="${path}">`)}
${scripts.map((path) => html`<script src="${path}" type="module"></script>`)}</head>
<body>${session === undefined ? '' : head(session)}
<main><h1>${title}</h1>
${await page.body}
</main></body></html>
`
  return new Response(String(text), {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(scripts.length > 0),
      // With `no-referrer` a form would have no origin either (Fetch, section 3.2), and that is asked for.
      'referrer-policy': 'same-origin',
    },
  })
}

const head = ({ caller, csrf_token }: ConsoleSession): Html => html`<header><nav>
${places.map(([path, name]) => html`<a href="${path}">${name}</a>`)}</nav>
<form method="post" action="/logout"><input type="hidden" name="csrf_token" value="${csrf_token}">
<span>${caller.subject}</span> <button>Sign out</button></form></header>`

/** Nothing inline and nothing from elsewhere. What a script learns it may send back here alone. */
function policy(has_scripts: boolean): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    'img-src data:',
    ...(has_scripts ? ["script-src 'self'", "connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}
