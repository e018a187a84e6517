import { expect } from 'bun:test'
import { ssh, sshd, testSlow } from '../fixture/require.ts'
import { crashRounds } from './rounds.ts'

const budget_ms = 20_000
const rounds_min = 3

testSlow(
  [ssh, sshd],
  'kill -9 at random moments under load: nothing that was seen or that ran is lost, and all of it verifies',
  async () => {
    const seed = Number(process.env['SLUICE_TEST_SEED'] ?? Date.now() % 2 ** 31)
    const found = await crashRounds({ seed, rounds: 100, budget_ms })
    process.stderr.write(`${JSON.stringify({ seed, ...found })}\n`)
    expect(found.losses).toEqual([])
    expect(found.rounds).toBeGreaterThanOrEqual(rounds_min)
    expect(found.seen_bytes).toBeGreaterThan(0)
    expect(found.ran).toBeGreaterThan(0)
  },
  // `bun run fuzz crash` is the long form: a hundred rounds.
  600_000,
)
