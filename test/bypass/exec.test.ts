/**
 * Commands that policy forbids, through a real ssh: each of them says so and exits 126, and none reaches the target.
 * Every way past it that was ever found stays here.
 */
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Guarded, openGuarded } from '../fixture/guarded.ts'
import { ssh, ssh_keygen, sshd, testWith } from '../fixture/require.ts'

const needs = [ssh, sshd, ssh_keygen]

/** `touch` stands for what must not run: its trace is a file. */
const policy = `
@id("connect") permit (principal, action == Action::"connect", resource) unless { resource.name == "closed" };
@id("exec") permit (principal, action == Action::"exec", resource) when { !context.opaque };
@id("no-touch") @reason("it leaves traces")
forbid (principal, action == Action::"exec", resource) when { context.program == "touch" };
@id("no-critical") forbid (principal, action == Action::"exec", resource) when { context.risk == "critical" };
`

describe('what is forbidden', () => {
  let guarded: Guarded
  let traces = ''
  beforeAll(async () => {
    guarded = await openGuarded({
      sections: { policy: { files: ['./p*.cedar'] } },
      targets: (target) => [
        {
          name: 'closed',
          address: target.address,
          host_key: target.host_key.public_line,
          accounts: { [target.account]: { private_key_file: target.user_key.file } },
        },
      ],
      files: { 'policy.cedar': policy },
    })
    traces = join(guarded.dir, 'traces')
    mkdirSync(traces)
    writeFileSync(join(traces, 'script'), `touch ${traces}/by-script\n`)
  }, 60_000)
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]()
  }, 30_000)

  const at = (name: string): string => join(traces, name)
  /** Each would leave its trace: bash says so first. */
  const ways: readonly (readonly [name: string, command: (file: string) => string])[] = [
    ['plainly', (f) => `touch ${f}`],
    ['quoted', (f) => `t''ou"c"h ${f}`],
    ['escaped', (f) => `to\\uch ${f}`],
    ['ansi-c', (f) => `$'\\x74ouch' ${f}`],
    ['by-path', (f) => `/usr/bin/touch ${f}`],
    ['variable', (f) => `t=touch; $t ${f}`],
    ['two-variables', (f) => `a=to; b=uch; $a$b ${f}`],
    ['parameters', (f) => `to$@uch ${f}`],
    ['separator', (f) => `touch\${IFS}${f}`],
    ['after-another', (f) => `true; touch ${f}`],
    ['after-a-line', (f) => `true\ntouch ${f}`],
    ['in-the-background', (f) => `touch ${f} & wait`],
    ['in-a-pipe', (f) => `true | touch ${f}`],
    ['in-a-substitution', (f) => `echo $(touch ${f})`],
    ['in-backquotes', (f) => `echo \`touch ${f}\``],
    ['in-an-assignment', (f) => `x=$(touch ${f})`],
    ['in-arithmetic', (f) => `echo $((1 + $(touch ${f}; echo 1)))`],
    ['in-a-default', (f) => `echo \${x:-$(touch ${f})}`],
    ['in-a-redirection', (f) => `true > $(touch ${f}; echo /dev/null)`],
    ['in-a-here-document', (f) => `cat <<E\n$(touch ${f})\nE`],
    ['in-a-process-substitution', (f) => `bash -c 'cat <(touch ${f})'`],
    ['a-shell', (f) => `sh -c 'touch ${f}'`],
    ['a-shell-in-a-shell', (f) => `sh -c "bash -c 'touch ${f}'"`],
    ['a-here-document-for-a-shell', (f) => `sh <<E\ntouch ${f}\nE`],
    ['a-here-string-for-a-shell', (f) => `bash -c "sh <<< 'touch ${f}'"`],
    ['an-echo-for-a-shell', (f) => `echo touch ${f} | sh`],
    ['encoded', (f) => `echo ${Buffer.from(`touch ${f}`).toString('base64')} | base64 -d | sh`],
    ['eval', (f) => `eval 'touch ${f}'`],
    ['eval-of-pieces', (f) => `x=touch; eval "$x ${f}"`],
    ['a-trap', (f) => `trap 'touch ${f}' EXIT`],
    ['a-function', (f) => `f() { touch ${f}; }; f`],
    ['a-function-of-arguments', (f) => `f() { "$@"; }; f touch ${f}`],
    ['env', (f) => `env -i A=1 touch ${f}`],
    ['env-split', (f) => `env -S 'touch ${f}'`],
    ['nice', (f) => `nice -n 1 touch ${f}`],
    ['timeout', (f) => `timeout -k 1 5 touch ${f}`],
    ['nohup', (f) => `nohup touch ${f}`],
    ['xargs', (f) => `echo ${f} | xargs touch`],
    ['xargs-of-a-shell', (f) => `echo ${f} | xargs -I{} sh -c 'touch {}'`],
    ['find', (f) => `find /etc/hostname -exec touch ${f} \\;`],
    ['a-pattern', (f) => `/usr/bin/touc? ${f}`],
    ['a-command-that-prints-it', (f) => `$(echo touch) ${f}`],
    ['read', (f) => `echo touch | { read t; $t ${f}; }`],
    ['a-loop', (f) => `for t in touch; do $t ${f}; done`],
    ['a-later-assignment', (f) => `t=true; for i in 1 2; do $t ${f}; t=touch; done`],
    ['a-comment-before', (f) => `: # x\n\\\ntouch ${f}`],
    ['a-condition', (f) => `if touch ${f}; then true; fi`],
    ['a-negated-loop', (f) => `! while touch ${f}; do break; done`],
    ['a-case', (f) => `case a in a) touch ${f};; esac`],
    ['a-string-that-ends-earlier', (f) => `dash -c '$'\\''\\'\\'' ; touch ${f} #'\\'''`],
    ['continued', (f) => `tou\\\nch ${f}`],
    ['find-after-a-plus', (f) => `find /etc/hostname -exec printf %s + x \\; -exec touch ${f} \\;`],
    ['exec', (f) => `exec touch ${f}`],
    ['command', (f) => `command touch ${f}`],
    ['a-redirection-before', (f) => `>/dev/null touch ${f}`],
    ['a-copy', (f) => `cp /usr/bin/touch ${f}.x; ${f}.x ${f}; rm ${f}.x`],
    ['a-script-of-its-own', (f) => `echo touch ${f} > ${f}.s; sh ${f}.s; rm ${f}.s`],
    ['the-loader', (f) => `$(echo /lib*/ld-linux*.so.?) /usr/bin/touch ${f}`],
    ['no-parameters', (f) => `"$@" touch ${f}`],
    ['parameters-of-its-own', (f) => `set -- touch ${f}; "$@"`],
    ['a-plus', (f) => `bash +e -c 'touch ${f}'`],
    ['flock', (f) => `flock /tmp touch ${f}`],
    ['flock-of-a-line', (f) => `flock /tmp -c 'touch ${f}'`],
    ['in-backquotes-in-a-here-document', (f) => `cat <<E\n\`touch ${f}\`\nE`],
    ['in-an-indented-here-document', (f) => `cat <<-E\n\t$(touch ${f})\n\tE`],
    ['in-backquotes-in-a-default', (f) => `echo \${x-\`touch ${f}\`}`],
    ['in-a-quoted-subscript', (f) => `bash -c "x='a[\\$(touch ${f})]'; ((x))"`],
    ['under-another-name', (f) => `bash -c 'hash -p /usr/bin/touch foo; foo ${f}'`],
    ['for-each-line', (f) => `bash -c "mapfile -c 1 -C 'touch ${f} #' <<< x"`],
    ['in-a-prompt', (f) => `bash -c "PS4='\\$(touch ${f})'; set -x; true"`],
    ['in-a-start-file', (f) => `BASH_ENV='$(touch ${f})' bash -c true`],
  ]
  for (const [name, command] of ways)
    testWith(needs, `does not run: ${name}`, async () => {
      Bun.spawnSync(['bash', '-c', command(at(name))], {
        stdin: 'ignore',
        env: { PATH: '/usr/bin:/bin' },
      })
      expect(existsSync(at(name))).toBe(true)
      rmSync(at(name))
      const ran = await guarded.run(command(at(name)))
      expect(ran.stderr).toStartWith('sluice: ')
      expect([ran.code, ran.stdout]).toEqual([126, ''])
      expect(existsSync(at(name))).toBe(false)
    })

  for (const command of [
    'sh',
    'sh -s',
    'bash -',
    'sudo -i',
    'touch x "',
    'python3',
    'touch \ufffc',
  ])
    testWith(needs, `does not run: ${command}`, async () => {
      const ran = await guarded.run(command)
      expect(ran.stderr).toStartWith('sluice: ')
      expect([ran.code, ran.stdout]).toEqual([126, ''])
    })

  testWith(needs, 'and what is permitted does run', async () => {
    const ran = await guarded.run(`echo x > ${at('permitted')}; cat ${at('permitted')}`)
    expect(ran).toEqual({ code: 0, stdout: 'x\n', stderr: '' })
    expect(readdirSync(traces).toSorted()).toEqual(['permitted', 'script'])
  })

  testWith(needs, 'says why, and is on record with its risk', async () => {
    const ran = await guarded.run('rm -rf /')
    expect(ran).toEqual({
      code: 126,
      stdout: '',
      stderr:
        'sluice: policy forbids this command: it deletes a whole system or a whole home directory (wipe-root)\r\n',
    })
    const [session] = await guarded.sessions()
    const records = await guarded.records(session?.id ?? '')
    const verdicts = records.flatMap(({ header }) => (header.kind === 'verdict' ? [header] : []))
    expect(verdicts).toMatchObject([
      { allowed: true, rule: 'connect', asked: 'connect' },
      {
        allowed: false,
        rule: 'no-critical',
        asked: 'exec',
        risk: 'critical',
        findings: ['wipe-root', 'delete-recursively'],
      },
    ])
    expect(records.some(({ header }) => header.kind === 'exit')).toBe(false)
  })

  testWith(needs, 'a shell that policy does not permit', async () => {
    const child = Bun.spawn([...guarded.ssh(), '-tt'], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    void child.stdin.write(`touch ${at('typed')}\nexit\n`)
    void child.stdin.end()
    expect(await child.exited).toBe(126)
    expect(await child.stderr.text()).toContain('sluice: no policy permits an interactive shell')
    expect(existsSync(at('typed'))).toBe(false)
  })

  testWith(needs, 'a target that may not be reached is not dialled', async () => {
    const connections = (): number => guarded.target.log().split('Connection from').length
    const before = connections()
    const ran = await guarded.run('true', `${guarded.target.account}@closed`)
    expect(ran.code).toBe(126)
    expect(ran.stderr).toStartWith('sluice: no policy permits this target')
    expect(connections()).toBe(before)
    const [session] = await guarded.sessions()
    const kinds = (await guarded.records(session?.id ?? '')).map(({ header }) => header.kind)
    expect(kinds).not.toContain('dialled')
  })
})
