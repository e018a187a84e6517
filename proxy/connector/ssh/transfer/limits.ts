/**
 * The limits of transfers, each with its reason.
 *
 * @module
 */

/** One SFTP message: OpenSSH refuses a longer one (SFTP_MAX_MSG_LENGTH, sftp-common.h). */
export const sftp_message_bytes_max: number = 256 * 1024

/** ... without content: a listing of OpenSSH is at most 100 names. It is one record, and all of it may be secrets. */
export const sftp_text_message_bytes_max: number = 128 * 1024

/** draft-ietf-secsh-filexfer-02, section 6.3: a handle is at most 256 bytes. */
export const sftp_handle_bytes_max = 256

/** Files and directories open at once: OpenSSH's server has at most as many as file descriptors, usually 1,024. */
export const sftp_handles_max = 1024

/** Requests that wait for their reply: OpenSSH's client has 64, unless `-R` says otherwise. */
export const sftp_pending_max = 4096

/** PATH_MAX of Linux. A target refuses a longer path too. */
export const path_bytes_max = 4096

/** A line of scp: a mode, a size and a name, or a message for a person (openssh/scp.c has 2048 and 16384). */
export const scp_line_bytes_max: number = 16 * 1024

/** Directories that an scp is inside of: PATH_MAX allows no more. */
export const scp_depth_max = 2048
