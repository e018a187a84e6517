/**
 * The script of `/api/docs`: takes a bearer token, or the session of a browser that has signed in, fetches the description
 * with it, and gives both to Swagger UI. The token stays in memory.
 *
 * @module
 */
const form = document.querySelector('#ask')
const token = document.querySelector('#token')
const problem = document.querySelector('#problem')

const csrf_token = document.querySelector('meta[name="csrf-token"]')?.content

form.addEventListener('submit', (event) => {
  event.preventDefault()
  open(token.value.trim())
})
if (csrf_token !== undefined) open()

function open(bearer) {
  problem.textContent = ''
  show(bearer).catch((error) => {
    problem.textContent = error.message
  })
}

/** Without a bearer token it is asked as who is signed in. */
async function show(bearer) {
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
  const response = await fetch('/api/openapi.json', { headers })
  const body = await response.json()
  if (!response.ok) throw new Error(body.detail ?? body.title)
  token.value = ''
  form.hidden = true
  const ui = globalThis.SwaggerUIBundle({
    domNode: document.querySelector('#operations'),
    spec: body,
    // It would send the description to a service of its makers.
    validatorUrl: null,
    persistAuthorization: false,
    tryItOutEnabled: true,
    defaultModelsExpandDepth: 0,
    requestInterceptor: (request) => withSession(withSlashes(request)),
    onComplete: () => bearer !== undefined && ui.preauthorizeApiKey('bearer', bearer),
  })
}

function withSession(request) {
  if (csrf_token !== undefined) request.headers['x-csrf-token'] = csrf_token
  return request
}

/** The name of a tile has slashes, which OpenAPI cannot say of a part of a path. */
function withSlashes(request) {
  const url = new URL(request.url, location.href)
  url.pathname = url.pathname.replaceAll('%2F', '/')
  return Object.assign(request, { url: url.href })
}
