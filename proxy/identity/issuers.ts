/**
 * Everybody whose ID tokens are believed: OpenID providers for people, forges for jobs.
 *
 * @module
 */
import { decodeJwt } from 'jose'
import type { IdentityProof } from '../core/identity.ts'
import type { Denial } from '../core/verdict.ts'
import { type CiRules, ciIdentityOf } from './ci.ts'
import { type ClaimRules, identityOf, type Known } from './claims.ts'
import type { VerifiedIdToken } from './id-token.ts'
import { id_token_characters_max } from './limits.ts'
import { createProvider, type Provider, type ProviderPorts } from './provider.ts'

export interface Vouched extends Known {
  readonly proof: IdentityProof
}

export interface Issuers {
  /** Undefined where the token is of none of them. Never rejects. */
  prove(jwt: string): Promise<Vouched | Denial | undefined>
  /** Undefined for one that is not configured. */
  rules(issuer: string): Pick<ClaimRules, 'bind_session_to_token'> | undefined
}

export function createIssuers(
  providers: readonly Provider[],
  jobs: readonly CiRules[],
  ports: ProviderPorts,
): Issuers {
  const by_issuer = new Map(providers.map((each) => [each.settings.issuer, each]))
  const forges = Map.groupBy(jobs, ({ issuer }) => issuer)
  const verifiers = new Map<string, Provider>()
  const verifierOf = ({ issuer, audience, name }: CiRules): Provider => {
    const key = JSON.stringify([issuer, audience])
    const known = verifiers.get(key) ?? createProvider(forgeSettings(issuer, audience, name), ports)
    verifiers.set(key, known)
    return known
  }

  const ofForge = async (rules: readonly CiRules[], jwt: string): Promise<Vouched | Denial> => {
    let last: Denial = denied('identity.ci.invalid', 'the token is for nobody here')
    for (const of_audience of Map.groupBy(rules, ({ audience }) => audience).values()) {
      const [first] = of_audience
      if (first === undefined) continue
      const verified = await verifierOf(first).verify(jwt)
      if (!verified.ok) {
        last = denied(`identity.ci.${verified.refusal}`, `${first.name}: ${verified.reason}`)
        continue
      }
      const identity = ciIdentityOf(of_audience, verified.claims, jwt)
      if ('allowed' in identity) last = identity
      else return { identity, roles: ['user'], proof: proofOf(jwt, verified) }
    }
    return last
  }

  return {
    rules(issuer) {
      if (forges.has(issuer)) return { bind_session_to_token: false }
      return by_issuer.get(issuer)?.settings
    },
    async prove(jwt) {
      if (jwt.length > id_token_characters_max)
        return denied('identity.token.too_long', 'the token is too long')
      const issuer = claimedIssuer(jwt) ?? ''
      const provider = by_issuer.get(issuer)
      if (provider !== undefined) return prove(provider, jwt)
      const rules = forges.get(issuer)
      return rules === undefined ? undefined : ofForge(rules, jwt)
    },
  }
}

/** Who a token of this provider names. `nonce`: that of the request, when the token answers to one of ours. */
export async function prove(
  provider: Provider,
  jwt: string,
  nonce?: string,
): Promise<Vouched | Denial> {
  const { settings } = provider
  const verified = await provider.verify(jwt, nonce)
  if (!verified.ok)
    return denied(`identity.oidc.${verified.refusal}`, `${settings.name}: ${verified.reason}`)
  const known = identityOf(settings, verified.claims, jwt)
  return 'allowed' in known ? known : { ...known, proof: proofOf(jwt, verified) }
}

function proofOf(jwt: string, { key }: Extract<VerifiedIdToken, { ok: true }>): IdentityProof {
  const text = new TextEncoder()
  return {
    kind: 'token',
    fields: { jwt: text.encode(jwt), issuer_jwk: text.encode(JSON.stringify(key)) },
  }
}

/** A forge signs nobody in: only its tokens are read, whose audience is what a client's id is elsewhere. */
const forgeSettings = (issuer: string, audience: string, name: string): Provider['settings'] => ({
  ...{ name, issuer, client_id: audience, scopes: ['openid'], roles: {} },
  ...{ groups_claim: 'groups', subject_claim: 'sub', bind_session_to_token: false },
  ...{ recheck_s: 0, recheck_grace_s: 0, page_session_s: 0 },
})

/** Only chooses who verifies: nothing else is believed of it. */
function claimedIssuer(jwt: string): string | undefined {
  try {
    return decodeJwt(jwt).iss
  } catch {
    return undefined
  }
}

function denied(rule: string, message: string): Denial {
  return { allowed: false, rule, message }
}
