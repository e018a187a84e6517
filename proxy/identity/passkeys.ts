/**
 * Passkeys (W3C Web Authentication) with which people sign their approvals: registered once, kept as public keys, and
 * checked against the page's own origin. The first one of a person is taken on the strength of their sign-in; each further
 * one has to be signed for by one that is there, so a session that somebody took over registers nothing.
 *
 * @module
 */
import type {
  AuthenticationResponseJSON,
  RegistrationResponseJSON,
  WebAuthnCredential,
} from '@simplewebauthn/server'
import type { PasskeySignature } from '../core/approval.ts'
import { passkey_ceremonies_max, passkey_ceremony_ms, passkeys_each_max } from './limits.ts'

export interface PasskeyPorts {
  /** Of the page: `https://HOST`, or `http://localhost:PORT`. */
  origin(): string
  /** Resolves when the fact is durable. */
  note(
    type: 'passkey.registered' | 'passkey.removed',
    facts: Readonly<Record<string, unknown>>,
  ): Promise<void>
  /** What was kept, and keeps all of it, durably. */
  load(): readonly KeptPasskey[]
  save(all: readonly KeptPasskey[]): void
  now_us(): number
}

export interface KeptPasskey {
  readonly issuer: string
  readonly subject: string
  /** base64url */
  readonly credential: string
  /** COSE_Key (RFC 9052), base64. */
  readonly cose_key: string
  readonly public_key: Readonly<Record<string, string>>
  readonly created_us: number
}

interface Person {
  readonly issuer?: string
  readonly subject: string
}

type Refused = { readonly ok: false; readonly reason: string }

export interface PasskeyRegister {
  list(person: Person): readonly KeptPasskey[]
  begin(person: Person): Promise<{ readonly create: unknown; readonly get: unknown } | undefined>
  finish(
    person: Person,
    created: unknown,
    assertion: unknown,
  ): Promise<({ readonly ok: true } & KeptPasskey) | Refused>
  check(
    person: Person,
    digest: string,
    assertion: unknown,
  ): Promise<{ readonly ok: true; readonly passkey: PasskeySignature } | Refused>
  remove(by: Person, credential: string): Promise<boolean>
}

interface Ceremony {
  readonly challenge: string
  readonly ends_us: number
}

/** Of a hundred megabytes of modules: loaded when somebody has a passkey. */
const library = (): Promise<typeof import('@simplewebauthn/server')> =>
  import('@simplewebauthn/server')

export function createPasskeys(ports: PasskeyPorts): PasskeyRegister {
  let kept = ports.load()
  const ceremonies = new Map<string, Ceremony>()
  const rp_id = (): string => new URL(ports.origin()).hostname

  const keyOf = ({ issuer = '', subject }: Person): string => JSON.stringify([issuer, subject])
  const list = (person: Person): readonly KeptPasskey[] =>
    kept.filter((each) => keyOf(each) === keyOf(person))

  /** The credential of this person that signed the challenge. */
  const signer = async (
    person: Person,
    challenge: string,
    assertion: unknown,
  ): Promise<KeptPasskey | undefined> => {
    const response = assertion as AuthenticationResponseJSON // The library looks at each member.
    const known = list(person).find(({ credential }) => credential === response.id)
    if (known === undefined) return undefined
    const credential: WebAuthnCredential = {
      id: known.credential,
      publicKey: new Uint8Array(Buffer.from(known.cose_key, 'base64')),
      // Passkeys that are kept in several places count none.
      counter: 0,
    }
    const { verifyAuthenticationResponse } = await library()
    try {
      const { verified } = await verifyAuthenticationResponse({
        response,
        expectedChallenge: challenge,
        expectedOrigin: ports.origin(),
        expectedRPID: rp_id(),
        credential,
        requireUserVerification: true,
      })
      return verified ? known : undefined
    } catch {
      return undefined
    }
  }

  const begin: PasskeyRegister['begin'] = async (person) => {
    const now_us = ports.now_us()
    for (const [key, { ends_us }] of ceremonies) if (ends_us <= now_us) ceremonies.delete(key)
    const own = list(person)
    if (own.length >= passkeys_each_max || ceremonies.size >= passkey_ceremonies_max)
      return undefined
    const { generateRegistrationOptions, generateAuthenticationOptions } = await library()
    const credentials = own.map(({ credential: id }) => ({ id }))
    const create = await generateRegistrationOptions({
      rpName: 'Sluice',
      rpID: rp_id(),
      userName: person.subject,
      attestationType: 'none',
      excludeCredentials: credentials,
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
      supportedAlgorithmIDs: [-8, -7, -257],
    })
    const { challenge } = create
    ceremonies.set(keyOf(person), { challenge, ends_us: now_us + passkey_ceremony_ms * 1_000 })
    if (own.length === 0) return { create, get: undefined }
    const get = await generateAuthenticationOptions({
      rpID: rp_id(),
      // The bytes, so that both sign the same.
      challenge: new Uint8Array(Buffer.from(challenge, 'base64url')),
      allowCredentials: credentials,
      userVerification: 'required',
    })
    return { create, get }
  }

  const finish: PasskeyRegister['finish'] = async (person, created, assertion) => {
    const ceremony = ceremonies.get(keyOf(person))
    ceremonies.delete(keyOf(person))
    if (ceremony === undefined || ceremony.ends_us <= ports.now_us())
      return refused('this took too long: begin again')
    const needs_other = list(person).length > 0
    const other = needs_other
      ? await signer(person, ceremony.challenge, assertion ?? {})
      : undefined
    if (needs_other && other === undefined)
      return refused('a passkey that you have already must sign for another one')
    const made = await read(created as RegistrationResponseJSON, ceremony.challenge)
    if (made === undefined) return refused('this is not a new passkey for this page')
    const passkey: KeptPasskey = {
      issuer: person.issuer ?? '',
      subject: person.subject,
      ...made,
      created_us: ports.now_us(),
    }
    if (kept.some(({ credential }) => credential === passkey.credential))
      return refused('this passkey is registered already')
    const { issuer, subject, credential, public_key } = passkey
    const signed_by = other === undefined ? {} : { signed_by: other.credential }
    await ports.note('passkey.registered', {
      issuer,
      subject,
      credential,
      public_key,
      ...signed_by,
    })
    // One that began at the same time may have been faster: then this was not signed for.
    if (!needs_other && list(person).length > 0)
      return refused('a passkey that you have already must sign for another one')
    keep([...kept, passkey])
    return { ok: true, ...passkey }
  }

  const read = async (
    response: RegistrationResponseJSON,
    challenge: string,
  ): Promise<Pick<KeptPasskey, 'credential' | 'cose_key' | 'public_key'> | undefined> => {
    const { verifyRegistrationResponse } = await library()
    try {
      const { verified, registrationInfo } = await verifyRegistrationResponse({
        response,
        expectedChallenge: challenge,
        expectedOrigin: ports.origin(),
        expectedRPID: rp_id(),
        requireUserVerification: true,
        supportedAlgorithmIDs: [-8, -7, -257],
      })
      if (!verified) return undefined
      const { id, publicKey } = registrationInfo.credential
      const public_key = await asJwk(publicKey)
      return public_key === undefined
        ? undefined
        : { credential: id, cose_key: Buffer.from(publicKey).toString('base64'), public_key }
    } catch {
      return undefined
    }
  }

  const keep = (all: readonly KeptPasskey[]): void => {
    ports.save(all)
    kept = all
  }

  return {
    list,
    begin,
    finish,
    async check(person, digest, assertion) {
      const challenge = Buffer.from(digest, 'hex').toString('base64url')
      const by = await signer(person, challenge, assertion)
      if (by === undefined) return refused('no passkey of yours has signed this request')
      const { response } = assertion as AuthenticationResponseJSON // The library has read it.
      const base64 = (text: string): string => Buffer.from(text, 'base64url').toString('base64')
      return {
        ok: true,
        passkey: {
          credential: by.credential,
          public_key: by.public_key,
          authenticator_data: base64(response.authenticatorData),
          client_data: base64(response.clientDataJSON),
          signature: base64(response.signature),
        },
      }
    },
    async remove(by, credential) {
      const found = kept.find((each) => each.credential === credential)
      if (found === undefined) return false
      const { issuer, subject } = found
      const removed_by = { issuer: by.issuer ?? '', subject: by.subject }
      await ports.note('passkey.removed', { issuer, subject, credential, by: removed_by })
      keep(kept.filter((each) => each !== found))
      return true
    },
  }
}

const refused = (reason: string): Refused => ({ ok: false, reason })

/** P-256, Ed25519 or RSA; undefined for any other. */
async function asJwk(
  cose_key: Uint8Array<ArrayBuffer>,
): Promise<Record<string, string> | undefined> {
  const { cose, decodeCredentialPublicKey } = await import('@simplewebauthn/server/helpers')
  const key = decodeCredentialPublicKey(cose_key)
  const text = (bytes: Uint8Array | undefined): string =>
    Buffer.from(bytes ?? new Uint8Array()).toString('base64url')
  if (cose.isCOSEPublicKeyEC2(key) && key.get(cose.COSEKEYS.crv) === cose.COSECRV.P256)
    return {
      kty: 'EC',
      crv: 'P-256',
      x: text(key.get(cose.COSEKEYS.x)),
      y: text(key.get(cose.COSEKEYS.y)),
    }
  if (cose.isCOSEPublicKeyOKP(key) && key.get(cose.COSEKEYS.crv) === cose.COSECRV.ED25519)
    return { kty: 'OKP', crv: 'Ed25519', x: text(key.get(cose.COSEKEYS.x)) }
  if (cose.isCOSEPublicKeyRSA(key))
    return { kty: 'RSA', n: text(key.get(cose.COSEKEYS.n)), e: text(key.get(cose.COSEKEYS.e)) }
  return undefined
}
