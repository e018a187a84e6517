/** The compiled rules, as `compile/tables.ts` lays them out. */

const magic: u32 = 0x334d4c53

export const now: u32 = 1
export const later: u32 = 2
export const final: u32 = 4
export const crosses: u32 = 8
export const context: u32 = 16
export const spawns: u32 = 32
export const pending: u32 = 64
export const checked: u32 = 128
export const unlimited: u32 = 0xffff
export const stream_start: u32 = 256

export let states: u32 = 0
export let classes: u32 = 0
/** Number of rules; also the label of what is masked because too much is under way. */
export let rules: u32 = 0
export let class_of: usize = 0
export let next: usize = 0
export let flags: usize = 0
export let accept: usize = 0
export let label: usize = 0
export let idle: usize = 0
export let echo: usize = 0
export let spawn: usize = 0
export let lists: usize = 0
export let follows: usize = 0
export let pattern_start: usize = 0
export let context_start: usize = 0
export let filter: usize = 0
/** What words are found from; see `scan.ts`. */
export let landmarks: usize = 0

/** False when these are not tables. */
export function install(at: usize, bytes: u32): bool {
  if (bytes < 128 || load<u32>(at) != magic || load<u32>(at, 4) != bytes) return false
  states = load<u32>(at, 8)
  classes = load<u32>(at, 12)
  rules = load<u32>(at, 16)
  class_of = at + load<u32>(at, 20)
  next = at + load<u32>(at, 24)
  flags = at + load<u32>(at, 28)
  accept = at + load<u32>(at, 32)
  label = at + load<u32>(at, 36)
  idle = at + load<u32>(at, 40)
  echo = at + load<u32>(at, 44)
  spawn = at + load<u32>(at, 48)
  lists = at + load<u32>(at, 52)
  follows = at + load<u32>(at, 56)
  pattern_start = at + load<u32>(at, 60)
  context_start = at + load<u32>(at, 64)
  filter = at + load<u32>(at, 68)
  landmarks = at + load<u32>(at, 72)
  return true
}
