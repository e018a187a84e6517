/**
 * A process that only `bun run bench postgres` starts: the PostgreSQL side of a gateway, which judges and masks as ever, with a recorder
 * that keeps nothing and is put in here. What recording costs is the difference. No option of the gateway leads here.
 *
 * @module
 */
import { rulesetOf } from '../../masking-wasm/compile/prepared.ts'
import { MaskingEngine } from '../../masking-wasm/host/engine.ts'
import { default_packs, rulesOf } from '../../masking-wasm/rules/index.ts'
import { formatAddress } from '../../proxy/config/address.ts'
import { generateSshKey } from '../../proxy/config/ssh-keygen.ts'
import { createClock } from '../../proxy/core/clock.ts'
import type { RecorderEvents, SessionRecorder } from '../../proxy/core/ports.ts'
import { createAccess } from '../../proxy/gateway/access.ts'
import { readOptions } from '../../proxy/gateway/options.ts'
import { openPostgres } from '../../proxy/gateway/postgres.ts'
import { createSessions } from '../../proxy/gateway/sessions.ts'
import { readSetup } from '../../proxy/gateway/setup.ts'
import { loadGatewayKeys } from '../../proxy/identity/gateway-keys.ts'
import { createIssuers } from '../../proxy/identity/issuers.ts'
import { createLivePolicy } from '../../proxy/policy/live.ts'
import { createPolicy } from '../../proxy/policy/policy.ts'
import type { RecorderClient } from '../../proxy/recorder/client.ts'
import { MessageTap } from '../../proxy/tap/message.ts'
import type { TapSink } from '../../proxy/tap/sink.ts'

const compiled = rulesetOf(rulesOf(default_packs))
if (!compiled.ok) throw new Error(compiled.reason)
const engine = MaskingEngine.load(compiled.ruleset)
const nothing = new Uint8Array()

const recorder: RecorderClient = {
  open: async (_start, events) => unrecorded(events),
  note: async () => {},
  mask: async (text) => text,
  configure: async () => {},
  projected() {},
  replicated() {},
  limit() {},
  failing: undefined,
  rules_hash: '',
  rules: compiled.ruleset.names,
  module_hash: '',
  stop: async () => {},
}

/** Masks what is shown, and shows it at once. */
function unrecorded(events: RecorderEvents): SessionRecorder {
  const taps = new Map<number, MessageTap>()
  const tapOf = (channel: number): MessageTap => {
    const known = taps.get(channel)
    if (known !== undefined) return known
    const sink: TapSink = {
      record: (_, payload = nothing) => payload,
      gather() {},
      release: (stream, bytes, raw_length) => events.release(channel, stream, bytes, raw_length),
      commit: () => '',
      hide: () => '',
      after: () => () => {},
    }
    const tap = new MessageTap(channel, 1, engine, sink)
    taps.set(channel, tap)
    return tap
  }
  return {
    id: '00000000-0000-7000-8000-000000000000',
    event: async () => {},
    fact() {},
    channel: async () => undefined,
    command: async () => ({ text: '', rules: [] }),
    shown: async () => ({ text: '', rules: [] }),
    buffer: (length) => new Uint8Array(length),
    recycle() {},
    output: (channel, _stream, bytes, fields = []) => tapOf(channel).push(bytes, fields),
    input: async () => {},
    early() {},
    download() {},
    upload: async (_, bytes) => bytes,
    flush: async () => {},
    async close() {
      for (const tap of taps.values()) tap.close()
    },
  }
}

const options = readOptions(process.argv.slice(2))
const { config, policy: parts, data } = await readSetup(options)
const clock = createClock(Date.now, () => performance.now())
const policy = createLivePolicy(
  createPolicy(config, parts, { access: createAccess(clock.now_us, '') }),
)
const side = await openPostgres({
  ...{ config, policy, recorder, is_shared: false, approvals: undefined, logins: undefined },
  address: { host: '127.0.0.1', port: 0 },
  gateway_keys: loadGatewayKeys(data, () => generateSshKey(config.gateway.name).private_text),
  issuers: createIssuers([], [], { now_us: clock.now_us, monotonic_ms: () => performance.now() }),
  sessions: createSessions(clock.now_us),
  log: () => {},
})
console.log(formatAddress(side.address))
process.stdin.once('end', () => process.exit(0)).resume()
