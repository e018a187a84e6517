/**
 * What is taken away from a gateway that runs is taken from the sessions that run, with a real ssh and a real sshd: they
 * end soon, their users are told why, and it is on record. Everybody else's go on.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sluice } from '../fixture/gateway.ts'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { holdOpen } from '../fixture/held-open.ts'
import { type KeyPair, makeKey } from '../fixture/keys.ts'
import type { Ran } from '../fixture/ran.ts'
import { ssh, ssh_keygen, sshd, testWith, worker_counts } from '../fixture/require.ts'
import { runSsh, type SshResult } from '../fixture/ssh.ts'
import { until } from '../fixture/until.ts'

const needs = [ssh, sshd, ssh_keygen]

const open_policy = `
@id("all") permit (principal, action, resource) unless { context has roles && !context.roles.contains("approver") };
@id("hold") @approval @expires("60s")
permit (principal, action == Action::"exec", resource) when { context.program == "touch" };
`

type Json = Readonly<Record<string, unknown>>

for (const workers of worker_counts)
  describe(`with ${workers === 1 ? 'one process' : 'workers'}`, () => {
    let guarded: Guarded
    let bob: KeyPair
    const config = (): string => join(guarded.dir, 'gateway', 'sluice.yaml')
    const logged = (event: string): readonly Json[] =>
      guarded.gateway
        .stderr()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line): Json => JSON.parse(line))
        .filter((each) => each['event'] === event)
    /** Signals, and waits until every process that takes sessions has said so. */
    const reload = async (event: string): Promise<readonly Json[]> => {
      const before = logged(event).length
      const processes = workers === 1 ? 1 : workers + 1
      process.kill(guarded.gateway.pid, 'SIGHUP')
      return until(event, () => {
        const events = logged(event).slice(before)
        return events.length === processes ? events : undefined
      })
    }
    const configure = (change: (old: Json) => Json): void => {
      const old: Json = JSON.parse(readFileSync(config(), 'utf8'))
      writeFileSync(config(), JSON.stringify({ ...old, ...change(old) }))
    }
    const keysOf = (people: readonly string[]): Json => ({
      identity: {
        keys: people.map((subject) => ({
          subject,
          groups: ['staff'],
          key: (subject === 'bob' ? bob : guarded.client).public_line,
        })),
      },
    })
    const usePolicy = (text: string): void =>
      writeFileSync(join(guarded.dir, 'gateway', 'policy.cedar'), text)
    const as_bob = (command: string): Promise<SshResult> =>
      runSsh({
        port: guarded.gateway.ssh.port,
        login: `${guarded.target.account}@web-1`,
        identities: [bob.file],
        command,
      })
    const endOf = (subject: string): Promise<string> =>
      until(
        'an end',
        async () => (await guarded.look()).find((each) => each.subject === subject)?.end_reason,
      )
    const cli = (...words: string[]): Promise<Ran> =>
      sluice([...words, '--data', guarded.data, '--url', guarded.gateway.api])

    beforeAll(async () => {
      guarded = await openGuarded({
        sections: { policy: { files: ['./policy.cedar'] } },
        files: { 'policy.cedar': open_policy },
        arguments: workers === 1 ? [] : ['--workers', String(workers)],
      })
      bob = makeKey(join(guarded.dir, 'bob'))
      await guarded.trust()
    }, 60_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
    }, 30_000)

    testWith(
      needs,
      'a key that the file no longer has ends its sessions, and no others',
      async () => {
        expect((await as_bob('true')).code).toBe(255)
        configure(() => keysOf(['ann', 'bob']))
        await reload('configuration_reloaded')
        expect((await as_bob('true')).code).toBe(0)
        await using of_ann = await holdOpen(guarded)
        await using of_bob = await holdOpen(guarded, { key: bob.file })
        configure(() => keysOf(['ann']))
        const events = await reload('configuration_reloaded')
        expect(
          events.map((each) => Number(each['sessions_ended'])).toSorted((a, b) => a - b),
        ).toEqual(workers === 1 ? [1] : [0, 0, 1])
        const { code, stderr } = await of_bob.ended
        expect(code).toBe(255)
        expect(stderr).toContain('sluice: your key is not registered any more')
        expect(await endOf('bob')).toBe('revoked')
        expect(await of_ann.echo('still here')).toBe('still here\n')
        expect((await as_bob('true')).code).toBe(255)
      },
    )

    testWith(
      needs,
      'a policy is replaced whole, with its hash in the logs, or not at all',
      async () => {
        await using of_ann = await holdOpen(guarded)
        const hash_of = (events: readonly Json[]): unknown => {
          const hashes = new Set(events.map((each) => each['policy_hash']))
          expect(hashes.size).toBe(1)
          return [...hashes][0]
        }
        usePolicy('permit (principal, action == Action::"connect", resource) when {')
        const [refused] = await reload('configuration_not_reloaded')
        expect(String(refused?.['reason'])).toMatch(/policy\.files: .*policy\.cedar:1:\d+/)
        expect(await of_ann.echo('one')).toBe('one\n')
        usePolicy(`${open_policy}\n// The same for everybody.`)
        const first = hash_of(await reload('configuration_reloaded'))
        expect(await of_ann.echo('two')).toBe('two\n')
        usePolicy(`${open_policy}
        @id("closed") forbid (principal == User::"ann", action == Action::"connect", resource);`)
        const second = hash_of(await reload('configuration_reloaded'))
        expect(second).not.toBe(first)
        const { stderr } = await of_ann.ended
        expect(stderr).toContain('sluice: policy was changed: policy forbids this target')
        expect(await endOf('ann')).toBe('revoked')
        expect((await guarded.run('true')).stderr).toContain('policy forbids this target')
        usePolicy(open_policy)
        await reload('configuration_reloaded')
        expect((await guarded.run('true')).code).toBe(0)
        expect(await guarded.verify()).toMatchObject({ code: 0 })
      },
    )

    testWith(
      needs,
      'a command that waits is judged by the policy of when it was approved',
      async () => {
        const trace = join(guarded.dir, 'trace')
        const ran = guarded.run(`touch ${trace}`, undefined, 60_000)
        const id = await until('a request', async () => {
          const { stdout } = await cli('requests', '--as', 'eve', '--json')
          const [request] = JSON.parse(stdout) as { readonly id: string }[]
          return request?.id
        })
        usePolicy(`${open_policy}
        @id("never") forbid (principal, action == Action::"exec", resource) when { context.program == "touch" };`)
        await reload('configuration_reloaded')
        expect((await cli('approve', id, '--as', 'eve')).code).toBe(0)
        expect(await ran).toMatchObject({
          code: 126,
          stderr: expect.stringContaining('policy was changed meanwhile'),
        })
        expect(existsSync(trace)).toBe(false)
        usePolicy(open_policy)
        await reload('configuration_reloaded')
      },
    )
  })
