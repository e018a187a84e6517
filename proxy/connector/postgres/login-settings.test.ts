/** No setting comes with a login that a statement would have to ask for. */
import { expect, test } from 'bun:test'
import { refusedSettings } from './login-settings.ts'

const of = (options: string) => refusedSettings(new Map([['options', options]]))

for (const options of [
  '-c role=boss',
  '-crole=boss',
  '--role=boss',
  '-c  ROLE=boss',
  '-c geqo=off --Session-Authorization=boss',
  String.raw`-c ro\le=boss`,
  String.raw`-c a.b=x\ y -c role=boss`,
  '-c session_replication_role=replica',
  '--local-preload-libraries=x',
  '-c session_preload_libraries=x',
  '-c jit_provider=x',
])
  test(`is refused: ${options}`, () => expect(of(options)).toContain('is judged by policy'))

for (const options of ['-O', '-P', '-c', '-c geqo', 'role=boss', '-c geqo=off -f s', '-', '--'])
  test(`is no setting: ${options}`, () => expect(of(options)).toContain('settings alone'))

for (const options of [
  '',
  '  ',
  '-c geqo=off',
  '-cgeqo=off --work_mem=1MB',
  '-csluice.login=corp',
  String.raw`-c search_path=a,\ b`,
  '-c application_name=--role=boss',
  '-c standard_conforming_strings=on',
])
  test(`is let through: ${options}`, () => expect(of(options)).toBeUndefined())

test('is refused also where it stands by itself', () => {
  expect(refusedSettings(new Map([['Role', 'boss']]))).toContain('the setting role')
  const usual = {
    user: 'app@orders',
    database: 'shop',
    client_encoding: 'EUC_JP',
    DateStyle: 'ISO',
  }
  expect(refusedSettings(new Map(Object.entries(usual)))).toBeUndefined()
})
