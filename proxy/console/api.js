/**
 * How a page asks the API: with the session of this browser and the token that its page has against foreign pages, or
 * with a bearer token that the reader gives to the page, which stays in memory.
 *
 * @module
 */
const csrf_token = document.querySelector('meta[name="csrf-token"]')?.content

export function createApi() {
  const form = document.querySelector('#ask')
  let bearer = ''

  const ask = async (path, init = {}) => {
    const headers = { ...init.headers }
    if (csrf_token !== undefined) headers['x-csrf-token'] = csrf_token
    if (bearer !== '') headers['authorization'] = `Bearer ${bearer}`
    let response
    let body
    try {
      response = await fetch(path, { ...init, headers, redirect: 'error' })
      body = await response.json()
    } catch {
      throw new Error('The gateway does not answer.')
    }
    if (response.ok) return body
    if (response.status === 401 && csrf_token !== undefined)
      location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search)}`)
    throw Object.assign(new Error(body.detail ?? body.title), { status: response.status })
  }

  return {
    get: (path) => ask(path),
    post: (path, body) =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    /** Resolves when there is somebody to ask as. */
    ready() {
      if (csrf_token !== undefined || form === null) return Promise.resolve()
      form.hidden = false
      const token = form.querySelector('input')
      const problem = form.querySelector('.problem')
      return new Promise((resolve) => {
        form.addEventListener('submit', (event) => {
          event.preventDefault()
          bearer = token.value.trim()
          problem.textContent = ''
          ask('/api/requests?limit=1').then(
            () => {
              token.value = ''
              form.hidden = true
              resolve()
            },
            (error) => {
              bearer = ''
              problem.textContent = error.message
            },
          )
        })
      })
    },
  }
}
