/**
 * What a page asks of the browser's passkeys, as JSON of Web Authentication Level 3.
 *
 * @module
 */
const bytesOf = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) =>
    letter.charCodeAt(0),
  )

const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '')

const listOf = (credentials = []) =>
  credentials.map(({ id }) => ({ type: 'public-key', id: bytesOf(id) }))

async function ask(run) {
  if (globalThis.PublicKeyCredential === undefined)
    throw new Error('This browser has no passkeys, or this page is not at an address of https.')
  try {
    return await run()
  } catch (error) {
    throw new Error(
      error.name === 'InvalidStateError'
        ? 'This device has a passkey of yours already.'
        : 'No passkey was used: it was refused, or took too long.',
      { cause: error },
    )
  }
}

/** An assertion over the request's digest, which is its challenge. */
export async function signDigest(api, digest) {
  const { passkeys } = await api.get('/api/passkeys')
  if (passkeys.length === 0) throw new Error('Register a passkey first: Passkeys, above.')
  const challenge = Uint8Array.from(digest.match(/../g), (byte) => Number.parseInt(byte, 16))
  return assert({
    challenge,
    rpId: location.hostname,
    allowCredentials: listOf(passkeys.map(({ credential: id }) => ({ id }))),
    userVerification: 'required',
  })
}

async function assert(options) {
  const { id, type, response } = await ask(() => navigator.credentials.get({ publicKey: options }))
  return {
    id,
    rawId: id,
    type,
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      authenticatorData: textOf(response.authenticatorData),
      signature: textOf(response.signature),
    },
  }
}

/** Registers one: where there is one already, that signs for it first. */
export async function register(api) {
  const { create, get } = await api.post('/api/passkeys/options', {})
  const signed =
    get === undefined
      ? {}
      : {
          assertion: await assert({
            ...get,
            challenge: bytesOf(get.challenge),
            allowCredentials: listOf(get.allowCredentials),
          }),
        }
  const { id, type, response } = await ask(() =>
    navigator.credentials.create({
      publicKey: {
        ...create,
        challenge: bytesOf(create.challenge),
        user: { ...create.user, id: bytesOf(create.user.id) },
        excludeCredentials: listOf(create.excludeCredentials),
      },
    }),
  )
  return api.post('/api/passkeys', {
    created: {
      id,
      rawId: id,
      type,
      response: {
        clientDataJSON: textOf(response.clientDataJSON),
        attestationObject: textOf(response.attestationObject),
      },
    },
    ...signed,
  })
}
