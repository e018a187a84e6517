/**
 * How a login name is taken apart.
 */
import { describe, expect, test } from 'bun:test'
import { splitLogin } from './accept.ts'

describe('login name', () => {
  test('is divided at the last "@"', () => {
    expect(splitLogin('deploy@web-1')).toEqual({ account: 'deploy', target: 'web-1' })
    expect(splitLogin('ann@example.com@web-1')).toEqual({
      account: 'ann@example.com',
      target: 'web-1',
    })
  })
  test('needs both parts', () => {
    for (const login of ['', 'deploy', '@', 'deploy@', '@web-1'])
      expect(splitLogin(login)).toBeUndefined()
  })
})
