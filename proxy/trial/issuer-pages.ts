/**
 * The pages of the trial's identity provider: forms without a script.
 *
 * @module
 */

const style =
  'body{font:16px/1.5 sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}' +
  'label,input,button{display:block;margin:.5rem 0;font:inherit}input{width:100%;box-sizing:border-box}strong{font-size:1.6rem}'

export const page_headers: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

export const messagePage = (message: string): string => page(`<p>${escape(message)}</p>`)

/** `form` is the provider's own, with the id that its buttons name. */
export function confirmPage(
  question: string,
  code: string,
  form: string,
  yes: string,
  is_refusable = false,
): string {
  const id = /id="([^"]+)"/.exec(form)?.[1] ?? ''
  const button = (text: string, more: string): string =>
    `<button type="submit" form="${escape(id)}"${more}>${escape(text)}</button>`
  return page(
    `<p>${escape(question)}</p><p><strong>${escape(code)}</strong></p>${form}${button(yes, '')}` +
      (is_refusable ? button('No, this is not mine', ' name="abort" value="yes"') : ''),
  )
}

export const loginPage = (is_again: boolean): string =>
  page(
    `<p>${is_again ? 'That was not right. ' : ''}The trial printed names and passwords when it started.</p>
<form method="post">
<label>Name <input name="name" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button type="submit">Sign in</button>
<button type="submit" name="abort" value="yes">Refuse</button>
</form>`,
  )

const page = (body: string): string =>
  `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to the Sluice trial</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head>
<body><h1>Sluice trial</h1>${body}</body></html>
`

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
