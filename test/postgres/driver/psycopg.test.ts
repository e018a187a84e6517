/** psycopg, on libpq: TLS, prepared statements, both formats, pipelines, batches, cursors, COPY, notifications, cancel. */
import { expect } from 'bun:test'
import { join } from 'node:path'
import { type Component, testSlow } from '../../fixture/require.ts'
import { components } from '../world.ts'
import { driven, openDriverWorld } from './world.ts'

/** Debian's, whatever other Python a machine has. */
const python: Component = '/usr/bin/python3'
const psycopg: Component = '/usr/lib/python3/dist-packages/psycopg/__init__.py'
const script = join(import.meta.dir, 'drive.py')

testSlow(
  [...components, python, psycopg],
  'psycopg does through the gateway what it does with a database',
  async () => {
    await using world = await openDriverWorld()
    const place = `dbname=postgres host=localhost hostaddr=127.0.0.1`
    const dsn = `${place} sslmode=verify-full sslrootcert=${world.certificates.ca_file}`
    const said = await driven([python, script, dsn], world.env)
    const lines = said.trim().split('\n')
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      ['tls', true],
      ['prepared, binary False', [1, 'ada', '***********', null]],
      ['prepared, binary True', [1, 'ada', '***********', null]],
      ['names', [true]],
      ['types', [2 ** 40, 1.5, '00ff', 981173106, [1, null, 3], { a: [1] }, '12.50', true]],
      ['pipeline', [100, 'name 99']],
      ['batch', [50, 100, 149]],
      // What came before the refused one in the pipeline is undone with it.
      ['pipeline refused', ['42501', [0]]],
      ['cursor of the server', [95, [1, '***********']]],
      ['copy', [500, ['2000', 'copied']]],
      ['copy in binary', [[3000, 'in binary']]],
      ['copy of what is protected', [['1', 'ada', '***********', null, null]]],
      ['notification', ['news', 'something']],
      ['cancel', true],
      ['fault', ['42601', '1']],
      ['after all', [7]],
    ])
  },
  90_000,
)
