/**
 * The SSH connector between an unmodified OpenSSH client and an unmodified sshd, each client with a port of its own
 * in front of the sshd.
 *
 * @module
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { codecs } from '../../proxy/connector/ssh/codec.ts'
import { sshConnector } from '../../proxy/connector/ssh/connector.ts'
import type { SshTarget } from '../../proxy/connector/ssh/dial.ts'
import { makeKey } from '../fixture/keys.ts'
import { freePort } from '../fixture/net.ts'
import { ssh, ssh_keygen, sshd } from '../fixture/require.ts'
import { sshArguments } from '../fixture/ssh.ts'
import { startSshd } from '../fixture/sshd.ts'
import { Collected } from './collected.ts'
import { openPuppets, type Puppets } from './puppet-strings.ts'
import { openRelay } from './relay.ts'
import type { Client, ClientEnd, Conformer, ConnectOptions, World } from './world.ts'

export const ssh_conformer: Conformer = {
  components: [ssh, sshd, ssh_keygen, '/usr/bin/ssh-agent'],
  lacks: { messages: 'SSH has no framing inside of a channel' },
  open: openSshWorld,
}

async function openSshWorld(): Promise<World> {
  await using started = new AsyncDisposableStack()
  const dir = mkdtempSync(join(tmpdir(), 'sluice-conformance-'))
  started.defer(() => rmSync(dir, { recursive: true, force: true }))
  const server = started.use(await startSshd())
  const puppets = started.use(await openPuppets(dir))
  const agent_socket = join(dir, 'agent')
  const agent = Bun.spawn(['ssh-agent', '-D', '-a', agent_socket], { stdout: 'ignore' })
  started.defer(async () => {
    agent.kill()
    await agent.exited
  })
  while (!existsSync(agent_socket)) await Bun.sleep(10)
  const known = makeKey(join(dir, 'known'))
  const unknown = makeKey(join(dir, 'unknown'))
  const addresses = new Map<string, string>()
  const targetOf = (name: string): SshTarget | undefined => {
    const address = addresses.get(name)
    if (address === undefined) return undefined
    const { private_key } = server.user_key
    return {
      name,
      address,
      host_keys: [server.host_key.blob],
      credential: (account) =>
        account === server.account ? { kind: 'private_key', private_key } : undefined,
    }
  }
  const connector = sshConnector({
    host_keys: [makeKey(join(dir, 'host')).private_key],
    target: targetOf,
    env: [],
  })
  let clients = 0
  const stack = started.move()
  return {
    connector,
    codecs: () => codecs,
    isKnown: (claim) => claim.kind === 'public_key' && Buffer.from(known.blob).equals(claim.blob),
    async connect(port, options = {}) {
      clients += 1
      const target = `target-${clients}`
      const relay = await openRelay(server.port)
      if (options.target !== 'unknown')
        addresses.set(
          target,
          `127.0.0.1:${options.target === 'away' ? await freePort() : relay.port}`,
        )
      const key = options.known === false ? unknown : known
      const call = {
        port,
        login: `${server.account}@${target}`,
        identities: [key.file],
        env: { PATH: Bun.env['PATH'] ?? '', DISPLAY: '127.0.0.1:99', SSH_AUTH_SOCK: agent_socket },
      }
      const control = ['-o', `ControlPath=${join(dir, `control-${clients}`)}`]
      const first = startClient(puppets, call, options, [
        ...askFor(options.asks),
        ...(options.multiplexed === true ? ['-M', ...control] : []),
      ])
      const ends = [first]
      const client: Client = {
        account: server.account,
        target,
        channel: first,
        async open() {
          const end = startClient(puppets, call, {}, control)
          ends.push(end)
          return end
        },
        leave: () => first.child.kill('SIGTERM'),
        kill: () => first.child.kill('SIGKILL'),
        gone: first.child.exited.then(() => {}),
        get reached() {
          return relay.reached
        },
        cutTarget: relay.cut,
        async [Symbol.asyncDispose]() {
          for (const { child } of ends) {
            child.kill('SIGCONT')
            child.kill('SIGKILL')
            await child.exited
          }
          await relay[Symbol.asyncDispose]()
        },
      }
      return client
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Options of ssh. Nobody listens where these would lead: they must never get there. */
function askFor(capability: ConnectOptions['asks']): string[] {
  switch (capability) {
    case 'forwarding':
      return ['-R', '0:127.0.0.1:9']
    case 'agent_forwarding':
      return ['-A', '-o', 'IdentityAgent=SSH_AUTH_SOCK']
    case 'x11':
      return ['-Y']
    case undefined:
      return []
  }
}

interface Call {
  readonly port: number
  readonly login: string
  readonly identities: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

let channels = 0

function startClient(
  puppets: Puppets,
  call: Call,
  options: ConnectOptions,
  extra: readonly string[],
): ClientEnd & { readonly child: Subprocess } {
  channels += 1
  const number = channels
  const output = new Collected()
  const errors = new Collected()
  const argv = sshArguments({
    ...call,
    options: ['-o', 'LogLevel=ERROR', ...extra, ...(options.terminal ? ['-tt'] : [])],
    command: puppets.command(number),
  })
  const { terminal } = options
  const child =
    terminal === undefined
      ? Bun.spawn(argv, { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', env: call.env })
      : Bun.spawn(argv, {
          env: { ...call.env, TERM: 'xterm' },
          terminal: {
            cols: terminal.columns,
            rows: terminal.rows,
            data: (_terminal, bytes) => output.push(new Uint8Array(bytes)),
          },
        })
  const { stdin, stdout, stderr } = child
  if (stdout instanceof ReadableStream) void gather(stdout, output)
  if (stderr instanceof ReadableStream) void gather(stderr, errors)
  const sink = typeof stdin === 'object' && stdin !== null && 'write' in stdin ? stdin : undefined
  return {
    child,
    output,
    errors,
    send(bytes) {
      ignore(sink?.write(bytes))
      ignore(sink?.flush())
    },
    endInput: () => ignore(sink?.end()),
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    resize: (columns, rows) => child.terminal?.resize(columns, rows),
    exited: child.exited,
    get begun() {
      return puppets.begun(number)
    },
    program: () => puppets.program(number),
  }
}

/** Who is gone takes no more: a case that minds looks at the other end. */
function ignore(done: number | Promise<number> | undefined): void {
  Promise.resolve(done).catch(() => {})
}

async function gather(stream: ReadableStream<Uint8Array>, into: Collected): Promise<void> {
  for await (const chunk of stream) into.push(chunk)
  into.end()
}
