/** What `policy.shell` leaves of shells, through a real ssh. */
import { afterAll, beforeAll, expect } from 'bun:test'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { describeSlow, ssh, ssh_keygen, sshd, testSlow } from '../fixture/require.ts'
import { runSsh } from '../fixture/ssh.ts'

const needs = [ssh, sshd, ssh_keygen]

for (const [name, shell, rule] of [
  ['shell: deny', 'deny', /interactive shells are off: policy\.shell/],
  [
    'minimum_confidence: exact',
    { minimum_confidence: 'exact' },
    /interactive shells are off: policy\.shell/,
  ],
  [
    'minimum_confidence: shell, where none tells of its commands',
    { minimum_confidence: 'shell' },
    /policy\.shell\.minimum_confidence: shell/,
  ],
] as const)
  describeSlow(name, () => {
    let guarded: Guarded
    beforeAll(async () => {
      guarded = await openGuarded({ sections: { policy: { shell } } })
    }, 60_000)
    afterAll(async () => {
      await guarded[Symbol.asyncDispose]()
    }, 30_000)
    const run = (
      command: string | undefined,
      stdin = 'echo ran-$((6*7))\n',
      ...options: string[]
    ) =>
      runSsh({
        port: guarded.gateway.ssh.port,
        login: `${guarded.target.account}@web-1`,
        identities: [guarded.client.file],
        options,
        stdin: new TextEncoder().encode(stdin),
        ...(command === undefined ? {} : { command }),
      })

    testSlow(needs, 'no shell, by whatever name; exec is left', async () => {
      for (const [command, ...options] of [
        [undefined],
        [undefined, '-tt'],
        ['bash'],
        ['bash -s'],
        ['exec bash --norc', '-tt'],
        ['sudo -i', '-tt'],
      ] as const) {
        const { code, stdout, stderr } = await run(command, undefined, ...options)
        expect(code, command ?? 'a shell').toBe(126)
        expect(stdout.toString()).not.toContain('ran-42')
        expect(stderr).toMatch(rule)
      }
      expect(await guarded.run('echo ran-$((6*7))')).toMatchObject({ code: 0, stdout: 'ran-42\n' })
    })
  })

describeSlow('a shell without a terminal', () => {
  let guarded: Guarded
  beforeAll(async () => {
    guarded = await openGuarded()
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  testSlow(needs, 'its script ends with the first line that is refused', async () => {
    const { code, stdout, stderr } = await runSsh({
      port: guarded.gateway.ssh.port,
      login: `${guarded.target.account}@web-1`,
      identities: [guarded.client.file],
      options: ['-T'],
      stdin: new TextEncoder().encode('echo one\ntrue || mkfs.ext4 /dev/sda1\necho two\n'),
    })
    expect(code).toBe(126)
    expect(stdout.toString()).not.toContain('two')
    expect(stderr).toMatch(/sluice: policy forbids this command/)
  })
})
