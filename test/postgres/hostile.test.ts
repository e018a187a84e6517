/** A target that means harm, behind a whole gateway: what it says is masked and on record, and what it wants it does not get. */
import { afterAll, beforeAll, expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { message } from '../../proxy/connector/postgres/message.ts'
import { makeCertificates } from '../fixture/certificate.ts'
import { sluice } from '../fixture/gateway.ts'
import type { Postgres } from '../fixture/postgres.ts'
import { testWith } from '../fixture/require.ts'
import {
  complete,
  described,
  type Hostile,
  letIn,
  readyForQuery,
  row,
  type Script,
  setting,
  startHostile,
  words,
} from './hostile.ts'
import { components, openWorld, type PostgresWorld } from './world.ts'

const secret = 'AKIAIOSFODNN7EXAMPLE'
const heard: string[] = []

/** By the name of the database. */
const scripts: Readonly<Record<string, Script>> = {
  async greets(wire) {
    const notice = words('N', { S: 'NOTICE', C: '00000', M: `the key is ${secret}` })
    wire.send(letIn, setting('server_version', '15.0'), notice, readyForQuery)
    await wire.next()
    wire.send(described({ name: 'one' }), row('1'), complete('SELECT 1'), readyForQuery)
    await wire.rest()
  },
  async copies(wire) {
    wire.send(letIn, readyForQuery)
    await wire.next()
    wire.send(message('G', 0, { u16: 1 }, { u16: 0 }))
    for (;;) heard.push(`${(await wire.next()).type}`)
  },
  async verbose(wire) {
    wire.send(letIn, readyForQuery)
    await wire.next()
    const error = words('E', {
      S: `ERROR ${secret}`,
      V: 'ERROR',
      C: '22000',
      M: 'no',
      F: secret,
      L: '1',
      R: secret,
    })
    wire.send(error, readyForQuery)
    await wire.rest()
  },
}

let hostile: Hostile
let world: PostgresWorld | undefined
const dir = mkdtempSync(join(tmpdir(), 'sluice-hostile-'))
beforeAll(async () => {
  if (!components.every((path) => Bun.file(path).size > 0)) return
  hostile = await startHostile(
    (wire, database) => scripts[database]?.(wire, database) ?? Promise.resolve(),
  )
  const unused = (): never => {
    throw new Error('it is no database')
  }
  const database: Postgres = {
    ...{ port: hostile.port, address: hostile.address },
    owner: { user: 'owner', password: 'unused' },
    owner_password_file: '',
    certificates: makeCertificates(dir, ['IP:127.0.0.1']),
    ...{ log: unused, run: unused, addLogin: unused, stop: unused },
    [Symbol.asyncDispose]: async () => {},
  }
  world = await openWorld({ database, tls: 'off' })
}, 60_000)
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await hostile?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
}, 30_000)

const ask = (database: string, stdin: string) => {
  if (world === undefined) throw new Error('there is no gateway')
  return world.psql(['-d', database, '-v', 'VERBOSITY=verbose'], { stdin })
}

testWith(components, 'what it says before it is ready is masked, and on record', async () => {
  const { stdout, stderr } = await ask('greets', 'SELECT 1;\n')
  expect(stderr).toContain('NOTICE:  the key is ****')
  expect(stdout).toBe('1\n')
  expect(stderr).not.toContain(secret)
  const played = await sluice(['replay', 'last', '--data', world?.data ?? ''])
  expect(played.stdout).toContain('the key is ****')
  expect(played.stdout).not.toContain(secret)
})

testWith(components, 'a COPY that nobody asked for gets nothing of a script', async () => {
  const { stderr } = await ask('copies', 'SELECT 1;\nthe next line of the script\n\\.\n')
  expect(stderr).toContain('an answer is out of place')
  expect(heard).toEqual([])
})

testWith(components, 'no field of an error is passed unlooked at', async () => {
  const { stderr } = await ask('verbose', 'SELECT 1;\n')
  expect(stderr).toContain('22000: no')
  expect(stderr).not.toContain(secret)
})

testWith(
  components,
  'no role and no library comes with a login, past what judges a SET',
  async () => {
    for (const options of ['-c role=boss', '--local-preload-libraries=x']) {
      const made = world?.psql(['-d', 'greets', '-c', 'SELECT 1'], { env: { PGOPTIONS: options } })
      expect((await made)?.stderr).toContain('is judged by policy')
    }
  },
)

testWith(components, 'one that leaves at once leaves a gateway that goes on', async () => {
  expect((await ask('nowhere', 'SELECT 1;\n')).stderr).toContain('it closed the connection')
  expect((await ask('greets', 'SELECT 1;\n')).stdout).toBe('1\n')
})
