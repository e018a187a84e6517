/**
 * One request on the page: who, where, the exact command with its masked parts named, why it waits and for how long,
 * who has approved, and what became of it.
 *
 * @module
 */
import { signDigest } from './passkey.js'

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties)
  element.append(...children)
  return element
}

export function createCard(request, api) {
  const left = make('span', { className: 'left' })
  const needs = make('dd')
  const problem = make('p', { className: 'problem' })
  problem.setAttribute('role', 'alert')
  const result = make('p', { className: 'result' })
  result.setAttribute('role', 'status')
  const comment = make('input', { maxLength: 500, autocomplete: 'off' })
  const heading = make('h3', { tabIndex: -1 }, `${request.subject} on ${request.target}`, left)
  const form = make('form', { className: 'decide' })
  const element = make(
    'li',
    { className: 'request', id: `request-${request.id}` },
    heading,
    commandOf(request),
    factsOf(request, needs),
    form,
    problem,
    result,
  )
  element.dataset.state = 'waiting'
  let expires_ms = Date.parse(request.expires)
  let is_over = false

  const send = (decision) => async () => {
    problem.textContent = ''
    setDisabled(true)
    try {
      const given = decision === 'cancel' ? '' : comment.value.trim()
      const signed =
        decision === 'approve' && request.passkey === true
          ? { passkey: await signDigest(api, request.digest) }
          : {}
      const { state } = await api.post(`/api/requests/${request.id}/${decision}`, {
        digest: request.digest,
        ...signed,
        ...(given === '' ? {} : { comment: given }),
      })
      if (state === 'waiting') result.textContent = 'You approved it. More approvals are needed.'
    } catch (error) {
      problem.textContent = error.message
      setDisabled(false)
    }
  }
  const buttons = (request.own === true ? ['cancel'] : ['approve', 'deny']).map((decision) => {
    const button = make('button', { type: 'button', textContent: words[decision] })
    button.addEventListener('click', send(decision))
    return button
  })
  if (request.own !== true)
    form.append(make('label', {}, 'Comment, which the requester sees', comment))
  form.append(...buttons)
  form.addEventListener('submit', (event) => event.preventDefault())

  function setDisabled(is_disabled) {
    for (const button of buttons) button.disabled = is_disabled
  }

  function update({ approvals, expires }) {
    expires_ms = Date.parse(expires)
    needs.textContent = approvals.map(needOf).join('; ')
  }

  function end({ outcome, by, comment: said, approvals }) {
    if (is_over) return
    is_over = true
    element.dataset.state = 'ended'
    form.hidden = true
    problem.textContent = ''
    left.textContent = ''
    if (approvals !== undefined) needs.textContent = approvals.map(needOf).join('; ')
    const names = by.map(({ subject }) => subject).join(', ')
    result.className = `result outcome-${outcome}`
    result.textContent = `${outcomes[outcome]}${names === '' ? '' : ` by ${names}`}${said === '' ? '' : `: ${said}`}`
  }

  update(request)
  if (request.outcome !== undefined) end(request)
  return {
    element,
    update,
    end,
    focus() {
      element.classList.add('opened')
      heading.focus()
      element.scrollIntoView({ block: 'start' })
    },
    tick(now_ms) {
      if (!is_over) left.textContent = `${timeOf(expires_ms - now_ms)} left`
    },
  }
}

const words = { approve: 'Approve', deny: 'Deny', cancel: 'Give up' }

const outcomes = {
  approved: 'Approved',
  denied: 'Denied',
  expired: 'Expired: nobody approved it in time',
  cancelled: 'Given up by who asked',
  gone: 'It waits no more',
}

/** Masked parts are marked, and say by which rule; what would not be seen, or turn the text around it, is spelt out. */
function commandOf({ command, spans }) {
  const shown = make('pre', { className: 'command' })
  let done = 0
  for (const { at, length, rule } of spans) {
    shown.append(...visible(command.slice(done, at)))
    shown.append(
      make('mark', { title: `masked: ${rule}` }, command.slice(at, at + length)),
      make('span', { className: 'rule' }, ` ${rule} `),
    )
    done = at + length
  }
  shown.append(...visible(command.slice(done)))
  return shown
}

function visible(text) {
  return text.split(/([^\P{C}\n\t]|[\u2028\u2029])/u).map((part, at) => {
    if (at % 2 === 0) return part
    const code = (part.codePointAt(0) ?? 0).toString(16)
    return make('span', { className: 'control' }, `\\u{${code}}`)
  })
}

function factsOf(request, needs) {
  const { subject, issuer, groups, account, target, labels, source, risk, says, findings } = request
  const named = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  const environment = Object.entries(request.environment)
  const facts = [
    ['Who', `${subject}, says ${issuer}${groups.length > 0 ? `; in ${groups.join(', ')}` : ''}`],
    ...(source === '' ? [] : [['From', source]]),
    [
      'Target',
      `${account === '' ? '' : `${account}@`}${target}${named.length > 0 ? ` (${named.join(', ')})` : ''}`,
    ],
    ['Risk', `${risk}${says === '' ? '' : `: it ${says} (${findings.join(', ')})`}`],
    ['Waits by', `${request.rule}${request.reason === '' ? '' : `: ${request.reason}`}`],
    ...(request.terminal === true ? [['Terminal', 'yes']] : []),
    ...(environment.length === 0
      ? []
      : [['Environment', environment.map(([name, value]) => `${name}=${value}`).join(' ')]]),
    ...(request.passkey === true ? [['Signed', 'who approves signs with a passkey']] : []),
    ['Request', `${request.id}, ${request.requested}`],
  ]
  const list = make('dl')
  for (const [name, text] of facts)
    list.append(
      make('dt', {}, name),
      make('dd', name === 'Risk' ? { className: `risk-${risk}` } : {}, ...visible(text)),
    )
  list.append(make('dt', {}, 'Needs'), needs)
  return list
}

function needOf({ group, quorum, given }) {
  const names = given.map(({ subject }) => subject)
  const who = group === '' ? 'any approver' : group
  return `${given.length} of ${quorum} by ${who}${names.length > 0 ? `: ${names.join(', ')}` : ''}`
}

function timeOf(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1_000))
  const minutes = Math.floor(seconds / 60)
  const two = (number) => String(number).padStart(2, '0')
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`
}
