/**
 * What a masking rule is. Rules are data: the compiler turns them into tables, and the tests run
 * every example and counter-example that stands here.
 *
 * @module
 */

export type Pack = 'secrets' | 'pci' | 'pii' | 'hipaa' | 'network'

/**
 * What someone gains who has the value. `critical`: the account or machine itself, or the power to sign,
 * publish or pay as its owner. `high`: a service or its data in someone's name, or a number that is enough
 * to pass for a person. `medium`: one narrow thing, such as posting into a channel, or a value that still has
 * to be cracked. `low`: it only names something, and helps to use another secret.
 */
export type Severity = 'critical' | 'high' | 'medium' | 'low'

/** A test over the bytes of a match that no automaton can make. */
export type Check =
  | 'luhn'
  | 'mod97'
  | 'npi'
  | 'dea'
  | 'luhn-plain'
  | 'luhn-ten'
  | 'uk-nhs'
  | 'fr-nir'
  | 'de-steuer-id'
  | 'mod-11-10'
  | 'es-dni'
  | 'it-codice'
  | 'nl-bsn'
  | 'be-rrn'
  | 'pl-pesel'
  | 'no-fnr'
  | 'fi-hetu'
  | 'br-cpf'
  | 'br-cnpj'
  | 'verhoeff'
  | 'au-tfn'
  | 'au-medicare'
  | 'mod-11-2'
  | 'tr-tckn'
  | 'cl-rut'
  | 'ar-cuit'
  | 'mx-curp'
  | 'pt-nif'
  | 'ie-pps'
  | 'ean'
  | 'ro-cnp'
  | 'ee-isik'
  | 'sg-nric'
  | 'hk-id'
  | 'ru-snils'
  | 'jp-my-number'
  | 'nz-ird'
  | 'mrz'
  | 'de-kvnr'
  | 'cz-rc'
  | 'th-id'
  | 'tw-id'
  | 'bg-egn'

/**
 * Expressions are JavaScript regular expressions over bytes, without lookaround, assertions and back
 * references; a literal character outside ASCII stands for its UTF-8 bytes. Classes (`left`, `right`,
 * `next`) are one character class, such as `[0-9A-Z]`.
 */
export interface Rule {
  /** Lower case with dashes. It is shown to users and recorded beside each masked span. */
  readonly name: string
  readonly pack: Pack | 'custom'
  readonly severity: Severity
  /** What stands before the secret and stays readable: `password=`. Holds nothing back. */
  readonly before?: string
  /**
   * Leading part of the match that says nothing yet, such as the local part of an address: masked when
   * the whole matches, but a flush in its midst lets it go in clear.
   */
  readonly lead?: string
  /** What is masked. Never matches the empty string. */
  readonly pattern: string
  readonly ignore_case?: true
  /** Must not stand before the match (before `before`, when there is one). */
  readonly left?: string
  /** Must not follow the match. The end of the stream is no character, so it fits. */
  readonly right?: string
  /** Must follow the match, and is not masked. The end of the stream does not fit. */
  readonly next?: string
  readonly check?: Check
  /** Most bytes of a would-be match that any flush may show; absent: the usual allowance. */
  readonly clear_bytes_max?: number
  /** Where the form is described: the issuer's page, or the standard. */
  readonly source: string
  /** Texts with what must be masked between « and ». At least two. */
  readonly examples: readonly string[]
  /** Near misses, in which this rule masks nothing. At least two. */
  readonly counter_examples: readonly string[]
}
