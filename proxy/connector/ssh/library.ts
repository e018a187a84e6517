/**
 * The part of ssh2 that is used, with the additions of `patches/ssh2@1.17.0.patch`: `@types/ssh2` knows
 * neither those nor the library's internals. No other file names the package.
 *
 * @module
 */
import type { EventEmitter } from 'node:events'
import ssh2 from 'ssh2'
import type { Algorithms } from './algorithms.ts'
import type { Transport } from './transport.ts'

/** The numbers of RFC 4253, section 11.1 that are sent. */
export const disconnect_reason = {
  by_application: 11,
  no_more_auth_methods: 14,
} as const

/** What a peer sends on one channel, in order. */
export interface Receiver {
  /** The bytes are the receiver's own. They count against the window until `consumed`. */
  data(bytes: Uint8Array, stderr: boolean): void
  end(): void
  /** Last. `dead` when the connection was lost; else the channel was closed, and its `close()` is the answer. */
  close(dead: boolean): void
}

export interface LibraryChannel extends EventEmitter {
  readonly outgoing: { readonly id: number; readonly state: 'open' | 'eof' | 'closing' | 'closed' }
  direct(receiver: Receiver): void
  consumed(bytes: number): void
  /** Sends in the order of the calls. `taken` when the socket has it and takes more, or never will. */
  transmit(bytes: Uint8Array, stderr: boolean, taken?: () => void): void
  eof(): void
  close(): void
}

export interface LibraryProtocol {
  /** Set while keys are exchanged. */
  readonly ['_kexinit']?: unknown
  readonly ['_packetRW']: {
    readonly write: {
      readonly allocStart: number
      alloc(bytes: number): Buffer
      finalize(packet: Buffer): Buffer
    }
  }
  readonly ['_cipher']: { encrypt(packet: Buffer): void }
  rekey(): void
  disconnect(reason: number, description?: string): void
  exitStatus(channel: number, code: number): void
  exitSignal(channel: number, name: string, core_dumped: boolean, message: string): void
  signal(channel: number, name: string): void
  windowChange(channel: number, rows: number, columns: number, height: number, width: number): void
}

export interface Negotiated {
  readonly kex: string
  readonly serverHostKey: string
  readonly cs: { readonly cipher: string; readonly mac: string }
  readonly sc: { readonly cipher: string; readonly mac: string }
}

/** RFC 4254, section 5.1. */
export const open_failure = { prohibited: 1, connect_failed: 2 } as const

export interface OpenFailure extends Error {
  /** A code of RFC 4254, section 5.1, when the peer gave one. */
  readonly reason?: unknown
}

export type Opened = (error: OpenFailure | undefined, channel: LibraryChannel) => void

/** Either side's connection. The first two opens are `direct-` at a target and `forwarded-` at a client. */
export interface LibraryConnection extends EventEmitter {
  readonly ['_protocol']: LibraryProtocol
  readonly ['_sock']: Transport
  forwardOut(host: string, port: number, to_host: string, to_port: number, opened: Opened): void
  openssh_forwardOutStreamLocal(path: string, opened: Opened): void
  end(): void
}

/** Events: authentication, ready, session, tcpip, openssh.streamlocal, request, handshake, error, close. */
export interface LibraryServerConnection extends LibraryConnection {
  openssh_authAgent(opened: Opened): void
}

export interface AuthContext {
  readonly username: string
  readonly method: string
  readonly key?: { readonly algo: string; readonly data: Buffer }
  /** Set with a signature only. The algorithm name is stripped, an ECDSA signature is in DER. */
  readonly signature?: Buffer
  /** What was signed (RFC 4252, section 7). */
  readonly blob?: Buffer
  readonly hashAlgo?: 'sha256' | 'sha512'
  /** For `password` only. */
  readonly password?: string
  accept(): void
  reject(methods_left: readonly string[]): void
  /** For `keyboard-interactive` only: the client asks for another method before this one has an answer. */
  once(event: 'abort', listener: () => void): void
  /** For `keyboard-interactive` only. An error when it is aborted. */
  prompt(
    prompts: { readonly prompt: string; readonly echo: boolean }[],
    title: string,
    instructions: string,
    answered: (answers: readonly string[] | Error) => void,
  ): void
}

export interface LibrarySession extends EventEmitter {
  readonly type: 'session'
}

export type Accept<T> = () => T
/** Absent when the peer wants no reply. */
export type Reply = (() => void) | undefined
export type RejectOpen = (description: string, reason?: number) => void

export interface LibraryServer extends EventEmitter {
  injectSocket(socket: Transport): void
}

export interface ServerConfig {
  readonly hostKeys: readonly (string | Buffer)[]
  readonly algorithms: Algorithms
  readonly ident: string
  readonly keepaliveInterval: number
  readonly keepaliveCountMax: number
  /** The caller has sent the identification string. */
  readonly identSent?: boolean
  /** Of the Ed25519 and ECDSA keys among {@link hostKeys}. */
  readonly hostCertificates?: readonly Buffer[]
  /** Signature algorithms that the caller verifies, besides the library's own (RFC 8308, section 3.1). */
  readonly sigAlgs?: readonly string[]
}

export interface SessionRequest {
  readonly kind: 'exec' | 'shell' | 'subsystem'
  readonly command: Buffer
  readonly pty?: {
    readonly term: string
    readonly cols: number
    readonly rows: number
    readonly width: number
    readonly height: number
    readonly modes: Buffer
  }
  readonly env: Readonly<Record<string, string>>
  /** Whether programs get a way to the client's agent. */
  readonly agent: boolean
  readonly receiver: Receiver
}

export type Done = (error: Error | undefined) => void

/** Events: ready, handshake, tcp connection, unix connection, agent connection, error, close. */
export interface LibraryClient extends LibraryConnection {
  connect(config: {
    readonly sock: Transport
    readonly ident: string
    readonly username: string
    readonly algorithms: Algorithms
    readonly readyTimeout: number
    readonly keepaliveInterval: number
    readonly keepaliveCountMax: number
    readonly hostVerifier: (key: Buffer) => boolean
    readonly authHandler: () => unknown
  }): void
  session(
    request: SessionRequest,
    opened: (error: OpenFailure | undefined, channel: LibraryChannel, pty_refused: boolean) => void,
  ): void
  forwardIn(
    host: string,
    port: number,
    done: (error: Error | undefined, port: number) => void,
  ): void
  unforwardIn(host: string, port: number, done: Done): void
  openssh_forwardInStreamLocal(path: string, done: Done): void
  openssh_unforwardInStreamLocal(path: string, done: Done): void
}

export interface ParsedKey {
  readonly type: string
  getPublicSSH(): Buffer
  isPrivateKey(): boolean
  verify(data: Buffer, signature: Buffer, hash?: string): boolean | Error
  sign(data: Buffer): Buffer | Error
}

/** Below the library's own API: what it does not offer for a connection as a whole. */
export const protocolOf = (connection: LibraryConnection): LibraryProtocol =>
  connection['_protocol']

export const socketOf = (connection: LibraryConnection): Transport => connection['_sock']

/** SSH_MSG_USERAUTH_BANNER (RFC 4252, section 5.4), which clients show. Not sent while keys are exchanged. */
export function sendBanner(connection: LibraryConnection, text: string): void {
  const { _kexinit, _packetRW, _cipher } = protocolOf(connection)
  if (_kexinit !== undefined) return
  const bytes = Buffer.from(text)
  const { write } = _packetRW
  const packet = write.alloc(1 + 4 + bytes.length + 4)
  const at = write.allocStart
  packet[at] = userauth_banner
  packet.writeUInt32BE(bytes.length, at + 1)
  packet.set(bytes, at + 5)
  // The language is not said.
  packet.writeUInt32BE(0, at + 5 + bytes.length)
  _cipher.encrypt(write.finalize(packet))
}

const userauth_banner = 53

export const createServer = (config: ServerConfig): LibraryServer =>
  // The interfaces above state what the patch adds.
  new ssh2.Server(config as ssh2.ServerConfig & object)

export const createClient = (): LibraryClient => new ssh2.Client() as unknown as LibraryClient

/** Never for a certificate: the library then returns a wrong key. */
export function parseKey(text: string | Buffer): ParsedKey | Error {
  const parsed: unknown = ssh2.utils.parseKey(text)
  return (Array.isArray(parsed) ? parsed[0] : parsed) as ParsedKey | Error
}
