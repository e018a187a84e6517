/** SAML providers of a configuration, read before anybody signs in. */
import { expect, test } from 'bun:test'
import { prepareSaml, type SamlFiles } from './prepare.ts'
import { idp } from './world.ts'

const one: SamlFiles = {
  name: 'corp',
  groups_attribute: 'groups',
  page_session_s: 3600,
  roles: {},
  idp: { kind: 'metadata', xml: idp.metadata },
}
const named = (changes: object = {}): SamlFiles => ({
  ...one,
  name: 'other',
  idp: {
    kind: 'named',
    entity_id: 'https://other.example.com',
    entry_point: 'https://other.example.com/sso',
    certificates: idp.certificate,
    ...changes,
  },
})

test('each is what its metadata says, or what was copied out of it', async () => {
  const two = named({ certificates: `of today\n${idp.certificate}\n${idp.certificate}` })
  const prepared = await prepareSaml([one, two])
  if (!prepared.ok) throw new Error(prepared.problem)
  expect(prepared.settings.map(({ idp: { entity_id } }) => entity_id)).toEqual([
    idp.entity_id,
    'https://other.example.com',
  ])
  expect(prepared.settings[1]?.idp.certificates).toHaveLength(2)
})

test('the first that is wrong is told, by its place', async () => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ certificates: 'x' }, 'no certificate'],
    [{ certificates: idp.certificate.replace('MII', 'AAA') }, 'cannot be read'],
    [{ entry_point: 'http://other.example.com' }, 'not https'],
    [{ entry_point: 'javascript:alert(1)' }, 'not https'],
    [{ entity_id: '' }, 'entity ID'],
    [{ entity_id: idp.entity_id }, 'another provider has this entity ID'],
    [{ certificates: idp.certificate.repeat(9) }, 'more than 8'],
  ]
  for (const [changes, problem] of wrong)
    expect(await prepareSaml([one, named(changes)])).toEqual({
      ok: false,
      index: 1,
      problem: expect.stringContaining(problem),
    })
})
