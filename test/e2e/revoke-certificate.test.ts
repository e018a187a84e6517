/**
 * Certificates that are taken back by serial or key id, the gateway's own and those of a foreign authority, by the unmodified
 * ssh and ssh-keygen: their sessions end, they let nobody in any more, other certificates of the same key go on, and each step
 * is on record.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Approvals, approvalsOf } from '../fixture/approvals.ts'
import {
  type Certificate,
  readCertificate,
  type SignOptions,
  sign,
} from '../fixture/certificates.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { type HeldOpen, holdOpen } from '../fixture/held-open.ts'
import { documentsIn } from '../fixture/identity.ts'
import { type KeyPair, makeKey } from '../fixture/keys.ts'
import { ssh, ssh_keygen, sshd, testWith, worker_counts } from '../fixture/require.ts'
import { runSsh, type SshResult } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]

type Json = Readonly<Record<string, unknown>>

for (const workers of worker_counts)
  describe(`with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    let guarded: Guarded
    let authority: KeyPair
    let key: KeyPair
    const api: Approvals = approvalsOf(() => guarded)
    beforeAll(async () => {
      guarded = await openGuarded({
        // What the test's own folder will have; its public half is written in below.
        sections: { identity: {} },
        arguments: workers === 1 ? [] : ['--workers', String(workers)],
      })
      authority = makeKey(join(guarded.dir, 'ca'))
      key = makeKey(join(guarded.dir, 'user'))
      await guarded.gateway.stop()
      configure({ ssh_ca: [{ name: 'people', key: authority.public_line }] })
      await guarded.restart()
      await guarded.trust()
    }, 60_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
    }, 30_000)

    const configure = (identity: Json): void => {
      const path = join(guarded.dir, 'gateway', 'sluice.yaml')
      const old: Json = JSON.parse(readFileSync(path, 'utf8'))
      writeFileSync(path, JSON.stringify({ ...old, identity }))
    }
    const certified = (name: string, options: Partial<SignOptions>): Certificate =>
      sign(guarded.dir, {
        ...{ authority, key, name, principals: [guarded.target.account], ...options },
      })
    const held = ({ file }: Certificate): Promise<HeldOpen> =>
      holdOpen(guarded, { key: key.file, options: ['-o', `CertificateFile=${file}`] })
    const login = ({ file }: Certificate): Promise<SshResult> =>
      runSsh({
        port: guarded.gateway.ssh.port,
        login: `${guarded.target.account}@web-1`,
        identities: [key.file],
        options: ['-o', `CertificateFile=${file}`],
        command: 'echo in',
      })
    const expectIn = async (certificate: Certificate): Promise<void> =>
      expect((await login(certificate)).stdout.toString()).toBe('in\n')
    const expectRevoked = async (certificate: Certificate, serial: string): Promise<void> => {
      const ran = await login(certificate)
      expect({ code: ran.code, out: ran.stdout.toString() }).toEqual({ code: 255, out: '' })
      expect(ran.stderr).toContain('sluice: your certificate was revoked')
      const refused = async (): Promise<readonly Json[]> =>
        (
          await Promise.all(
            [guarded.data, ...own_logs()].map((data) => documentsIn(data, 'identity.refused')),
          )
        ).flat()
      expect(
        await until('a refusal on record', async () =>
          (await refused()).find((each) => each['serial'] === serial),
        ),
      ).toMatchObject({
        rule: 'identity.certificate.revoked',
        authority: expect.stringMatching(/^SHA256:/),
      })
    }
    const own_logs = (): readonly string[] =>
      workers === 1
        ? []
        : Array.from({ length: workers }, (_, at) => join(guarded.data, 'workers', String(at + 1)))

    testWith(needs, "the gateway's own is, by its serial, and no other of that key", async () => {
      const make = async (name: string): Promise<Certificate & { readonly serial: string }> => {
        const made = await api.post('/api/certificates', await api.token('ann', 'user'), {
          public_key: key.public_line,
        })
        const { certificate, serial } = (await made.json()) as Record<string, string>
        const file = join(guarded.dir, `${name}-cert.pub`)
        writeFileSync(file, `${certificate}\n`)
        return { ...readCertificate(file), serial: serial ?? '' }
      }
      const [bad, good] = [await make('bad'), await make('good')]
      await using of_bad = await held(bad)
      await using of_good = await held(good)
      const revoked = await api.cli('revoke', '--certificate', bad.serial, '--reason', 'lost')
      expect(revoked.stdout).toMatch(/^g\w+: revoked/)
      const { code, stderr } = await of_bad.ended
      expect(code).toBe(255)
      expect(stderr).toContain('sluice: your certificate was revoked')
      expect(await of_good.echo('still here')).toBe('still here\n')
      await expectRevoked(bad, bad.serial)
      await expectIn(good)
      const { stdout } = await api.cli('revoke', '--list')
      expect(stdout).toMatch(new RegExp(`certificate ${bad.serial} of SHA256:\\S+ .* lost`))
      expect(await documentsIn(guarded.data, 'access.revoked')).toMatchObject([
        { revocation: { certificate: { serial: bad.serial } }, reason: 'lost' },
      ])
      await guarded.gateway.kill9()
      await guarded.restart()
      await expectRevoked(bad, bad.serial)
      const [id = ''] = /^g\w+/.exec(revoked.stdout) ?? []
      expect((await api.cli('revoke', '--lift', id)).code).toBe(0)
      await expectIn(bad)
    })

    testWith(needs, "a foreign authority's is, by serial, or all of a key id", async () => {
      const one = certified('one', { serial: 7, key_id: 'ada' })
      const two = certified('two', { serial: 8, key_id: 'ada' })
      const other = certified('other', { serial: 9, key_id: 'grace' })
      await using of_one = await held(one)
      await using of_two = await held(two)
      await using of_other = await held(other)
      // Of another authority is another certificate.
      expect((await api.cli('revoke', '--certificate', '7')).code).toBe(0)
      expect(await of_one.echo('here')).toBe('here\n')
      const by_people = ['--authority', 'people']
      expect((await api.cli('revoke', '--certificate', '7', ...by_people)).code).toBe(0)
      expect((await of_one.ended).code).toBe(255)
      expect(await of_two.echo('here')).toBe('here\n')
      await expectRevoked(one, '7')
      expect((await api.cli('revoke', '--key-id', 'ada', ...by_people)).code).toBe(0)
      expect((await of_two.ended).code).toBe(255)
      await expectRevoked(two, '8')
      expect(await of_other.echo('here')).toBe('here\n')
      for (const [words, said] of [
        [['--certificate', '0'], 'not 0'],
        [['--certificate', '18446744073709551616'], 'not of its form'],
        [['--certificate', '7', '--authority', 'nobody'], 'no such authority'],
        [['--certificate', '7', '--key-id', 'ada'], 'two ways'],
        [['--subject', 'ada', '--authority', 'people'], '--authority goes with'],
      ] as const)
        expect((await api.cli('revoke', ...words)).stderr).toContain(said)
      const admin = await api.token('root', 'admin')
      for (const certificate of [
        ...['0', '1e3', '-1', '0x7', '', '18446744073709551616'].map((serial) => ({ serial })),
        { serial: 7 },
        { key_id: '' },
        { authority: 'people' },
        { authority: '__proto__', serial: '7', key_id: 'ada' },
      ]) {
        const answer = await api.post('/api/revocations', admin, { certificate })
        expect({ certificate, status: answer.status }).toEqual({ certificate, status: 400 })
      }
    })

    testWith(needs, 'the configuration takes ranges of them back, while sessions run', async () => {
      const [first, last] = ['18446744073709551614', '18446744073709551615']
      const high = certified('high', { serial: last, key_id: 'high' })
      const low = certified('low', { serial: 17, key_id: 'low' })
      await using of_high = await held(high)
      await using of_low = await held(low)
      configure({
        ssh_ca: [{ name: 'people', key: authority.public_line }],
        revoked_certificates: [
          { authority: 'people', serials: [`${first}-${last}`] },
          { serials: [17] },
        ],
      })
      process.kill(guarded.gateway.pid, 'SIGHUP')
      const { code, stderr } = await of_high.ended
      expect(code).toBe(255)
      expect(stderr).toContain('sluice: your certificate was revoked')
      expect(await of_low.echo('here')).toBe('here\n')
      await expectRevoked(high, last)
      await expectIn(low)
      configure({ ssh_ca: [{ name: 'people', key: authority.public_line }] })
      process.kill(guarded.gateway.pid, 'SIGHUP')
      await until('the list is empty', async () => (await login(high)).code === 0 || undefined)
    })

    testWith(needs, 'what is left verifies', async () => {
      expect(await guarded.verify()).toMatchObject({ code: 0 })
    })
  })
