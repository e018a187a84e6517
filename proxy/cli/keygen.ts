/**
 * `sluice keygen auditor|gateway|ca`: key pairs of the kinds that Sluice needs. A private key is written
 * to a file for its owner only, never printed, never over another file.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto'
import { thumbprint } from '../config/auditor-key.ts'
import { generateSshKey } from '../config/ssh-keygen.ts'
import { writeNewFile } from './new-file.ts'
import { type Call, json_option, UsageError, type Verb } from './verb.ts'

export const keygen: Verb = {
  name: 'keygen',
  summary: 'Make a key pair: for an auditor, for the gateway, or for a certificate authority',
  operands: 'auditor|gateway|ca',
  operands_min: 1,
  operands_max: 1,
  options: {
    out: { value: 'FILE', short: 'o', help: 'where the public key goes (default: stdout)' },
    private: {
      value: 'FILE',
      help: 'where the private key goes (default auditor-private.jwk, gateway_ed25519, ca_ed25519)',
    },
    comment: { value: 'TEXT', help: 'a name inside an SSH key' },
    json: json_option,
  },
  completions: ['auditor', 'gateway', 'ca'],
  async run(call) {
    const [kind = ''] = call.operands
    switch (kind) {
      case 'auditor':
        await keep(call, auditorPair(), 'auditor-private.jwk', [
          'Keep the private key away from the gateway: it opens the sealed evidence.',
          'List the public one in sluice.yaml: evidence.auditors.',
        ])
        return 0
      case 'gateway':
        await keep(call, sshPair(call, 'sluice-gateway'), 'gateway_ed25519', [
          'For gateway.ssh_host_keys, or as the private_key_file of an account.',
        ])
        return 0
      case 'ca':
        await keep(call, sshPair(call, 'sluice-ca'), 'ca_ed25519', [
          'Signs user certificates by ssh-keygen -s; list the public key in sluice.yaml: identity.ssh_ca.',
        ])
        return 0
      default:
        throw new UsageError('expected auditor, gateway or ca')
    }
  },
}

interface Pair {
  readonly private_text: string
  readonly public_text: string
  /** What others call the key. */
  readonly name: string
}

/** ECDH on P-256 (RFC 7518, section 6.2), named by its thumbprint (RFC 7638). */
function auditorPair(): Pair {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '', d = '' } = privateKey.export({ format: 'jwk' })
  const name = thumbprint(x, y)
  const facts = { use: 'enc', alg: 'ECDH-ES+A256KW', kid: name }
  const jwk = { kty: 'EC', crv: 'P-256', x, y }
  const text = (value: object): string => `${JSON.stringify(value, null, 2)}\n`
  return {
    private_text: text({ ...jwk, d, ...facts }),
    public_text: text({ ...jwk, ...facts }),
    name,
  }
}

function sshPair(call: Call, comment: string): Pair {
  const chosen = call.text('comment') ?? comment
  // It is a part of a line, and of a file format with lengths.
  if (!/^[^\p{C}]{0,128}$/u.test(chosen)) throw new UsageError('--comment must be one short line')
  const { private_text, public_text, public_key } = generateSshKey(chosen)
  return { private_text, public_text, name: public_key.algorithm }
}

async function keep(
  call: Call,
  pair: Pair,
  private_default: string,
  advice: readonly string[],
): Promise<void> {
  const { console } = call
  const private_file = call.text('private') ?? private_default
  const public_file = call.text('out')
  writeNewFile(private_file, pair.private_text, 0o600)
  if (public_file !== undefined) writeNewFile(public_file, pair.public_text, 0o644)
  if (call.flag('json')) {
    const made = { private_file, public_file, public_key: pair.public_text.trim(), name: pair.name }
    await console.json(made)
    return
  }
  if (public_file === undefined) await console.out(pair.public_text)
  console.note(`private key: ${private_file} (mode 0600)`)
  if (public_file !== undefined) console.note(`public key: ${public_file}`)
  for (const line of advice) console.note(console.paint('dim', line))
}
