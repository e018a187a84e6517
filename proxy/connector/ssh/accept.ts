/**
 * The client's side until it is authenticated (RFC 4252): which key it has, proven by a signature, or who signs in
 * for it at a provider, and where it wants to go. A client learns nothing about which accounts and targets exist.
 *
 * @module
 */
import type { Identify } from '../../core/connector.ts'
import { ClientError } from '../../core/errors.ts'
import type { Identity, IdentityProof } from '../../core/identity.ts'
import type { SignIn, SignInRequest } from '../../core/sign-in.ts'
import {
  isCertificateName,
  parseCertificate,
  type SshCertificate,
} from '../../core/ssh-certificate.ts'
import {
  isSignatureValid,
  keyType,
  plainRequest,
  type SignedRequest,
  signatureAlgorithm,
} from './key.ts'
import {
  type AuthContext,
  disconnect_reason,
  type LibraryConnection,
  type Negotiated,
  protocolOf,
  sendBanner,
} from './library.ts'
import { auth_failures_max, key_probes_max, login_name_bytes_max } from './limits.ts'
import { clean } from './line.ts'
import { readSecuritySignature, security_key_types } from './security-key.ts'
import { ask, signInByKeyboard } from './sign-in.ts'
import type { Transport } from './transport.ts'

export interface Authenticated {
  readonly identity: Identity
  readonly proof: IdentityProof
  /** As it was typed before the gateway's own name: `ACCOUNT@TARGET`, not yet taken apart. */
  readonly login: string
  readonly context: Readonly<Record<string, string>>
}

/** What a client without a known key can do. */
export interface SignInWay {
  readonly sign_in: SignIn
  /** A person was asked to do something elsewhere. */
  patience(): void
}

export interface AuthenticateOptions {
  readonly identify: Identify
  /** Where a client with this login name comes from and goes to. */
  asked(login: string): SignInRequest
  readonly way?: SignInWay | undefined
  /** Whether an ID token may be the password. */
  readonly tokens: boolean
  /** A credential that is good was shown by somebody who cannot sign with it, or signs with SHA-1. */
  readonly refused?: ((rule: string, source: string) => void) | undefined
}

/**
 * Serves authentication on a connection whose identification string was read. Rejects with a `ClientError`
 * when the client is gone or has tried too often; it is disconnected then.
 */
export function authenticate(
  connection: LibraryConnection,
  socket: Transport,
  client_version: string,
  { identify, asked, way, tokens, refused }: AuthenticateOptions,
): Promise<Authenticated> {
  const methods = [
    'publickey',
    ...(way !== undefined || tokens ? ['keyboard-interactive'] : []),
    ...(tokens ? ['password'] : []),
  ]
  const { promise, resolve, reject } = Promise.withResolvers<Authenticated>()
  const context: Record<string, string> = { client_version: clean(client_version) }
  let failures = 0
  let probes = 0
  /** A key was shown that is nobody's. */
  let is_denied = false
  let violation: Error | undefined
  const gone = new AbortController()

  const refuse = (request: AuthContext, kind: 'probe' | 'failure'): void => {
    if (kind === 'probe') probes += 1
    else failures += 1
    if (probes <= key_probes_max && failures < auth_failures_max) {
      request.reject(methods)
      return
    }
    leave('too many authentication failures')
  }
  const leave = (message: string): void => {
    protocolOf(connection).disconnect(disconnect_reason.no_more_auth_methods, message)
    socket.end()
    reject(new ClientError('unidentified', message))
  }
  const admit = (request: AuthContext, identity: Identity, proof: IdentityProof): void => {
    // Before the reply: the client's first channel may be in the same packet as its next request.
    connection.once('ready', () => resolve({ identity, proof, login: request.username, context }))
    request.accept()
  }

  const decide = async (request: AuthContext): Promise<void> => {
    if (Buffer.byteLength(request.username) > login_name_bytes_max) {
      refuse(request, 'failure')
      return
    }
    if (request.method === 'keyboard-interactive' && way !== undefined) {
      const { sign_in, patience } = way
      // RFC 4252, section 5.1 lets a client go over to another method; the person at the browser is not told.
      request.once('abort', () => leave('the sign-in was given up'))
      const about = asked(request.username)
      const signed_in = await signInByKeyboard(request, sign_in, about, gone.signal, patience)
      if (socket.destroyed) return
      // In words, and no second try: OpenSSH would ask again without saying why.
      if ('allowed' in signed_in) leave(clean(`sluice: ${signed_in.message}`))
      else admit(request, signed_in.identity, signed_in.proof)
      return
    }
    const jwt = tokens ? await givenToken(request) : undefined
    if (jwt !== undefined) {
      const identity = await identify({ kind: 'token', jwt })
      if (socket.destroyed) return
      if ('allowed' in identity) leave(clean(`sluice: ${identity.message}`))
      else
        admit(request, identity, {
          kind: 'token',
          fields: { jwt: new TextEncoder().encode(jwt) },
        })
      return
    }
    const { key } = request
    if (request.method !== 'publickey' || key === undefined) {
      // "none" asks for the list of methods (RFC 4252, section 5.2); it guesses nothing.
      refuse(request, request.method === 'none' ? 'probe' : 'failure')
      return
    }
    const is_signed = request.signature !== undefined
    const { source, account, target } = asked(request.username)
    const certificate = isCertificateName(key.algo) ? certificateOf(key) : undefined
    // A certificate must not reach a parser of keys.
    if (certificate === undefined && keyType(key.data) !== key.algo) {
      refuse(request, is_signed ? 'failure' : 'probe')
      return
    }
    const blob = new Uint8Array(key.data)
    const algorithm = key.algo
    const identity = await identify(
      certificate === undefined
        ? { kind: 'public_key', algorithm, blob }
        : {
            ...{ kind: 'certificate', algorithm, certificate, is_signed, source },
            account: target === '' ? undefined : account,
          },
    )
    if (socket.destroyed) return
    const denial = 'allowed' in identity ? identity : undefined
    if (denial !== undefined) is_denied = true
    if (denial !== undefined && denial.is_for_owner !== true) {
      refuse(request, is_signed ? 'failure' : 'probe')
      return
    }
    if (!is_signed) {
      // The client is told to sign. Not a success, and counted as a question.
      probes += 1
      if (probes <= key_probes_max) request.accept()
      else leave('too many authentication failures')
      return
    }
    const signed = certificate === undefined ? request : plainRequest(request, certificate)
    if (signed === undefined || !isSignatureValid(signed)) {
      if (certificate !== undefined) refused?.('identity.certificate.proof', source)
      refuse(request, 'failure')
      return
    }
    if ('allowed' in identity) {
      // Its owner alone: others would learn from a certificate that they found whether it is still good.
      sendBanner(connection, `sluice: ${clean(identity.message)}\r\n`)
      refuse(request, 'failure')
      return
    }
    admit(request, identity, proofOf(signed, certificate))
  }

  connection.on('authentication', (request: AuthContext) => {
    decide(request).catch((error: unknown) => {
      socket.destroy()
      reject(new ClientError('unidentified', 'identification failed', { cause: error }))
    })
  })
  connection.once('handshake', (negotiated: Negotiated) => {
    Object.assign(context, algorithmsOf(negotiated))
  })
  connection.on('error', (error: Error) => {
    violation ??= error
    socket.destroy()
  })
  socket.once('close', () => {
    gone.abort()
    reject(
      violation !== undefined
        ? new ClientError('client_protocol', 'the client broke the protocol', { cause: violation })
        : is_denied
          ? new ClientError('unidentified', 'no key of the client is anybody here')
          : new ClientError('client_gone', 'the client left before it was authenticated'),
    )
  })
  return promise
}

/** What a job has instead of a key, typed where a person would type. */
async function givenToken(request: AuthContext): Promise<string | undefined> {
  if (request.method === 'password') return request.password ?? ''
  if (request.method !== 'keyboard-interactive') return undefined
  return ask(request, 'ID token: ', false)
}

/** Undefined when it is not one of the type that the algorithm is for. */
function certificateOf({
  algo,
  data,
}: NonNullable<AuthContext['key']>): SshCertificate | undefined {
  const certificate = parseCertificate(data)
  // RFC 8332, section 3: RSA keys have one type, and an algorithm for each hash.
  const type = algo.replace(/^rsa-sha2-(256|512)-cert-/, 'ssh-rsa-cert-')
  return certificate?.algorithm === type ? certificate : undefined
}

/** `ACCOUNT@TARGET`, divided at the last "@": an account may be an e-mail address. */
export function splitLogin(login: string): { account: string; target: string } | undefined {
  const at = login.lastIndexOf('@')
  const account = login.slice(0, at)
  const target = login.slice(at + 1)
  return at > 0 && target !== '' ? { account, target } : undefined
}

/** Facts of the wire, as a record shows them. */
function algorithmsOf(negotiated: Negotiated): Record<string, string> {
  const { kex, serverHostKey, cs, sc } = negotiated
  const withMac = (way: { cipher: string; mac: string }): string =>
    way.mac === '' ? way.cipher : `${way.cipher} ${way.mac}`
  return {
    kex,
    host_key_algorithm: serverHostKey,
    cipher_to_gateway: withMac(cs),
    cipher_to_client: withMac(sc),
  }
}

/**
 * An auditor can check it with any tool: `data` is what was signed, ECDSA signatures are in DER. A security key signs
 * `SHA256(application) || flags || counter || SHA256(data)`, with the application that ends its blob. A certificate is
 * there as it came, and in the data.
 */
function proofOf(request: SignedRequest, certificate?: SshCertificate): IdentityProof {
  const signature = new Uint8Array(request.signature ?? [])
  const algorithm = signatureAlgorithm(request)
  const stated = security_key_types.includes(algorithm)
    ? readSecuritySignature(algorithm, signature)
    : undefined
  return {
    kind: 'ssh_signature',
    fields: {
      algorithm: new TextEncoder().encode(algorithm),
      public_key: new Uint8Array(request.key?.data ?? []),
      signature,
      data: new Uint8Array(request.blob ?? []),
      ...(certificate === undefined ? {} : { certificate: certificate.blob }),
      ...stated,
    },
  }
}
