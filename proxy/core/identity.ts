/**
 * Who is asking, and how that was proven.
 *
 * @module
 */
import type { SshCertificate } from './ssh-certificate.ts'

/** What a client shows to prove who it is. The connector has checked its form, not its owner. */
export type Claim =
  | { readonly kind: 'public_key'; readonly algorithm: string; readonly blob: Uint8Array }
  | {
      readonly kind: 'certificate'
      /** Of the signature that the client offers: `rsa-sha2-512-cert-v01@openssh.com` for a type `ssh-rsa-cert-v01@...`. */
      readonly algorithm: string
      readonly certificate: SshCertificate
      /** Whether the client signs with it, or asks whether it would do. The signature is not verified yet. */
      readonly is_signed: boolean
      /** `IP:PORT` of the client. */
      readonly source: string
      /** Undefined for a client that goes on to targets from here: each of those connections is asked for again. */
      readonly account: string | undefined
    }
  | {
      readonly kind: 'token'
      readonly jwt: string
      /** Base64url of the SHA-256 of the certificate whose key the client proved to have; absent for none. */
      readonly client_certificate?: string
    }

export interface Identity {
  /**
   * Who vouches: `keys` for a registered key, an issuer URL for a token, also where the gateway made a certificate or a
   * token of its own out of that one; `ssh_ca:NAME` for a certificate of an authority of the configuration; a SAML
   * provider's entity ID for an assertion.
   */
  readonly issuer: string
  readonly subject: string
  readonly groups: readonly string[]
  readonly method: 'public_key' | 'certificate' | 'token' | 'saml'
  /**
   * Public name of the credential: the OpenSSH `SHA256:` fingerprint of a key, also of one that a certificate is for; a
   * token's `jti`, `sid` or fingerprint; an assertion's ID.
   */
  readonly credential: string
  /** Set where a certificate named them: what `ssh-keygen -L` and a revocation call it. */
  readonly certificate?: CertificateFacts
  /** UTC in microseconds: when its sessions end, where they are bound to the credential's own end. */
  readonly ends_us?: number
  /** Of somebody whom a provider signed in: how that provider names them and the sign-in, when it ends it. */
  readonly login?: ProviderLogin
}

export interface ProviderLogin {
  readonly sub: string
  readonly sid?: string
  /** UTC in microseconds. */
  readonly issued_us: number
}

export interface CertificateFacts {
  /** Decimal: a 64-bit number. Authorities other than the gateway's may use one twice, and use 0 for "none". */
  readonly serial: string
  readonly key_id: string
  /** `SHA256:` fingerprint of the authority's key. */
  readonly authority: string
  /** UTC in microseconds: nobody gets in with it from then on. */
  readonly valid_before_us: number
}

/**
 * The bytes by which an auditor can check the identity again; they go into the sealed envelope only.
 * For an SSH key: the signature and the data that it signed (RFC 4252, section 7), what a FIDO device stated
 * beside it, and the certificate where the key has one. For a token: the token as it came, and the public JWK of the issuer that verified it
 * then. For SAML: the response as it came, and the certificates of the provider.
 */
export interface IdentityProof {
  readonly kind: 'ssh_signature' | 'token' | 'saml_response'
  readonly fields: Readonly<Record<string, Uint8Array>>
}

export { mayBeSame } from '../../storage/evidence/person.ts'
