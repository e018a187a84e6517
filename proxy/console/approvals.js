/**
 * The script of `/approvals`: shows what waits as it changes, and sends decisions. It asks the same API as a program
 * does; whatever came from elsewhere becomes text, never markup.
 *
 * @module
 */
import { createApi } from './api.js'
import { createCard } from './approval-card.js'

const status_line = document.querySelector('#status')
const waiting_list = document.querySelector('#waiting')
const ended_list = document.querySelector('#ended')

/** Between two questions: a busy gateway changes all the time. */
const pause_ms = 1_000
const pause_failed_ms = 4_000

const api = createApi()
/** By id. One that ended stays where it was, so that nothing moves under a finger. */
const cards = new Map()
/** The gateway's clock against this one's. */
let skew_ms = 0

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function show({ now, requests, more, ended }) {
  skew_ms = Date.parse(now) - Date.now()
  for (const request of requests) {
    const known = cards.get(request.id)
    if (known === undefined) place(waiting_list, request)
    else known.update(request)
  }
  const waiting = new Set(requests.map(({ id }) => id))
  // The newest first, each before those that were there.
  for (const request of ended.toReversed()) {
    const known = cards.get(request.id)
    if (known === undefined) place(ended_list, request)
    else known.end(request)
  }
  const listed = new Set(ended.map(({ id }) => id))
  if (more === 0)
    for (const [id, card] of cards)
      if (!waiting.has(id) && !listed.has(id)) card.end({ outcome: 'gone', by: [], comment: '' })
  const count = requests.length + more
  status_line.textContent =
    count === 0
      ? 'Nothing waits. New requests appear here by themselves.'
      : `${count} ${count === 1 ? 'request waits' : 'requests wait'}${more > 0 ? `, ${more} of them not listed` : ''}.`
  document.title = `${count > 0 ? `(${count}) ` : ''}Approvals · Sluice`
}

function place(list, request) {
  const card = createCard(request, api)
  cards.set(request.id, card)
  if (list === ended_list) list.prepend(card.element)
  else list.append(card.element)
  card.tick(Date.now() + skew_ms)
}

async function watch() {
  let version = ''
  for (;;) {
    try {
      const answer = await api.get(`/api/requests${version === '' ? '' : `?after=${version}`}`)
      show(answer)
      version = answer.version
      await sleep(pause_ms)
    } catch (error) {
      status_line.textContent = `${error.message} Trying again.`
      await sleep(pause_failed_ms)
    }
  }
}

/** A link of a chat opens one request, once, for whoever is signed in. */
async function openLink() {
  const url = new URL(location.href)
  const link = url.searchParams.get('link')
  if (link === null) return
  // It is of no use a second time, and must not stay in the history.
  history.replaceState(null, '', '/approvals')
  const told = document.querySelector('#link')
  try {
    const { id } = await api.post('/api/requests/link', { link })
    const card = cards.get(id)
    if (card === undefined) told.textContent = `Request ${id} waits no more.`
    else card.focus()
  } catch (error) {
    told.textContent = error.message
  }
}

await api.ready()
setInterval(() => {
  const now_ms = Date.now() + skew_ms
  for (const card of cards.values()) card.tick(now_ms)
}, 1_000)
try {
  show(await api.get('/api/requests'))
  await openLink()
} catch (error) {
  status_line.textContent = error.message
}
await watch()
