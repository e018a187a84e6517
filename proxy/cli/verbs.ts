/**
 * All verbs, each loaded when it is asked for: what the others stand on takes longer to load than most of them run.
 *
 * @module
 */
import { createCompletion } from './completion.ts'
import { createHelp } from './help.ts'
import type { Verb } from './verb.ts'

interface Family {
  readonly names: readonly string[]
  /** In the order of the names. */
  load(): Promise<readonly Verb[]>
}

export const families: readonly Family[] = [
  one('check-config', async () => (await import('./check-config.ts')).checkConfig),
  one('keygen', async () => (await import('./keygen.ts')).keygen),
  one('ssh-config', async () => (await import('./ssh-config.ts')).sshConfig),
  one('login', async () => (await import('./login.ts')).login),
  one('sessions', async () => (await import('./sessions.ts')).sessions),
  one('search', async () => (await import('./search.ts')).search),
  one('show', async () => (await import('./show.ts')).show),
  one('replay', async () => (await import('./replay.ts')).replay),
  one('verify', async () => (await import('./verify.ts')).verify),
  one('index', async () => (await import('./index-bucket.ts')).indexBucket),
  one('trust', async () => (await import('./trust.ts')).trust),
  one('witness', async () => (await import('./witness.ts')).witness),
  one('bundle', async () => (await import('./bundle.ts')).bundle),
  one('page', async () => (await import('./page.ts')).page),
  one('unseal', async () => (await import('./unseal.ts')).unseal),
  one('disclose', async () => (await import('./disclose.ts')).disclose),
  one('reconcile', async () => (await import('./reconcile.ts')).reconcile),
  one('mask', async () => (await import('./mask.ts')).mask),
  one('policy', async () => (await import('./policy.ts')).policy),
  {
    names: ['requests', 'approve', 'deny', 'cancel'],
    load: async () => (await import('./requests.ts')).createRequests(await mint()),
  },
  {
    names: ['request', 'grants', 'review', 'revoke'],
    load: async () => (await import('./grants.ts')).createGrants(await mint()),
  },
  {
    names: ['hold', 'retention'],
    load: async () => (await import('./keeping.ts')).createKeeping(await mint()),
  },
  one('reload', async () => (await import('./reload.ts')).createReloadVerb(await mint())),
  one('token', async () => (await import('./token.ts')).createToken(await mint())),
  one('help', async () => createHelp({ names, load: loadVerb, loadAll })),
  one('completion', async () => createCompletion(loadAll)),
]

export const names: readonly string[] = families.flatMap((family) => family.names)

/** Undefined where there is none of that name. */
export async function loadVerb(name: string): Promise<Verb | undefined> {
  const family = families.find((each) => each.names.includes(name))
  return (await family?.load())?.find((verb) => verb.name === name)
}

export async function loadAll(): Promise<readonly Verb[]> {
  return (await Promise.all(families.map((family) => family.load()))).flat()
}

function one(name: string, load: () => Promise<Verb>): Family {
  return { names: [name], load: async () => [await load()] }
}

const mint = async () => (await import('./mint.ts')).mint
