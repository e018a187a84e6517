/**
 * A provider says that somebody's sign-in is over: a real OpenID provider tells the gateway, and the sessions of a real ssh
 * that were signed in by it end, wherever they run; what it had issued is good for nothing any more.
 */
import { expect } from 'bun:test'
import { startIssuer } from '../../proxy/trial/issuer.ts'
import { openGuarded } from '../fixture/guarded.ts'
import { freePort } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd, testWith, worker_counts } from '../fixture/require.ts'
import { until } from '../fixture/until.ts'
import { openSignedIn } from './signed-in.ts'
import type { Terminal } from './terminal.ts'

const people = [
  { name: 'eve', groups: ['staff'] },
  { name: 'max', groups: ['staff'] },
]
const client_id = 'sluice'

for (const workers of worker_counts)
  testWith(
    [ssh, sshd, ssh_keygen],
    `ends the sessions of that person and of nobody else, with ${workers === 1 ? 'one process' : 'workers'}`,
    async () => {
      const api = `127.0.0.1:${await freePort()}`
      const logout_uri = `http://${api}/login/corp/backchannel-logout`
      const issuer = await startIssuer({ people, client_id, logout_uri })
      using started = new DisposableStack()
      started.defer(() => issuer.stop())
      const { url: at } = issuer
      await using guarded = await openGuarded({
        sections: {
          gateway: { name: 'edge-1', public_url: `http://${api}` },
          listen: { ssh: '127.0.0.1:0', api },
          identity: { oidc: [{ name: 'corp', issuer: at, client_id }] },
        },
        arguments: workers === 1 ? [] : ['--workers', String(workers)],
      })
      const open = (name: string): Promise<Terminal> => openSignedIn(guarded, issuer, name)
      const endOf = async (subject: string): Promise<string | undefined> =>
        (await guarded.sessions()).find((each) => each.subject === subject)?.end_reason
      await using of_eve = await open('eve')
      await using of_max = await open('max')
      await issuer.signOut('eve')
      await of_eve.until(/sluice: your sign-in was ended at corp: connect again/)
      expect(await until('an end', () => endOf('eve'))).toBe('revoked')
      of_max.type('still here\r')
      await of_max.until(/still here[^]*still here/)
      expect(await endOf('max')).toBeUndefined()
      const forged = await fetch(logout_uri, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: 'x.y.z' }),
      })
      expect(forged.status).toBe(400)
      expect(await endOf('max')).toBeUndefined()
      const nobody = await fetch(logout_uri.replace('corp', 'other'), { method: 'POST' })
      expect(nobody.status).toBe(404)
    },
    180_000,
  )
