/** Younger than the types that come with Bun. */
declare module 'node:crypto' {
  export function hash(algorithm: 'sha256', data: Uint8Array, encoding: 'buffer'): Buffer
}
