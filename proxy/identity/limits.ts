/**
 * The limits of signing in, each with its reason. Its listener has the time for those who do (`sign_in_ms`).
 *
 * @module
 */

/** An answer of a provider: metadata, keys and tokens are some KiB; a thousand groups fit. */
export const reply_bytes_max: number = 256 * 1024

/** ... from the request to its last byte: who waits for it is a person at a prompt. */
export const reply_ms = 10_000

/** An ID token with hundreds of groups. */
export const id_token_characters_max: number = 32 * 1024

/** Clocks of two machines that both keep time (OpenID Connect Core, section 3.1.3.7, item 9 and 10). */
export const clock_tolerance_s = 30

/** Issued longer ago than this it is refused, however long the issuer made it live. */
export const id_token_age_s_max: number = 24 * 60 * 60

/** Metadata of a provider is asked for again after this. */
export const metadata_ms: number = 60 * 60_000

/** Its keys too: a key that was withdrawn is believed for this long (RFC 7517 leaves it to the reader). */
export const keys_ms: number = 10 * 60_000

/** A key that is not known is asked for at most this often: anybody can write an unknown name into a token. */
export const keys_cooldown_ms = 30_000

/** Logins that wait for a person, each with a poll every few seconds at the provider. */
export const waiting_logins_max = 256

/** ... from one address: an office behind one, while another still finds room. */
export const waiting_logins_per_source_max = 32

/** A login that was given up keeps its place for this long: it bounds how often the provider is asked for codes. */
export const waiting_login_ms_min = 10_000

/** From the code to the token: finding the browser, a password, a second factor. */
export const device_login_ms: number = 5 * 60_000

/** Seconds between two polls when the provider says none (RFC 8628, section 3.2) or something absurd. */
export const poll_s_default = 5
export const poll_s_max = 30

/** Polls without a usable answer before a login is given up, each twice as late: with a poll every 5 s some two minutes. */
export const poll_failures_max = 5

/** What a provider may have typed: RFC 8628, section 6.1 wants it short. */
export const user_code_characters_max = 32

export const verification_url_characters_max = 1024

/** RFC 7519 sets none; OpenID Connect Core, section 2 has 255 ASCII characters. */
export const subject_characters_max = 255

/** They are part of each session's first record. */
export const groups_max = 500

export const group_characters_max = 256

/** From the page that sends a browser to a provider until it is back: as for a code, and a slow form more. */
export const browser_login_s: number = 10 * 60

/** What such a browser keeps meanwhile: an address of the gateway's and a few random words, encrypted. */
export const login_ticket_characters_max = 4096

/** An address within the gateway; one with a query is some hundred characters. */
export const return_path_characters_max = 1024

/** Nobody was there for this long. A page that looks for news is somebody. */
export const browser_session_idle_ms: number = 60 * 60_000

/** Some 2 KiB each. */
export const browser_sessions_max = 10_000

/** Browsers of one person; who signs in once more ends the oldest. */
export const browser_sessions_per_person_max = 10

/** A certificate of the gateway's: nothing takes it back but its end, so it is short unless asked for longer. */
export const certificate_s_default = 3600
/** ... at most a long working day. */
export const certificate_s_max: number = 12 * 3600

/** A target's clock, or that of an sshd that trusts the authority, may be behind. */
export const certificate_early_s = 60

/** What is exchanged for a sign-in or a job's token: for the requests that follow at once. */
export const exchanged_token_s: number = 15 * 60

/** ... as a password of databases: a script's, or a morning's. */
export const exchanged_database_token_s = 3600

/** Who polls sooner is told to slow down (RFC 8628, section 3.5). */
export const device_poll_ms_min = 900

/** A sign-in that came to its end, and that nobody asks about any more. */
export const device_result_ms: number = 60_000
/** Passkeys of one person: a phone, a computer, a key in a drawer, and some more. */
export const passkeys_each_max = 10

/** How long somebody may take to touch a key and to type its PIN. */
export const passkey_ceremony_ms: number = 5 * 60_000

/** Registrations under way, one for each person. */
export const passkey_ceremonies_max = 1_000

/** Of a SAML response, as a form field in base64: hundreds of groups and a certificate. It is part of a sealed proof. */
export const saml_response_characters_max: number = 256 * 1024

/** Elements of one: each attribute value is one, with what is around it. It bounds what is spent before any signature. */
export const saml_elements_max = 4_000

/** Keys that a provider signs with: the one of today and the next. */
export const saml_certificates_max = 8

/** From the ACS, where a browser posts without its cookies, to the page that it has them at. */
export const saml_handle_ms = 60_000
export const saml_handles_max = 1_000

/** Requests that were answered, until they have ended: only answers with a valid signature come in here. */
export const saml_answered_max = 100_000

/** Browsers whose person has not confirmed a terminal yet; a proof each, so some MiB. */
export const terminal_logins_max = 256

/** RFC 8628, section 6.1: letters without vowels, so that no word comes out; 20 to the eighth are 34 bits, and it is only compared. */
export const user_code_letters = 'BCDFGHJKLMNPQRSTVWXZ'

/** RFC 8725, section 3.1: asymmetric ones only, so that `none` and a MAC by a public key are out. */
export const id_token_algorithms: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/** Where there was no answer. */
export const recheck_again_ms = 30_000

/** Its answers are waited for at the same time; more would look like an attack. */
export const rechecks_at_once_max = 32

/** A few KiB of tokens each. */
export const watched_sign_ins_max = 10_000

/** From a sign-in to its first session, certificate or token. */
export const watched_ms_min: number = 15 * 60_000

/** A provider tells at once; one that retries makes a new token. */
export const logout_token_age_s_max: number = 5 * 60

/** Names that are remembered, so that none counts twice; more in five minutes is no provider's day. */
export const logout_tokens_max = 10_000
