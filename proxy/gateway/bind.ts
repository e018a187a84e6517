/**
 * Opening a port, and saying why it cannot be opened.
 *
 * @module
 */
import { type Address, formatAddress } from '../config/address.ts'
import { Refusal } from './refusal.ts'

/**
 * Throws {@link Refusal}. Where nobody chose the port, as in the trial, any free one will do.
 *
 * @param key of the configuration that names the address
 */
export async function bind<T>(
  key: string,
  address: Address,
  is_any_port: boolean,
  open: (address: Address) => T | Promise<T>,
): Promise<T> {
  try {
    return await open(address)
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) throw error
    const code = String(error.code)
    if (code === 'EADDRINUSE' && is_any_port && address.port !== 0)
      return bind(key, { ...address, port: 0 }, false, open)
    const why = code === 'EADDRINUSE' ? 'the port is in use' : `it cannot be opened (${code})`
    throw new Refusal(1, `${key}: ${formatAddress(address)}: ${why}`)
  }
}
