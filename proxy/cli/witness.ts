/**
 * `sluice witness`: cosigns the checkpoints of logs that it knows, over the C2SP tlog-witness protocol, and refuses forks
 * and rollbacks. For an auditor, or for a gateway under another administration: one under the same counts for nothing.
 *
 * @module
 */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { toHex } from '../../storage/evidence/bytes.ts'
import { cosigner } from '../../storage/evidence/cosignature.ts'
import { plainText } from '../../storage/replay/plain.ts'
import { lockDataDirectory } from '../../storage/store/lock.ts'
import { answerRequest } from '../../storage/witness/http.ts'
import { request_bytes_max, request_ms_max } from '../../storage/witness/limits.ts'
import { openWitnessState } from '../../storage/witness/state.ts'
import type { WitnessParts } from '../../storage/witness/witness.ts'
import { formatAddress, parseAddress } from '../config/address.ts'
import { writeNewFile } from './new-file.ts'
import { readTrust } from './trust-file.ts'
import { type Call, json_option, UsageError, type Verb, VerbError } from './verb.ts'

const listen_default = '127.0.0.1:7090'
const text_characters_max = 200

export const witness: Verb = {
  name: 'witness',
  summary: "Run a witness: cosign the checkpoints of others' logs, and refuse forks and rollbacks",
  operands: '',
  operands_min: 0,
  operands_max: 0,
  options: {
    dir: { value: 'DIR', help: 'where its key and what it saw is kept (default ./witness)' },
    trust: { value: 'FILE', help: 'the logs that it cosigns: those of a trust file' },
    name: { value: 'NAME', help: "its key's name, at the first start (default the machine's)" },
    listen: {
      value: 'HOST:PORT',
      help: `where it answers, in plain HTTP (default ${listen_default})`,
    },
    json: json_option,
  },
  async run(call) {
    const trust = readTrust(call)
    if (trust === undefined) throw new UsageError('--trust FILE is missing: whose logs?')
    const address = parseAddress(call.text('listen') ?? listen_default, 0)
    if (!address.ok) throw new UsageError(`--listen: ${address.reason}`)
    const dir = resolve(call.text('dir') ?? 'witness')
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const lock = lockDataDirectory(dir)
    if (!lock.ok) throw new VerbError(`${dir} is in use: another witness is running on it`)
    try {
      const parts: WitnessParts = {
        logs: trust.logs,
        cosigner: loadCosigner(call, dir),
        state: openWitnessState(join(dir, 'seen')),
        now_s: () => Math.floor(Date.now() / 1000),
        said: (event, fields) =>
          call.console.note(JSON.stringify({ time: new Date().toISOString(), event, ...fields })),
      }
      await serve(call, parts, address.address)
      return 0
    } finally {
      lock.release()
    }
  },
}

async function serve(
  { console, flag }: Call,
  parts: WitnessParts,
  { host: hostname_, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  let server: ReturnType<typeof Bun.serve>
  try {
    server = Bun.serve({
      hostname: hostname_,
      port,
      maxRequestBodySize: request_bytes_max,
      idleTimeout: Math.ceil(request_ms_max / 1000),
      fetch: (request) => answerRequest(parts, request),
      // A state that cannot be read or written: nothing is signed, and what it says is not the asker's to know.
      error(error) {
        console.note(
          JSON.stringify({ event: 'fault', reason: plainText(error.message, text_characters_max) }),
        )
        return new Response('the witness cannot answer\n', { status: 500 })
      },
    })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new VerbError(`${formatAddress({ host: hostname_, port })} cannot be opened (${code})`)
  }
  const url = `http://${formatAddress({ host: server.hostname ?? hostname_, port: server.port ?? port })}`
  const { verifier_key } = parts.cosigner
  if (flag('json')) await console.line(JSON.stringify({ url, key: verifier_key }))
  else await console.line(`sluice witness ready url=${url} key=${verifier_key}`)
  await new Promise<void>((done) => {
    process.once('SIGTERM', done)
    process.once('SIGINT', done)
  })
  await server.stop(true)
}

/** Made at the first start. Its name is a part of what it signs, so that it stays. */
function loadCosigner(call: Call, dir: string): WitnessParts['cosigner'] {
  const [key_file, name_file] = [join(dir, 'witness.pem'), join(dir, 'witness.name')]
  const given = call.text('name')
  if (!existsSync(key_file)) {
    const name = given ?? `${hostname()}/${toHex(crypto.getRandomValues(new Uint8Array(4)))}`
    if (!/^[^\s+\p{C}]{1,200}$/u.test(name))
      throw new UsageError('--name must be one word without a plus')
    const { privateKey } = generateKeyPairSync('ed25519')
    if (!existsSync(name_file)) writeNewFile(name_file, `${name}\n`, 0o600)
    writeNewFile(key_file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600)
    chmodSync(key_file, 0o600)
  }
  const name = readFileSync(name_file, 'utf8').trim()
  if (given !== undefined && given !== name)
    throw new VerbError(`the witness in ${dir} is named ${plainText(name, text_characters_max)}`)
  const key = createPrivateKey(readFileSync(key_file, 'utf8')).export({
    type: 'pkcs8',
    format: 'der',
  })
  return cosigner(name, key)
}
