/** pgjdbc, which speaks the protocol by itself: TLS, prepared statements, both formats, batches, fetch size, COPY, cancel. */
import { expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Component, testSlow } from '../../fixture/require.ts'
import { components } from '../world.ts'
import { driven, openDriverWorld } from './world.ts'

const javac: Component = '/usr/bin/javac'
const pgjdbc: Component = '/usr/share/java/postgresql.jar'

testSlow(
  [...components, javac, pgjdbc],
  'pgjdbc does through the gateway what it does with a database',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-jdbc-'))
    try {
      const source = join(import.meta.dir, 'Drive.java')
      await driven([javac, '-cp', pgjdbc, '-d', dir, source], { PATH: Bun.env['PATH'] ?? '' })
      await using world = await openDriverWorld()
      const url = `jdbc:postgresql://localhost:${world.gateway.postgres.port}/postgres`
      const words = ['/usr/bin/java', '-cp', `${pgjdbc}:${dir}`, 'Drive']
      const said = await driven([...words, url, world.certificates.ca_file], world.env)
      const prepared = 'prepared, named true: 1|ada|***********|null|null'
      expect(said.trim().split('\n')).toEqual([
        ...[prepared, prepared, prepared, prepared, prepared],
        'types: 1099511627776|[0, -1]|[1, null, 3]|12.50|00000000-0000-4000-8000-000000000001|1.5',
        'batch: 500',
        'batch refused: 42501 [-3, -3, -3]',
        'fetch size: 95 ***********',
        'copy in: 2',
        'copy out: 2000\tcopied;2001\t\\N;',
        'copy of what is protected: 1\t***********',
        'notification: news something',
        'cancel: 57014',
        'refused: 42501',
        'metadata: text',
      ])
    } finally {
      rmSync(dir, { recursive: true })
    }
  },
  120_000,
)
