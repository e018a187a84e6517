/**
 * The limits of SSH, each with its reason.
 *
 * @module
 */
import { session_channels_max } from '../../core/limits.ts'

/** Signatures that may be wrong, as OpenSSH's MaxAuthTries. */
export const auth_failures_max = 6

/** Keys that may be asked about without a signature. An agent can hold many; a scanner holds more. */
export const key_probes_max = 64

/** Times that somebody may name a provider that is not there. */
export const provider_choices_max = 3

/** `ACCOUNT@TARGET`: a login name of Linux (32) and a host name (253), with room. */
export const login_name_bytes_max = 512

/** Session channels that may exist before someone runs them, and forwarding requests that wait for policy. */
export const waiting_requests_max = 64

/** Whatever waits for policy: a program, an agent and X11 of each channel that a session may have. */
export const waiting_steps_max: number = 3 * session_channels_max

/** Environment variables of one channel, after the allowlist. */
export const env_variables_max = 64

/** A locale is short, and so is everything else that is worth passing on. */
export const env_value_bytes_max = 1024

/** `TERM` goes into the target's environment. */
export const term_bytes_max = 128

/** 159 opcodes of five bytes (RFC 4254, section 8) and the end. */
export const pty_modes_bytes_max = 800

/** Signals and resizes do not count against the window; those of a channel that waits are few or hostile. */
export const held_events_max = 64

/** Small packets of a channel that waits are joined in blocks of this size: a window of one-byte packets must not cost a hundred times its size. */
export const held_block_bytes: number = 16 * 1024

/** A reason shown to a person is one line. */
export const message_bytes_max = 1024

/** How long a refused client that opens no channel (`ssh -N`) keeps its connection, to be told in the disconnect. */
export const refused_idle_ms = 3_000

/** How long a refused client has to read why, at most. */
export const refused_ms = 10_000

/** How long a client whose session was ended has to read why, at most. */
export const told_ms = 2_000

/** What was written before a close has this long to be taken; a slow link takes its window of 2 MiB in less. */
export const close_flush_ms = 30_000

/** A peer answers a channel's close at once, or is treated as if it had. */
export const close_reply_ms = 5_000

/** A socket that was ended has this long to send what it holds. */
export const socket_linger_ms = 2_000

/** A TCP handshake that takes longer will not succeed. */
export const connect_ms = 10_000

/** Key exchange and authentication at the target: sshd may ask a slow directory. */
export const handshake_ms = 20_000

/** A channel of the target is confirmed within this, or the target hangs. */
export const channel_open_ms = 20_000

/** A host certificate is made for each connection, and checked as that begins. */
export const host_certificate_s: number = 24 * 60 * 60

/** A client's clock may be behind. */
export const host_certificate_early_s: number = 60 * 60

/** A client that came to go on to targets, and goes to none: one that multiplexes comes back within this. */
export const passage_idle_ms: number = 10 * 60_000

/** A peer that is silent is asked this often ... */
export const keepalive_ms = 15_000

/** ... and is taken for gone after so many answers are missing, as OpenSSH's ClientAliveCountMax. */
export const keepalive_missed_max = 3

/** New keys after this much, as RFC 4253, section 9 recommends; RFC 4344, section 3.2 wants them before 64 GiB. */
export const rekey_bytes: number = 1024 ** 3

/** New keys after this time (same place). */
export const rekey_ms: number = 60 * 60_000

export const rekey_check_ms = 1_000

/** What one field of a shell's request holds: a line that policy reads, twice. */
export const told_field_bytes_max: number = 32 * 1024

/** A shell waits for its answer. One whose wait was interrupted may ask again before that has come. */
export const told_waiting_max = 16

/** A shell that will tell of its commands is ready for its start file within this. */
export const told_start_ms = 10_000
