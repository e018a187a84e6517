/**
 * Private keys in their own forms, hashes of passwords, and what network devices keep.
 *
 * @module
 */
import { alnum, base58, bech32, hex, upper } from './filler.ts'
import type { Rule } from './rule.ts'

export const key: readonly Rule[] = [
  {
    name: 'private-key',
    pack: 'secrets',
    severity: 'critical',
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
    name: 'age-secret-key',
    pack: 'secrets',
    severity: 'critical',
    pattern: 'AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}',
    source: 'https://github.com/C2SP/C2SP/blob/main/age.md',
    examples: [
      `«${'AGE-SECRET'}-KEY-1${'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'.repeat(2).slice(0, 58)}»`,
      `key: «${'AGE-SECRET'}-KEY-1${'Q'.repeat(58)}»`,
    ],
    counter_examples: [`AGE-SECRET-KEY-1${'Q'.repeat(57)}`, `AGE-SECRET-KEY-2${'Q'.repeat(58)}`],
  },
  {
    name: 'putty-private-key',
    pack: 'secrets',
    severity: 'critical',
    before: 'Private-Lines: [0-9]+',
    pattern: '[A-Za-z0-9+/=\\r\\n]{16,}',
    source: 'https://the.earth.li/~sgtatham/putty/0.83/htmldoc/AppendixC.html',
    examples: [
      `Private-Lines: 2«\n${alnum(64)}\n${alnum(20)}=\nPrivate»-MAC: ${hex(40)}`,
      `Private-Lines: 1«\r\n${alnum(44)}\r\nPrivate»-MAC: ${hex(64)}`,
    ],
    counter_examples: [
      `Public-Lines: 2\n${alnum(64)}\n${alnum(20)}=\n`,
      `Private-Lines: 1\n${alnum(8)}\n-`,
    ],
  },
  {
    name: 'jwk-private',
    pack: 'secrets',
    severity: 'critical',
    before: '"(?:d|p|q|dp|dq|qi|k)"[ \\t]*:[ \\t]*"',
    pattern: '[A-Za-z0-9_-]{43,}',
    next: '"',
    source: 'https://www.rfc-editor.org/rfc/rfc7518#section-6',
    examples: [
      `{"kty":"OKP","crv":"Ed25519","d":"«${alnum(43)}»","x":"${alnum(43)}"}`,
      `{"kty":"oct","k":"«${alnum(86)}»"}`,
    ],
    counter_examples: [`{"x":"${alnum(43)}"}`, `{"d":"${alnum(42)}"}`],
  },
  {
    name: 'wireguard-key',
    pack: 'secrets',
    severity: 'critical',
    before: '(?:PrivateKey|PresharedKey)[ \\t]*=[ \\t]*',
    pattern: '[A-Za-z0-9+/]{43}=',
    source: 'https://man7.org/linux/man-pages/man8/wg.8.html',
    examples: [`[Interface]\nPrivateKey = «${alnum(43)}=»\n`, `PresharedKey = «${alnum(43)}=»\n`],
    counter_examples: [`PublicKey = ${alnum(43)}=`, `PrivateKey = ${alnum(42)}=`],
  },
  {
    name: 'bip32-private-key',
    pack: 'secrets',
    severity: 'critical',
    pattern: '[xtyz]prv[1-9A-HJ-NP-Za-km-z]{100,}',
    left: '[A-Za-z0-9]',
    source: 'https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki',
    examples: [`key «xprv${base58(107)}» `, `x="«tprv${base58(107)}»"\n`],
    counter_examples: [`xpub${base58(107)}`, `xprv${base58(99)}`],
  },
  {
    name: 'nostr-private-key',
    pack: 'secrets',
    severity: 'critical',
    pattern: 'nsec1[02-9ac-hj-np-z]{58}',
    left: '[A-Za-z0-9]',
    right: '[A-Za-z0-9]',
    source: 'https://github.com/nostr-protocol/nips/blob/master/19.md',
    examples: [`key «nsec1${bech32(58)}» `, `x="«nsec1${bech32(58)}»"\n`],
    counter_examples: [`nsec1${bech32(57)}`, `npub1${bech32(58)}`],
  },
  {
    name: 'tls-key-log',
    pack: 'secrets',
    severity: 'high',
    before:
      '(?:CLIENT_RANDOM|(?:CLIENT|SERVER)_(?:HANDSHAKE_TRAFFIC_SECRET|TRAFFIC_SECRET_0)|EXPORTER_SECRET) [0-9a-f]{64} ',
    pattern: '[0-9a-f]{64,96}',
    source: 'https://datatracker.ietf.org/doc/draft-ietf-tls-keylogfile/',
    examples: [
      `CLIENT_RANDOM ${hex(64)} «${hex(96)}»`,
      `SERVER_TRAFFIC_SECRET_0 ${hex(64)} «${hex(64)}»`,
    ],
    counter_examples: [
      `CLIENT_RANDOM ${hex(64)} ${hex(63)}`,
      `CLIENT_RANDOM ${hex(63)} ${hex(96)}`,
    ],
  },
  {
    name: 'crypt-hash',
    pack: 'secrets',
    severity: 'high',
    pattern:
      '\\$(?:(?:1|apr1)\\$[A-Za-z0-9./]{1,8}\\$[A-Za-z0-9./]{22}|5\\$(?:rounds=[0-9]+\\$)?[A-Za-z0-9./]{1,16}\\$[A-Za-z0-9./]{43}|6\\$(?:rounds=[0-9]+\\$)?[A-Za-z0-9./]{1,16}\\$[A-Za-z0-9./]{86}|2[abxy]\\$[0-9]{2}\\$[A-Za-z0-9./]{53}|g?y\\$[A-Za-z0-9./]+\\$[A-Za-z0-9./]{1,86}\\$[A-Za-z0-9./]{43})',
    source: 'https://man7.org/linux/man-pages/man5/crypt.5.html',
    examples: [
      `root:«$6$${alnum(16)}$${alnum(86)}»:19000:0:99999:7:::`,
      `x="«$2b$12$${alnum(53)}»"\n`,
      `deploy:«$y$j9T$${alnum(22)}$${alnum(43)}»:`,
      `key «$1$${alnum(8)}$${alnum(22)}» `,
    ],
    counter_examples: [
      `$6$${alnum(16)}$${alnum(85)}`,
      `$3$${alnum(16)}$${alnum(86)}`,
      '$1$HOME/bin/tool',
    ],
  },
  {
    name: 'argon2-hash',
    pack: 'secrets',
    severity: 'medium',
    pattern:
      '\\$argon2(?:id|i|d)\\$v=[0-9]+\\$m=[0-9]+,t=[0-9]+,p=[0-9]+\\$[A-Za-z0-9+/]{8,}\\$[A-Za-z0-9+/]{16,}',
    source: 'https://github.com/P-H-C/phc-winner-argon2 (encoded form)',
    examples: [
      `key «$argon2id$v=19$m=65536,t=3,p=4$${alnum(22)}$${alnum(43)}» `,
      `x="«$argon2i$v=19$m=4096,t=3,p=1$${alnum(22)}$${alnum(43)}»"\n`,
    ],
    counter_examples: [
      `$argon2id$v=19$m=65536,t=3,p=4$${alnum(7)}$${alnum(43)}`,
      `$argon3id$v=19$m=65536,t=3,p=4$${alnum(22)}$${alnum(43)}`,
    ],
  },
  {
    name: 'pbkdf2-hash',
    pack: 'secrets',
    severity: 'medium',
    pattern: 'pbkdf2_sha(?:1|256|512)\\$[0-9]+\\$[A-Za-z0-9]{8,}\\$[A-Za-z0-9+/]{27,}={0,2}',
    source: 'https://docs.djangoproject.com/en/5.2/topics/auth/passwords/',
    examples: [
      `key «pbkdf2_sha256$870000$${alnum(22)}$${alnum(43)}=» `,
      `x="«pbkdf2_sha1$10000$${alnum(12)}$${alnum(27)}=»"\n`,
    ],
    counter_examples: [
      `pbkdf2_sha256$870000$${alnum(22)}$${alnum(26)}`,
      `pbkdf2_md5$870000$${alnum(22)}$${alnum(43)}`,
    ],
  },
  {
    name: 'scram-verifier',
    pack: 'secrets',
    severity: 'high',
    pattern:
      'SCRAM-SHA-(?:1|256)\\$[0-9]+:[A-Za-z0-9+/=]{8,}\\$[A-Za-z0-9+/=]{20,}:[A-Za-z0-9+/=]{20,}',
    source: 'https://www.postgresql.org/docs/current/catalog-pg-authid.html',
    examples: [
      `key «SCRAM-SHA-256$4096:${alnum(22)}==$${alnum(43)}=:${alnum(43)}=» `,
      `x="«SCRAM-SHA-1$4096:${alnum(22)}==$${alnum(27)}=:${alnum(27)}=»"\n`,
    ],
    counter_examples: [`SCRAM-SHA-256$4096:${alnum(22)}==`, 'SCRAM-SHA-256 authentication'],
  },
  {
    name: 'ldap-hash',
    pack: 'secrets',
    severity: 'medium',
    pattern:
      '\\{(?:SSHA(?:256|384|512)?|SHA(?:256|384|512)?|SMD5|MD5|PBKDF2(?:-SHA(?:256|512))?)\\}[A-Za-z0-9+/=$.]{16,}',
    source: 'https://www.rfc-editor.org/rfc/rfc2307#section-5.3',
    examples: [`userPassword: «{SSHA}${alnum(32)}»`, `x="«{SHA512}${alnum(86)}==»"\n`],
    counter_examples: [`{SSHA}${alnum(15)}`, `{OTHER}${alnum(32)}`],
  },
  {
    name: 'mysql-hash',
    pack: 'secrets',
    severity: 'medium',
    pattern: '\\*[0-9A-F]{40}',
    left: '[A-Za-z0-9_]',
    right: '[A-Za-z0-9_]',
    source: 'https://dev.mysql.com/doc/refman/8.0/en/password-hashing.html',
    examples: [`AS '«*${hex(40).toUpperCase()}»'`, `| «*${hex(40).toUpperCase()}» |`],
    counter_examples: [`*${hex(39).toUpperCase()}`, `x*${hex(40).toUpperCase()}`],
  },
  {
    name: 'cisco-type-7',
    pack: 'secrets',
    severity: 'high',
    before: '(?:password|secret|key|key-string)[ \\t]+7[ \\t]+',
    pattern: '(?:0[0-9]|1[0-5])[0-9A-F]{4,}',
    right: '[A-Za-z0-9]',
    source:
      'https://www.cisco.com/c/en/us/support/docs/security-vpn/remote-authentication-dial-user-service-radius/107614-64.html',
    examples: [
      'username a password 7 «0822455D0A16»',
      `tacacs-server key 7 «13${hex(14).toUpperCase()}»`,
    ],
    counter_examples: ['password 7 characters', 'password 5 0822455D0A16'],
  },
  {
    name: 'cisco-type-8-9',
    pack: 'secrets',
    severity: 'high',
    pattern: '\\$[89]\\$[A-Za-z0-9./]{14}\\$[A-Za-z0-9./]{43}',
    source:
      'https://www.cisco.com/c/en/us/td/docs/ios-xml/ios/security/d1/sec-d1-cr-book/sec-cr-e1.html',
    examples: [
      `enable secret 9 «$9$${alnum(14)}$${alnum(43)}»`,
      `username a secret 8 «$8$${alnum(14)}$${alnum(43)}»`,
    ],
    counter_examples: [`$9$${alnum(14)}$${alnum(42)}`, `$7$${alnum(14)}$${alnum(43)}`],
  },
  {
    name: 'juniper-secret',
    pack: 'secrets',
    severity: 'high',
    pattern: '\\$9\\$[A-Za-z0-9./-]{8,}',
    next: '"',
    source:
      'https://www.juniper.net/documentation/us/en/software/junos/user-access/topics/topic-map/junos-os-user-authentication-overview.html',
    examples: [
      `secret "«$9$${alnum(20)}»"; ## SECRET-DATA`,
      `authentication-key "«$9$${alnum(14)}»";`,
    ],
    counter_examples: [`secret "$9$${alnum(7)}"`, `$9$${alnum(20)} x`],
  },
  {
    name: 'snmp-community',
    pack: 'secrets',
    severity: 'medium',
    before: '(?:snmp-server[ \\t]+community|r[ow]community6?)[ \\t]+',
    pattern: '[^\\s"\']{3,}',
    source: 'https://www.rfc-editor.org/rfc/rfc3584#section-5',
    examples: [`snmp-server community «${alnum(10)}» RO`, `rocommunity «${alnum(10)}» 10.0.0.0/8`],
    counter_examples: [`snmp-server location ${alnum(10)}`, 'rocommunity'],
  },
  {
    name: 'otp-seed',
    pack: 'secrets',
    severity: 'high',
    before: 'otpauth://[^\\s"\']+[?&]secret=',
    pattern: '[A-Za-z2-7]{16,}=*',
    source: 'https://github.com/google/google-authenticator/wiki/Key-Uri-Format',
    examples: [
      `otpauth://totp/Acme:ann?secret=«${upper(32)}»&issuer=Acme`,
      `otpauth://hotp/x?issuer=A&secret=«${upper(16)}»`,
    ],
    counter_examples: [
      'otpauth://totp/Acme:ann?issuer=Acme',
      `otpauth://totp/Acme?secret=${upper(15)}`,
    ],
  },
  {
    name: 'wifi-key',
    pack: 'secrets',
    severity: 'high',
    before: 'psk=["\']?',
    pattern: '[^\\s"\']{8,}',
    left: '[A-Za-z0-9_-]',
    source: 'https://w1.fi/cgit/hostap/plain/wpa_supplicant/wpa_supplicant.conf',
    examples: [`\tpsk="«${alnum(12)}»"\n`, `psk=«${hex(64)}»\n`],
    counter_examples: [`psk="${alnum(7)}"`, `key_mgmt=WPA-PSK ${alnum(12)}`],
  },
]
