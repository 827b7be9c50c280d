import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
import { LayerslayerError } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');
LOOPBACK.addSubnet('::ffff:127.0.0.0', 104, 'ipv6');

/** Where the server listens. */
export interface ListeningAddress {
  address: string;
  isLoopback: boolean; // other machines can't connect
}

/**
 * Returns the address of `--host`. It is resolved once, so that what is judged is what is used.
 * @throws LayerslayerError IO_FAILED if the name has no address
 */
export async function listeningAddress(host: string): Promise<ListeningAddress> {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  try {
    const { address } = await lookup(bare);
    return { address, isLoopback: isLoopbackAddress(address) };
  } catch (error) {
    const message = `--host ${host}: no such address or name: ${reasonText(error)}`;
    throw new LayerslayerError('IO_FAILED', message, { cause: error });
  }
}

/** Returns whether an address, IPv4 or IPv6, is loopback's. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
