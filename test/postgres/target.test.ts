/** A target that is not who it should be is told from one that is, before any password goes there. */
import { expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from '../fixture/certificate.ts'
import { startPostgres } from '../fixture/postgres.ts'
import { testSlow, testWith } from '../fixture/require.ts'
import { startBetween } from './between.ts'
import { components, openWorld } from './world.ts'

testSlow(
  components,
  'a certificate of another authority is refused before any password goes there, the right one is not',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-other-'))
    try {
      await using database = await startPostgres()
      const others = makeCertificates(dir, ['IP:127.0.0.1'])
      for (const [target, is_let_in] of [
        [database, true],
        [{ ...database, certificates: others }, false],
      ] as const) {
        await using world = await openWorld({ database: target })
        const ran = await world.query('SELECT 7')
        expect(ran.stdout).toBe(is_let_in ? '7\n' : '')
        if (is_let_in) continue
        expect(ran.stderr).toContain('the certificate of the target is not one that is trusted')
        expect(ran.code).toBe(2)
      }
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  },
  120_000,
)

testWith(
  components,
  'a certificate of another host is refused before any password goes there',
  async () => {
    await using database = await startPostgres({ names: ['DNS:elsewhere.example'] })
    await using world = await openWorld({ database })
    const ran = await world.query('SELECT 7')
    expect([ran.code, ran.stdout]).toEqual([2, ''])
    expect(ran.stderr).toContain('the certificate of the target is not one that is trusted')
    expect(database.log()).not.toContain('SELECT 7')
  },
  60_000,
)

for (const hides_binding of [false, true])
  testSlow(
    components,
    `who is in between with a trusted certificate gets nowhere${hides_binding ? ', also by hiding that the target binds' : ''}`,
    async () => {
      const dir = mkdtempSync(join(tmpdir(), 'sluice-between-'))
      try {
        await using database = await startPostgres()
        const certificates = makeCertificates(dir, ['IP:127.0.0.1'])
        await using between = await startBetween(database.port, certificates, hides_binding)
        await using world = await openWorld({
          database: { ...database, certificates },
          address: between.address,
        })
        const ran = await world.query('SELECT 7')
        expect([ran.code, ran.stdout]).toEqual([2, ''])
        // By the target itself: it saw which certificate the proof of the password is bound to, or that none is (RFC 5802, section 6).
        expect(database.log()).toContain(
          hides_binding
            ? 'SCRAM channel binding negotiation error'
            : 'SCRAM channel binding check failed',
        )
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    },
    60_000,
  )
