/**
 * The page of somebody who was not signed in.
 *
 * @module
 */
import { html } from 'hono/html'
import { type Html, pageResponse } from './frame.ts'
import type { NotSignedIn } from './ports.ts'

export function refusalPage({ rule, message }: Omit<NotSignedIn, 'allowed'>): Promise<Response> {
  const is_down = rule.endsWith('.unavailable') || rule.endsWith('.full')
  return pageResponse(
    {
      title: 'You are not signed in',
      body: html`<p role="alert">${message}</p>
<p>${is_down ? 'Try it again in a moment.' : 'Ask who runs this gateway, if it stays so.'}</p>
${signInLink}`,
    },
    is_down ? 503 : 403,
  )
}

export const signInLink: Html = html`<p><a class="button" href="/login">Sign in</a></p>`

/** For a person whose address leads nowhere; a program hears a problem. */
export const absentPage = (): Promise<Response> =>
  pageResponse(
    {
      title: 'There is no such page',
      body: html`<p><a href="/console" class="button">Go to the first page</a></p>`,
    },
    404,
  )
