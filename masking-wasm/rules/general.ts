/**
 * Secrets without an issuer: keys in PEM, JSON Web Tokens, credentials in URLs and headers, and what
 * stands after `password=` and its kin.
 *
 * @module
 */
import { alnum } from './filler.ts'
import type { Rule } from './rule.ts'

/** The tail of a secret's name: `PGPASSWORD`, `db.password`; but not `PWD` and `OLDPWD` of a shell. */
const strong = '(?:password|passwd|passphrase|(?-i:pwd|Pwd|[A-CE-Z0-9_]PWD))'
/** Names that prose and source code use for other things as well, so the value must look like a secret. */
const weak =
  '(?:secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|credential|auth[_-]?key)s?'
const assign = '["\']?[ \\t]*(?:=|:|=>|:=)[ \\t]*'
/** In an unquoted value: anything up to a blank or a quote. */
const unquoted = '[!#-&(-;=?-_a-~\\x80-\\xff]'
/** Not a reference (`${X}`, `$(x)`), a placeholder (`<x>`, `{x}`, `[x]`, `***`) or an operator (`==`). */
const first = '[!#&+-;?-Z^_a-z~\\x80-\\xff]'
const no_digit = '[!#-&(-/:;=?-_a-~\\x80-\\xff]'

/** At least eight characters, a digit among them. */
const telling = [0, 1, 2, 3, 4, 5, 6, 7]
  .map((at) =>
    at === 0
      ? `[0-9]${unquoted}{7,}`
      : `[!#&+-/A-Z^_a-z~]${no_digit}{${at - 1}}[0-9]${unquoted}{${7 - at},}`,
  )
  .concat(`[!#&+-/A-Z^_a-z~]${no_digit}{7,}[0-9]${unquoted}*`)
  .join('|')

export const general: readonly Rule[] = [
  {
    name: 'private-key',
    pack: 'secrets',
    before: '-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----',
    pattern:
      '(?:[\\t\\n\\r ]*[A-Z][A-Za-z-]+: [^\\r\\n]*[\\r\\n])*[A-Za-z0-9+/=\\\\\\t\\n\\r ]{8,}',
    source: 'https://www.rfc-editor.org/rfc/rfc7468',
    examples: [
      `-----BEGIN ${'PRIVATE'} KEY-----«\n${alnum(64)}\n${alnum(20)}==\n»-----END PRIVATE KEY-----\n`,
      `-----BEGIN RSA ${'PRIVATE'} KEY-----«\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,0011\r\n\r\n${alnum(64)}\r\n»-----END`,
      `-----BEGIN OPENSSH ${'PRIVATE'} KEY-----«\n${alnum(70)}\n»-----END`,
      `-----BEGIN PGP ${'PRIVATE'} KEY BLOCK-----«\nVersion: 2\n\n${alnum(64)}\n=${alnum(4)}\n»-----END`,
      `"-----BEGIN EC ${'PRIVATE'} KEY-----«\\n${alnum(64)}\\n»-----END EC PRIVATE KEY-----"`,
    ],
    counter_examples: [
      `-----BEGIN PUBLIC KEY-----\n${alnum(64)}\n-----END PUBLIC KEY-----`,
      `-----BEGIN CERTIFICATE-----\n${alnum(64)}\n-----END CERTIFICATE-----`,
    ],
  },
  {
    name: 'jwt',
    pack: 'secrets',
    pattern:
      'eyJ[A-Za-z0-9_-]{8,}(?:\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*|(?:\\.[A-Za-z0-9_-]*){4})',
    left: '[A-Za-z0-9_-]',
    source: 'https://www.rfc-editor.org/rfc/rfc7519',
    examples: [
      `t=«${'eyJ'}hbGciOiJIUzI1NiJ9.${'eyJ'}zdWIiOiIxIn0.${alnum(43)}»`,
      `«${'eyJ'}${alnum(30)}.${alnum(20)}.${alnum(16)}.${alnum(40)}.${alnum(22)}»\n`,
    ],
    counter_examples: ['eyJhbGciOiJIUzI1NiJ9', 'eyJhbGciOiJIUzI1NiJ9.payload.signature'],
  },
  {
    name: 'url-credentials',
    pack: 'secrets',
    before: '://[^\\x00-\\x20/:@?#"\'<>]{0,128}:',
    pattern: '[^\\x00-\\x20/@"\'<>]{1,256}',
    next: '@',
    source: 'https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1',
    examples: [
      'postgres://app:«hunter2»@db.internal:5432/orders',
      'https://:«s3cr:et»@example.org/',
      'redis://default:«p%40ss»@cache:6379',
    ],
    counter_examples: [
      'http://localhost:8080/@scope',
      'https://example.org:443/user@host',
      'ssh://git@example.org/x',
    ],
  },
  {
    name: 'authorization-header',
    pack: 'secrets',
    before:
      'authorization["\']?[ \\t]*[:=][ \\t]*["\']?(?:bearer|basic|token|apikey|negotiate)[ \\t]+',
    pattern: '[A-Za-z0-9._~+/=-]{6,}',
    ignore_case: true,
    source: 'https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2',
    examples: [
      `Authorization: Bearer «${alnum(20)}»\r\n`,
      `"authorization": "Basic «dXNlcjpwYXNz»"`,
      `curl -H 'Authorization: token «${alnum(40)}»'`,
    ],
    counter_examples: ['Authorization: Bearer <token>', 'authorization: required by bearer tokens'],
  },
  {
    name: 'cookie-header',
    pack: 'secrets',
    before: '(?:set-)?cookie["\']?:[ \\t]*["\']?[!#-+--:<>-~]{1,128}=',
    pattern: '[^\\x00-\\x20"\',]{8,}',
    left: '[A-Za-z0-9_-]',
    ignore_case: true,
    source: 'https://www.rfc-editor.org/rfc/rfc6265#section-4.1',
    examples: [
      `Set-Cookie: sid=«${alnum(32)};» Path=/`,
      `curl -H 'Cookie: session=«${alnum(24)}»'`,
    ],
    counter_examples: ['Set-Cookie: sid=; Max-Age=0', 'cookies: a=b'],
  },
  {
    name: 'password-assignment',
    pack: 'secrets',
    before: `${strong}${assign}`,
    pattern: `${first}${unquoted}{3,}`,
    ignore_case: true,
    source: 'https://cwe.mitre.org/data/definitions/532.html',
    examples: [
      'PGPASSWORD=«hunter2» psql',
      'db:\n  password: «correct-horse»\n',
      'mysql_pwd := «p@ss,w0rd;» MYSQL_PWD=«hunter2»',
    ],
    counter_examples: [
      'password=',
      'password_hash=0123456789abcdef',
      'password: ${DB_PASSWORD}',
      'the password is required',
      'password: <redacted>',
      'password == other',
      'PWD=/home/deploy',
      'OLDPWD=/var/lib/app',
    ],
  },
  {
    name: 'password-double-quoted',
    pack: 'secrets',
    before: `${strong}${assign}\\\\?"`,
    pattern: '(?:[^\\x00-\\x1f"\\\\]|\\\\[^\\x00-\\x1f]){3,}',
    ignore_case: true,
    source: 'https://cwe.mitre.org/data/definitions/532.html',
    examples: [
      '{"user":"a","password":"«hunter 2»","n":1}',
      'passwd = "«a\\"b c»"',
      'PASSWORD="«x y z»"\n',
    ],
    counter_examples: ['{"password":""}', '"password","name"', 'password "hunter2"'],
  },
  {
    name: 'password-single-quoted',
    pack: 'secrets',
    before: `(?:${strong}${assign}|password[ \\t]+|identified[ \\t]+by[ \\t]+)'`,
    pattern: "[^\\x00-\\x1f']{3,}",
    ignore_case: true,
    source: 'https://www.postgresql.org/docs/current/sql-createrole.html',
    examples: [
      "CREATE ROLE app PASSWORD '«hunter2»' LOGIN",
      "'password' => '«correct horse»',",
      "CREATE USER x IDENTIFIED BY '«hunter2»'",
    ],
    counter_examples: ["password=''", "'password', 'name'"],
  },
  {
    name: 'password-option',
    pack: 'secrets',
    before: '--(?:password|passwd|passphrase|secret|token|api-?key)[ =]["\']?',
    pattern: '[^\\x00-\\x20"\'$<>{}|-][^\\x00-\\x20"\'|]{3,}',
    ignore_case: true,
    source: 'https://cwe.mitre.org/data/definitions/214.html',
    examples: ['mysql --password «hunter2» db', 'deploy --token «abcdefgh» --force'],
    counter_examples: [
      'mysql --password db',
      'app --password-file /run/secret',
      'x --token $TOKEN',
    ],
  },
  {
    name: 'password-element',
    pack: 'secrets',
    before: '<(?:password|passwd|passphrase|apikey)>',
    pattern: '[^\\x00-\\x1f<]{3,}',
    ignore_case: true,
    source: 'https://maven.apache.org/settings.html#servers',
    examples: ['<password>«hunter2»</password>', '<apiKey>«abc def»</apiKey>'],
    counter_examples: ['<password></password>', '<passwords>hunter2</passwords>'],
  },
  {
    name: 'secret-assignment',
    pack: 'secrets',
    before: `${weak}${assign}["']?`,
    pattern: telling,
    ignore_case: true,
    source: 'https://cwe.mitre.org/data/definitions/532.html',
    examples: [
      `API_KEY=«${alnum(24)}»`,
      `client_secret: "«${alnum(30)}»"`,
      `aws.secretKey => «abcdefgh-1»`,
    ],
    counter_examples: [
      'token: string',
      'unexpected token: identifier',
      'secret = get_secret()',
      'api_key: ${API_KEY_1}',
      'token_type: abcdefgh1',
      'secret=abc1',
    ],
  },
]
