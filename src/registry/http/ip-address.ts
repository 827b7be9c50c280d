import { BlockList, isIP } from 'node:net';

/** Addresses of this machine. */
export const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

export function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** Returns an IPv6 address in its one normal spelling, without dotted endings. */
export function normalIPv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/**
 * Position of an IPv4 address in the eight 16-bit groups of an IPv6 address. A connection to the
 * outer address reaches the inner one.
 */
interface Embedding {
  prefix: readonly number[]; // leading groups
  at: number; // first of the two groups of the IPv4 address
  inverted?: boolean; // all bits are flipped
}

const EMBEDDINGS: readonly Embedding[] = [
  { prefix: [0, 0, 0, 0, 0, 0xffff], at: 6 }, // RFC 4291, mapped: ::ffff:0:0/96
  { prefix: [0, 0, 0, 0, 0, 0], at: 6 }, // RFC 4291, compatible: ::/96
  { prefix: [0, 0, 0, 0, 0xffff, 0], at: 6 }, // RFC 2765, translated: ::ffff:0:0:0/96
  { prefix: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 }, // RFC 6052, NAT64: 64:ff9b::/96
  { prefix: [0x64, 0xff9b, 1], at: 6 }, // RFC 8215, NAT64 of a network of its own
  { prefix: [0x2002], at: 1 }, // RFC 3056, 6to4: 2002::/16
  { prefix: [0x2001, 0], at: 6, inverted: true }, // RFC 4380, Teredo: 2001::/32
];

/**
 * Returns the IPv4 address embedded in an IPv6 address, undefined if there is none.
 * @param address a valid IPv6 address without brackets and zone
 */
export function embeddedIPv4(address: string): string | undefined {
  const groups = ipv6Groups(address);
  const embedding = EMBEDDINGS.find(({ prefix }) => prefix.every((group, index) => groups[index] === group));
  if (embedding === undefined) return undefined;
  const { at, inverted } = embedding;
  const mask = inverted ? 0xffff : 0;
  const [high, low] = [groups[at]! ^ mask, groups[at + 1]! ^ mask];
  // `::` and `::1` are separate addresses, not 0.0.0.0 and 0.0.0.1.
  if (high === 0 && low <= 1 && groups.every((group, index) => index === 7 || group === 0)) return undefined;
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

function ipv6Groups(address: string): number[] {
  const [head = '', tail] = normalIPv6(address).split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return groups(head);
  const [first, last] = [groups(head), groups(tail)];
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
}
