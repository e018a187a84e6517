/** What others have named does nothing to the terminal of whoever lists it, and looks like nothing else there. */
import { expect, test } from 'bun:test'
import { sluice } from '../../test/fixture/gateway.ts'
import { textOf } from './requests.ts'

test('what waits for an approval has its lines, and no more of it than anybody reads', () => {
  expect(textOf('echo ok\nrm -rf /srv')).toBe('echo ok\\nrm -rf /srv')
  expect(textOf('ls\u2028rm')).toBe('ls\\u{2028}rm')
  expect(textOf('\u001b]0;title\u0007\u009b2J\u202egnp.exe')).toBe(
    '\\e]0;title\\x07\\x9b2J\\u{202e}gnp.exe',
  )
  expect(textOf('what is *?')).toBe('what is *?')
  expect(textOf(`ls${' '.repeat(100_000)}; rm`)).toEndWith('...')
  expect(textOf(`ls${' '.repeat(100_000)}; rm`).length).toBeLessThan(3000)
  expect(textOf(42)).toBe('')
})

test('what failed is named without acting', async () => {
  const { code, stderr } = await sluice(['verify', '/nowhere/\u001b[2J\u009b31m\u202e'])
  expect(code).toBe(1)
  expect(stderr).toContain('\\e[2J\\x9b31m\\u{202e}')
  expect(stderr).not.toMatch(/[\u001b\u009b\u202e]/)
}, 30_000)
