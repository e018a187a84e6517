/**
 * Kinds of paths that the risk catalogue speaks of, whichever way they are spelled.
 *
 * @module
 */
import { unknown, type Word } from '../shell/reading.ts'
import { quoted_offset } from '../shell/word.ts'

export type PathClass =
  /** `/`, a folder of its top level, or all in one of these; the home directory and all in it. */
  | 'root'
  /** What the system is made of, and its state. */
  | 'system'
  /** Begins with what is not known: it may be `/`. */
  | 'unknown'
  /** A file that holds secrets of accounts or of the machine. */
  | 'credential'
  /** Who may log in, and as what. */
  | 'access'
  /** A disk, or a part of one. */
  | 'disk'
  /** What tells afterwards what was done. */
  | 'history'
  /** What is started by itself later. */
  | 'startup'
  /** Switches of the kernel. */
  | 'kernel'

const roots =
  /^(\/|\/(bin|boot|dev|etc|home|lib|lib32|lib64|libx32|media|mnt|opt|proc|root|run|sbin|srv|sys|usr|var)(\/\*?|)|\/\*|~[a-z0-9_-]*(\/\*?|\/\.\*?|\/\.\[!?\^?\.\]\*|)|\/home\/[^/]+(\/\*?)?)$/
const system =
  /^\/(bin|boot|etc|lib|lib32|lib64|libx32|proc|sbin|sys|usr(?!\/(local\/)?src\/)|var\/(lib|log|spool|mail)|dev(?!\/shm\/))\//
const startup =
  /^\/(etc\/(cron[^/]*|crontab|anacrontab|init\.d|rc[^/]*|profile[^/]*|bash\.bashrc|ld\.so\.[^/]*|systemd\/system|modprobe\.d|modules[^/]*|udev|xinetd\.d)|var\/spool\/cron|(usr\/)?lib\/systemd\/system)(\/|$)|^~[a-z0-9_-]*\/\.(bashrc|bash_profile|profile|zshrc|zprofile|bash_logout|config\/(systemd|autostart))(\/|$)/
const disks =
  /^\/dev\/(sd[a-z]|hd[a-z]|vd[a-z]|xvd[a-z]|nvme\d|mmcblk\d|md\d|dm-|mapper\/|disk\/|loop\d|nbd\d|mem$|kmem$|port$)/
const history =
  /^\/var\/log(\/|$)|^\/var\/run\/utmp$|^(~[a-z0-9_-]*|\/root|\/home\/[^/]+)\/\.(bash|zsh|sh|mysql|psql|python|node_repl|lesshst|ash)_?history$|\/\.(bash|zsh)_history$/
const kernel = /^\/proc\/(sysrq-trigger|sys\/)|^\/sys\/(kernel|power|firmware)\//
const access =
  /^\/etc\/(passwd|group|shadow|gshadow|sudoers|sudoers\.d|ssh\/sshd_config[^ ]*|pam\.d|pam\.conf|security|login\.defs|nsswitch\.conf|krb5\.conf|subuid|subgid|doas\.conf|polkit-1)(-|\/|$)|\/\.ssh\/(authorized_keys2?|rc|environment)$|\/\.(rhosts|shosts)$|^\/etc\/hosts\.(equiv|allow|deny)$/

/** Literal ones, so that a pattern can be tried on each. */
const credentials: readonly string[] = [
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/sudoers',
  '/etc/krb5.keytab',
  '/etc/security/opasswd',
  '/etc/ssh/ssh_host_rsa_key',
  '/etc/ssh/ssh_host_ed25519_key',
  '/etc/ssh/ssh_host_ecdsa_key',
  '/etc/kubernetes/admin.conf',
  '/etc/kubernetes/pki/ca.key',
  '/etc/rancher/k3s/k3s.yaml',
  '/var/lib/kubelet/config.yaml/token',
  '/run/secrets/kubernetes.io/serviceaccount/token',
  '/var/run/secrets/kubernetes.io/serviceaccount/token',
  '~/.ssh/id_rsa',
  '~/.ssh/id_ed25519',
  '~/.ssh/id_ecdsa',
  '~/.ssh/id_dsa',
  '~/.aws/credentials',
  '~/.kube/config',
  '~/.docker/config.json',
  '~/.pgpass',
  '~/.my.cnf',
  '~/.netrc',
  '~/.git-credentials',
  '~/.gnupg/secring.gpg',
  '~/.vault-token',
  '~/.config/gcloud/application_default_credentials.json',
  '~/.azure/accessTokens.json',
  '/proc/1/environ',
  '/proc/kcore',
  '/proc/self/environ',
  '/swapfile',
  '/etc/ipsec.secrets',
  '/etc/ppp/chap-secrets',
  '/etc/wireguard/wg0.conf',
]
const credential_shape =
  /\/\.(ssh\/id_[a-z0-9_]+|aws\/credentials|kube\/config|docker\/config\.json|pgpass|my\.cnf|netrc|git-credentials|vault-token)$|\/ssh_host_[a-z0-9]+_key$|\/private\/[^/]+\.(key|pem)$|^\/proc\/\d+\/(environ|mem)$|\/\.gnupg\/private-keys-v1\.d/

/** `folders`: where it may run; the strictest counts. */
export function isOfClass(word: Word, folders: readonly string[], kind: PathClass): boolean {
  return spellings(word).some((text) =>
    folders.some((folder) =>
      isPathOfClass(full(text, folder), text, word.pattern !== undefined, kind),
    ),
  )
}

/** A path may stand behind `--file=`, `-T`, `of=` or `@`, and be a word alone. */
function spellings({ text, pattern }: Word): readonly string[] {
  const shown = pattern ?? text
  const equals = shown.indexOf('=')
  const slash = shown.search(/[/~]/)
  return [
    shown.startsWith('-') ? '' : shown,
    equals >= 0 ? shown.slice(equals + 1) : '',
    shown.startsWith('-') && slash > 0 ? shown.slice(slash) : '',
    shown.startsWith('@') ? shown.slice(1) : '',
    shown.includes('=@') ? shown.slice(shown.indexOf('=@') + 2) : '',
    // host:path of rsync and scp, a mount of docker.
    slash > 0 && shown.charAt(slash - 1) === ':' ? shown.slice(slash) : '',
    /^\/[^:]*:/.test(shown) ? shown.slice(0, shown.indexOf(':')) : '',
  ].filter((each) => each !== '')
}

function isPathOfClass(
  path: string,
  as_given: string,
  is_pattern: boolean,
  kind: PathClass,
): boolean {
  switch (kind) {
    case 'root':
      return (
        roots.test(path) ||
        (path.startsWith('/') && roots.test(upToUnknown(path))) ||
        (is_pattern && top_folders.some((one) => globMatches(path, one)))
      )
    case 'system':
      return system.test(path)
    case 'unknown':
      return path.startsWith(unknown) || as_given.startsWith(unknown)
    case 'disk':
      return disks.test(path)
    case 'history':
      return history.test(path)
    case 'startup':
      return startup.test(path)
    case 'kernel':
      return kernel.test(path)
    case 'access':
      return access.test(path) || (is_pattern && access_paths.some((one) => globMatches(path, one)))
    case 'credential':
      return (
        credentials.includes(home(path)) ||
        credential_shape.test(path) ||
        (is_pattern && credentials.some((one) => globMatches(home(path), one)))
      )
  }
}

const top_folders = '/bin /boot /etc /home /lib /opt /root /sbin /srv /usr /var'.split(' ')

const access_paths: readonly string[] = [
  '/etc/passwd',
  '/etc/group',
  '/etc/sudoers',
  '/etc/ssh/sshd_config',
]

/** What is not known may be empty: `/$DIR` is then `/`. */
const upToUnknown = (path: string): string => {
  const at = path.indexOf(unknown)
  return at < 0 ? 'none' : path.slice(0, at)
}

/** Everybody's home is spelled as one's own. */
const home = (path: string): string =>
  path.replace(/^(\/root|\/home\/[^/]+|~[a-z0-9_-]+)(?=\/)/, '~')

/** Absolute, without `.`, `..` and doubled slashes (POSIX, XBD 4.13; links are not known). */
export function full(text: string, folder: string): string {
  // `~+` is where one is, `~-` where one was.
  if (/^~[+-](\/|$)/.test(text))
    return full(text.charAt(1) === '+' ? `.${text.slice(2)}` : unknown, folder)
  const joined = /^[/~]/.test(text) || text.startsWith(unknown) ? text : `${folder}/${text}`
  const is_absolute = joined.startsWith('/')
  const parts: string[] = []
  for (const part of joined.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  const path = (is_absolute ? '/' : '') + parts.join('/')
  return path === '' ? (is_absolute ? '/' : '~') : path
}

/** Whether a pattern of a shell matches; in time linear in both for each star. A bracket stands for any one character. */
export function globMatches(pattern: string, path: string): boolean {
  const parts = pattern.replace(/\[[^\]/]*\]/g, '?')
  let p = 0
  let at = 0
  let star = -1
  let mark = 0
  while (at < path.length) {
    const c = parts.charAt(p)
    const code = c.charCodeAt(0)
    const literal =
      code >= quoted_offset && code < quoted_offset + 0x100
        ? String.fromCharCode(code - quoted_offset)
        : undefined
    if (c === '*') {
      star = p++
      mark = at
    } else if (c !== '' && path.charAt(at) === (literal ?? c)) {
      p++
      at++
    } else if (c === '?' && path.charAt(at) !== '/') {
      p++
      at++
    } else if (star >= 0 && path.charAt(mark) !== '/') {
      p = star + 1
      at = ++mark
    } else return false
  }
  while (parts.charAt(p) === '*') p++
  return p === parts.length
}
