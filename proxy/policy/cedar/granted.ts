/**
 * A judge that knows of grants: what policy does not permit by itself is asked once more with the grants that somebody has
 * there, each by itself, and the answer says which one it rests on.
 *
 * @module
 */
import type { AccessGate, GrantScope, TimedGrant } from '../../core/access.ts'
import type { Identity } from '../../core/identity.ts'
import type { Denial, Verdict } from '../../core/verdict.ts'
import type { Judge, Place } from './judge.ts'

export function withGrants(judge: Judge, access: AccessGate): Judge {
  const decide = (
    identity: Identity,
    place: Place,
    scope: GrantScope | undefined,
    ask: (place: Place) => Verdict,
    fits: (grant: TimedGrant) => boolean = (grant) => scope === undefined || covers(grant, scope),
  ): Verdict => {
    const { let_in_by } = place
    if (scope !== undefined && let_in_by !== undefined && !covers(let_in_by, scope))
      return outOfScope(let_in_by, scope)
    const without = ask(place)
    if (without.allowed) return without
    let best: Verdict = without
    for (const grant of access.grants(identity, place.target, place.account)) {
      if (!fits(grant)) continue
      const verdict = ask({ ...place, grant })
      if (verdict.allowed) return { ...verdict, by_grant: grant }
      // What may be approved is more than what may not.
      if (verdict.hold !== undefined && !best.allowed && best.hold === undefined)
        best = { ...verdict, hold: { ...verdict.hold, by_grant: grant } }
    }
    return best
  }
  return {
    ...judge,
    plain: (identity, place, action) =>
      decide(identity, place, action === 'connect' ? undefined : action, (at) =>
        judge.plain(identity, at, action),
      ),
    shell: (identity, place, request) =>
      decide(identity, place, 'shell', (at) => judge.shell(identity, at, request)),
    exec: (identity, place, request) =>
      decide(identity, place, 'exec', (at) => judge.exec(identity, at, request)),
    query: (identity, place, asked) =>
      decide(identity, place, 'query', (at) => judge.query(identity, at, asked)),
    typed(identity, place, line) {
      let is_partial = false
      const ask = (at: Place): Verdict => {
        const judged = judge.typed(identity, at, line)
        ;({ is_partial } = judged)
        return judged.verdict
      }
      // What it is typed into, a shell or a program, was in the scope of what let it in.
      const fits = (grant: TimedGrant): boolean => covers(grant, 'shell') || covers(grant, 'exec')
      return { verdict: decide(identity, place, undefined, ask, fits), is_partial }
    },
  }
}

const covers = ({ scope }: TimedGrant, wanted: GrantScope): boolean =>
  scope.length === 0 || scope.includes(wanted)

const words: Readonly<Record<GrantScope, string>> = {
  exec: 'commands',
  shell: 'an interactive shell',
  upload: 'uploads',
  download: 'downloads',
  forward: 'forwarding',
  query: 'statements of a database',
}

function outOfScope({ id, scope }: TimedGrant, wanted: GrantScope): Denial {
  const message = `grant ${id}, which let you in, is for ${scope.join(', ')} and not for ${words[wanted]}`
  return { allowed: false, rule: 'access.scope', message }
}
