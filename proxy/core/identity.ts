/**
 * Who is asking, and how that was proven.
 *
 * @module
 */

/** What a client shows to prove who it is. The connector has checked its form, not its owner. */
export type Claim =
  | { readonly kind: 'public_key'; readonly algorithm: string; readonly blob: Uint8Array }
  | { readonly kind: 'token'; readonly jwt: string }

export interface Identity {
  /** Who vouches: `keys` for a registered key, an issuer URL for a token. */
  readonly issuer: string
  readonly subject: string
  readonly groups: readonly string[]
  readonly method: 'public_key' | 'token'
  /** Public name of the credential: an OpenSSH `SHA256:` fingerprint, a token's `jti`, `sid` or fingerprint. */
  readonly credential: string
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

/**
 * The bytes by which an auditor can check the identity again; they go into the sealed envelope only.
 * For an SSH key: the signature and the data that it signed (RFC 4252, section 7), and what a FIDO device stated
 * beside it. For a token: the token as it came, and the public JWK of the issuer that verified it then.
 */
export interface IdentityProof {
  readonly kind: 'ssh_signature' | 'token'
  readonly fields: Readonly<Record<string, Uint8Array>>
}
