/**
 * The lines of an `ssh_config` and a `known_hosts` with which `ssh ACCOUNT@TARGET` goes through a gateway.
 *
 * @module
 */

export interface SshConfigFacts {
  readonly gateway: string
  /** Where people reach it. */
  readonly host: string
  readonly port: number
  readonly targets: readonly { readonly name: string; readonly accounts: readonly string[] }[]
  readonly known_hosts_file: string
  /** Whose the connections are; without it, whatever ssh tries by itself. */
  readonly identity?: { readonly key_file: string; readonly certificate_file: string }
}

export function sshConfigText(facts: SshConfigFacts): string {
  const { gateway, identity } = facts
  const everywhere = [
    `  UserKnownHostsFile ${quoted(facts.known_hosts_file)}`,
    ...(identity === undefined
      ? []
      : [
          `  IdentityFile ${quoted(identity.key_file)}`,
          `  CertificateFile ${quoted(identity.certificate_file)}`,
          '  IdentitiesOnly yes',
        ]),
  ]
  const stanzas = [
    [
      `Host ${gateway}`,
      `  HostName ${facts.host}`,
      `  Port ${facts.port}`,
      `  HostKeyAlias ${gateway}`,
      ...everywhere,
    ],
    ...facts.targets.map(({ name, accounts }) => {
      const [account, ...others] = accounts
      return [
        `Host ${name}`,
        `  ProxyJump ${gateway}`,
        // The name alone says where to; the gateway knows the address.
        `  HostKeyAlias ${name}`,
        ...(account !== undefined && others.length === 0 ? [`  User ${account}`] : []),
        ...everywhere,
      ]
    }),
  ]
  return `${stanzas.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

export interface KnownHostsFacts {
  readonly gateway: string
  /** `ALGORITHM BASE64`, each. */
  readonly host_keys: readonly string[]
  readonly host_authority: string
  readonly targets: readonly string[]
}

export function knownHostsText(facts: KnownHostsFacts): string {
  const names = facts.targets.join(',')
  return [
    ...facts.host_keys.map((key) => `${facts.gateway} ${key}\n`),
    ...(names === '' ? [] : [`@cert-authority ${names} ${facts.host_authority}\n`]),
  ].join('')
}

/** A file's name may have spaces; with a quote in it ssh could not read it at all. */
const quoted = (path: string): string => (/\s/.test(path) ? `"${path}"` : path)
