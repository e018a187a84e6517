/**
 * The trial's identity provider: an OpenID provider on loopback with a few people, so that signing in can be tried
 * without one's own. Its keys and passwords are made at each start and rest nowhere.
 *
 * @module
 */
import { createHash, generateKeyPairSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import type { Configuration, interactionPolicy } from 'oidc-provider'
import { callback_path } from '../identity/browser-login.ts'
import { confirmPage, loginPage, messagePage, page_headers } from './issuer-pages.ts'

export interface Person {
  readonly name: string
  readonly groups: readonly string[]
}

export interface IssuerOptions {
  readonly people: readonly Person[]
  readonly client_id: string
  /** How long an ID token is valid; an hour unless given. */
  readonly id_token_s?: number
  /** Where the gateway is told of a sign-in that is over (OpenID Connect Back-Channel Logout 1.0). */
  readonly logout_uri?: string
  /** Gives refresh tokens, each of which is told here; none unless given. */
  readonly refreshed?: (refresh_token: string) => void
  /** What follows in the gateway's callback: `/NAME` where it has several providers. */
  readonly callback?: string
}

export interface Issuer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Who may sign in, with what. */
  readonly passwords: ReadonlyMap<string, string>
  /** Ends whatever sign-ins this person has. Rejects when the gateway does not take that. */
  signOut(name: string): Promise<void>
  /** Puts somebody into these groups alone; undefined for nobody any more. */
  change(name: string, groups: readonly string[] | undefined): void
  stop(): void
}

/** A name, a password and a button. */
const form_bytes_max = 4096
const interaction_path = '/interaction/'

export async function startIssuer(options: IssuerOptions): Promise<Issuer> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const url = `http://127.0.0.1:${port}`
  const passwords = new Map(
    options.people.map(({ name }) => [name, randomBytes(9).toString('base64url')]),
  )
  const groups_of = new Map(options.people.map(({ name, groups }) => [name, groups]))
  // One of its packages touches something of node:crypto that is deprecated; that is warned of later, on stderr.
  process.noDeprecation = true
  const provider = await quietly(async () => {
    // Here and not above: a gateway with a configuration does not load it.
    const { default: OpenIdProvider, interactionPolicy } = await import('oidc-provider')
    const policy = interactionPolicy.base()
    // Whose port it is on loopback nobody could tell, so by default a person is asked each time. PKCE ties a code to
    // who began, and all are on this machine.
    policy.get('consent')?.checks.remove('native_client_prompt')
    return new OpenIdProvider(url, configuration(options, groups_of, policy))
  })
  provider.use(async (context, next) => {
    await next()
    // RFC 8628, section 3.2: without it, everybody waits up to 5 seconds for what is on the same machine.
    if (context.path === '/device/auth' && context.status === 200)
      context.body = { ...context.body, interval: 1 }
  })
  const { refreshed } = options
  if (refreshed !== undefined)
    provider.on('grant.success', ({ body }) => {
      const token: unknown = Object(body)['refresh_token']
      if (typeof token === 'string') refreshed(token)
    })
  const serve = provider.callback()
  server.on('request', (request, response) => {
    const done =
      request.url?.startsWith(interaction_path) === true
        ? interact(provider, passwords, request, response)
        : serve(request, response)
    done.catch(() => send(response, 400, messagePage('This sign-in is over. Begin it again.')))
  })
  return {
    url,
    passwords,
    async signOut(name) {
      const client = await provider.Client.find(options.client_id)
      // Its types do not know the method that its own logout page calls.
      const tell = client?.['backchannelLogout']
      if (typeof tell !== 'function') throw new Error('the provider does not tell of logouts')
      await Reflect.apply(tell, client, [name])
    },
    change(name, groups) {
      if (groups === undefined) groups_of.delete(name)
      else groups_of.set(name, groups)
    },
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function configuration(
  { client_id, id_token_s = 3600, logout_uri, refreshed, callback = '' }: IssuerOptions,
  groups_of: ReadonlyMap<string, readonly string[]>,
  policy: interactionPolicy.DefaultPolicy,
): Configuration {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomBytes(8).toString('hex')
  return {
    clients: [
      {
        client_id,
        client_name: 'Sluice',
        // RFC 8252, section 7.3: which port the API has on loopback is not known yet.
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        id_token_signed_response_alg: 'ES256',
        grant_types: [
          ...['urn:ietf:params:oauth:grant-type:device_code', 'authorization_code'],
          ...(refreshed === undefined ? [] : ['refresh_token']),
        ],
        response_types: ['code'],
        redirect_uris: [`http://127.0.0.1${callback_path}${callback}`],
        ...(logout_uri === undefined ? {} : { backchannel_logout_uri: logout_uri }),
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    // Groups belong into the ID token, which is all that the gateway reads.
    conformIdTokenClaims: false,
    claims: { openid: ['sub'], groups: ['groups'] },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      backchannelLogout: { enabled: logout_uri !== undefined },
      userinfo: { enabled: false },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (context, form, _out, error) => {
          context.body =
            error?.name === 'AbortedError'
              ? messagePage('You have refused. Nobody was signed in.')
              : confirmPage('Enter the code that your terminal shows.', '', form, 'Continue')
        },
        userCodeConfirmSource: (context, form, _client, _info, code) => {
          context.body = confirmPage('Does your terminal show this code?', code, form, 'Yes', true)
        },
        successSource: (context) => {
          context.body = messagePage('You are signed in. Go back to your terminal and press Enter.')
        },
      },
    },
    findAccount: (_context, id) => {
      const groups = groups_of.get(id)
      if (groups === undefined) return undefined
      return { accountId: id, claims: () => ({ sub: id, groups: [...groups] }) }
    },
    issueRefreshToken: async () => refreshed !== undefined,
    interactions: { policy, url: (_context, { uid }) => `${interaction_path}${uid}` },
    // The only client is the gateway that people want to sign in at: there is nothing to consent to besides.
    loadExistingGrant: async (context) => {
      const { client, session, provider, params } = context.oidc
      const scope = params?.['scope']
      if (client === undefined || session?.accountId === undefined) return undefined
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope(typeof scope === 'string' ? scope : 'openid')
      await grant.save()
      return grant
    },
    renderError: (context) => {
      context.body = messagePage('This does not work: the link is old or not whole.')
    },
    ttl: {
      AccessToken: 300,
      DeviceCode: 600,
      IdToken: id_token_s,
      RefreshToken: 3600,
      Interaction: 600,
      Session: 600,
      Grant: 600,
    },
  }
}

/** Asks for name and password, and passes on who it was. */
async function interact(
  provider: Provider,
  passwords: ReadonlyMap<string, string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt } = await provider.interactionDetails(request, response)
  if (prompt.name !== 'login') throw new Error('only logins need a person here')
  if (request.method !== 'POST') {
    send(response, 200, loginPage(false))
    return
  }
  const form = await readForm(request)
  if (form.has('abort')) {
    const result = { error: 'access_denied', error_description: 'refused by the person' }
    await provider.interactionFinished(request, response, result)
    return
  }
  const name = form.get('name') ?? ''
  if (!isSame(form.get('password') ?? '', passwords.get(name))) {
    send(response, 401, loginPage(true))
    return
  }
  await provider.interactionFinished(request, response, { login: { accountId: name } })
}

/** In a time that does not depend on how much of it is right. */
function isSame(given: string, password: string | undefined): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const is_equal = timingSafeEqual(digest(given), digest(password ?? ''))
  return is_equal && password !== undefined
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const bytes of request) {
    text += String(bytes)
    if (text.length > form_bytes_max) throw new Error('more than the form has')
  }
  return new URLSearchParams(text)
}

function send(response: ServerResponse, status: number, html: string): void {
  if (response.headersSent) response.end()
  else response.writeHead(status, page_headers).end(html)
}

/**
 * It warns of what a trial is on purpose (memory as its store) and of Bun, where all that is used here works: on
 * stderr, where the gateway logs JSON lines.
 */
async function quietly<T>(make: () => Promise<T>): Promise<T> {
  const { info, warn } = console
  console.info = () => {}
  console.warn = () => {}
  try {
    return await make()
  } finally {
    console.info = info
    console.warn = warn
  }
}
