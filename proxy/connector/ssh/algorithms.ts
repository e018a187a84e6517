/**
 * What is offered, to clients and to targets. Lists are pinned: the library's own contain RC4, Blowfish and
 * SHA-1, and finite-field groups, whose creation blocks the event loop before anyone is authenticated.
 * Strict key exchange (against CVE-2023-48795) is added by the library.
 *
 * @module
 */

export interface Algorithms {
  readonly kex: readonly string[]
  readonly cipher: readonly string[]
  readonly hmac: readonly string[]
  readonly compress: readonly string[]
  readonly serverHostKey: readonly string[]
}

/** One pass: a third of the cost of CTR with an HMAC. */
const gcm = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com']
const ctr = ['aes256-ctr', 'aes192-ctr', 'aes128-ctr']

const shared: Omit<Algorithms, 'kex' | 'serverHostKey'> = {
  cipher: [...gcm, ...ctr],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
  // Compression before encryption leaks lengths, and costs more than a local network does.
  compress: ['none'],
}

/** RFC 10042: what is recorded today stays secret from a quantum computer. OpenSSH warns when it is missing. */
const post_quantum = ['mlkem768x25519-sha256']
const curve25519 = ['curve25519-sha256', 'curve25519-sha256@libssh.org']
const nist_curves = ['ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'ecdh-sha2-nistp521']

const host_key_algorithms: Readonly<Record<string, readonly string[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
}

/** Key types that can name a person, a target or the gateway. A person can have a security key besides. */
export const key_types: readonly string[] = Object.keys(host_key_algorithms)

/**
 * What the gateway offers to its clients. Which host keys exist decides the rest.
 *
 * The client's order wins (RFC 4253, section 7.1), and OpenSSH's has CTR before GCM: it is offered GCM alone,
 * which it has had since 6.2. An OpenSSH that is configured to use CTR only cannot connect.
 */
export function listenerAlgorithms(client: 'openssh' | 'other'): Algorithms {
  return {
    ...shared,
    cipher: client === 'openssh' ? gcm : shared.cipher,
    // ssh-audit rates the NIST curves a failure, and every client of today has this one.
    kex: [...post_quantum, ...curve25519],
    serverHostKey: Object.values(host_key_algorithms).flat(),
  }
}

/**
 * What the gateway offers to a target: types of pinned keys first, so that a target with several keys shows
 * the pinned one; the others after them, so that an error can name the key that it has instead.
 */
export function targetAlgorithms(pinned_types: readonly string[]): Algorithms {
  const types = [...pinned_types, ...key_types.filter((type) => !pinned_types.includes(type))]
  return {
    ...shared,
    kex: [...post_quantum, ...curve25519, ...nist_curves],
    hmac: [...shared.hmac, 'hmac-sha2-256', 'hmac-sha2-512'],
    serverHostKey: types.flatMap((type) => host_key_algorithms[type] ?? []),
  }
}
