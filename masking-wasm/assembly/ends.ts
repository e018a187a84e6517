/** What ends before a byte that it has waited for, in a state whose matches all wait for the same (`waits`). */
import { check_units, found_units } from './budget'
import { passes } from './check'
import { accept, lists, rules } from './tables'

/** What it cost to see what {@link ruleEnding} says. */
export let end_units: u32 = 0

/** The rule of the matches of `state` from `start` to `p`, as far as they pass their checks; `rules` when there is none. */
export function ruleEnding(state: u32, start: usize, p: usize): u32 {
  let units: u32 = 0
  let rule: u32 = rules
  let at = lists + (<usize>load<u16>(accept + (state << 1)) << 1)
  for (let count: u32 = load<u16>(at); count > 0; count--, at += 6) {
    const check: u32 = load<u16>(at, 6)
    if (check != 0) {
      const is_match = passes(check, start, p)
      units += is_match ? found_units : check_units
      if (!is_match) continue
    }
    // The list is in the rules' order, and the first is what labels the match.
    rule = min(rule, load<u16>(at, 2))
  }
  end_units = units
  return rule
}
