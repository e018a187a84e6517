/**
 * Secrets without an issuer: JSON Web Tokens, and what stands after `password=` and its kin.
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
    name: 'jwt',
    pack: 'secrets',
    severity: 'high',
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
    name: 'password-assignment',
    pack: 'secrets',
    severity: 'high',
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
    severity: 'high',
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
    severity: 'high',
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
    severity: 'high',
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
    severity: 'high',
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
    severity: 'high',
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
