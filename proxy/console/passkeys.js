/**
 * The script of `/passkeys`: lists those of whoever is signed in, and registers another.
 *
 * @module
 */
import { createApi } from './api.js'
import { register } from './passkey.js'

const list = document.querySelector('#passkeys')
const form = document.querySelector('#add')
const button = form.querySelector('button')
const status_line = document.querySelector('#status')
const problem = document.querySelector('#problem')
const api = createApi()

async function show() {
  const { passkeys } = await api.get('/api/passkeys')
  list.replaceChildren(
    ...passkeys.map(({ credential, created }) => {
      const item = document.createElement('li')
      item.textContent = `${credential.slice(0, 16)}, registered ${created}`
      return item
    }),
  )
  status_line.textContent = passkeys.length === 0 ? 'You have none yet.' : ''
  form.hidden = false
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  problem.textContent = ''
  button.disabled = true
  register(api)
    .then(show)
    .catch((error) => {
      problem.textContent = error.message
    })
    .finally(() => {
      button.disabled = false
    })
})

await api.ready()
show().catch((error) => {
  problem.textContent = error.message
})
