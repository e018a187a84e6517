/**
 * Tokens as identity makes them, for the verbs that sign with the key of a data directory.
 *
 * @module
 */
import { createClock } from '../core/clock.ts'
import { database_token_lifetime_s_max, mintDatabaseToken } from '../identity/database-token.ts'
import { mintToken, parseTokenKey, roles, token_lifetime_s_max } from '../identity/token.ts'
import type { TokenMint } from './token.ts'

const clock = createClock(Date.now, () => performance.now())

export const mint: TokenMint = {
  roles,
  lifetime_s_max: token_lifetime_s_max,
  database_lifetime_s_max: database_token_lifetime_s_max,
  mint: async (pem, subject, wanted, lifetime_s, groups = []) => {
    const key = parseTokenKey(pem)
    if (key === undefined) return undefined
    const known = roles.filter((role) => wanted.includes(role))
    return mintToken(key, { subject, groups, roles: known, lifetime_s }, clock.now_us())
  },
  mintDatabase: async (pem, subject, groups, lifetime_s, certificate) => {
    const key = parseTokenKey(pem)
    if (key === undefined) return undefined
    const bound = certificate === undefined ? {} : { certificate }
    return mintDatabaseToken(key, { subject, groups, lifetime_s, ...bound }, clock.now_us())
  },
}
