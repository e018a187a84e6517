/**
 * The script of `/api/docs`: takes a bearer token, fetches the description with it, and gives both to Swagger
 * UI. The token stays in memory.
 *
 * @module
 */
const form = document.querySelector('#ask')
const token = document.querySelector('#token')
const problem = document.querySelector('#problem')

form.addEventListener('submit', (event) => {
  event.preventDefault()
  problem.textContent = ''
  const bearer = token.value.trim()
  show(bearer).catch((error) => {
    problem.textContent = error.message
  })
})

async function show(bearer) {
  const headers = { authorization: `Bearer ${bearer}` }
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
    requestInterceptor: withSlashes,
    onComplete: () => ui.preauthorizeApiKey('bearer', bearer),
  })
}

/** The name of a tile has slashes, which OpenAPI cannot say of a part of a path. */
function withSlashes(request) {
  const url = new URL(request.url, location.href)
  url.pathname = url.pathname.replaceAll('%2F', '/')
  return Object.assign(request, { url: url.href })
}
