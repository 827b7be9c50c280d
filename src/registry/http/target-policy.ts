import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { RegistryFault } from '../requests/registry-fault.js';
import { embeddedIPv4, familyOf, LOOPBACK } from './ip-address.js';

/**
 * Kinds of targets of redirects and token realms (rule R7). A malicious registry must not make us
 * query the cloud's metadata service for credentials, or other services of this machine and its
 * network (SSRF).
 */
export type AddressKind = 'public' | 'private' | 'loopback' | 'forbidden' | 'name';

const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8); // RFC 1918
PRIVATE.addSubnet('172.16.0.0', 12);
PRIVATE.addSubnet('192.168.0.0', 16);
PRIVATE.addSubnet('100.64.0.0', 10); // RFC 6598, shared address space
PRIVATE.addSubnet('198.18.0.0', 15); // RFC 2544, benchmarks: in use inside some clouds
PRIVATE.addSubnet('fc00::', 7, 'ipv6'); // RFC 4193
PRIVATE.addSubnet('fec0::', 10, 'ipv6'); // RFC 3879, site-local
PRIVATE.addSubnet('64:ff9b:1::', 48, 'ipv6'); // RFC 8215, a network's own NAT64

/** Never storage: link-local, unspecified, multicast, and other metadata services. */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('169.254.0.0', 16); // RFC 3927; 169.254.169.254 is every cloud's metadata
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
FORBIDDEN.addSubnet('0.0.0.0', 8); // Linux connects 0.0.0.0 to itself
FORBIDDEN.addAddress('::', 'ipv6');
FORBIDDEN.addSubnet('224.0.0.0', 3); // multicast, reserved, broadcast
FORBIDDEN.addSubnet('ff00::', 8, 'ipv6');
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6'); // AWS metadata
FORBIDDEN.addAddress('100.100.100.200'); // Alibaba metadata
FORBIDDEN.addAddress('192.0.0.192'); // Oracle metadata

/** Names of cloud metadata services. A proxy resolves names out of sight. */
const METADATA_NAME =
  /^(metadata|metadata\.google\.internal|metadata\.goog|instance-data|instance-data\.ec2\.internal)\.?$/;
/** RFC 6761, and the names in the /etc/hosts of Linux distributions. */
const LOOPBACK_NAME = /^((.+\.)?localhost|localhost\.localdomain|localhost6|ip6-localhost|ip6-loopback)\.?$/;

/** @param host an address or a name, IPv6 with or without brackets */
export function addressKind(host: string): AddressKind {
  const bare = host.replace(/^\[|\]$|%.*$/g, '').toLowerCase();
  const version = isIP(bare);
  if (version === 0) {
    if (METADATA_NAME.test(bare)) return 'forbidden';
    return LOOPBACK_NAME.test(bare) ? 'loopback' : 'name';
  }
  // IPv6 with an embedded IPv4 address has the stricter kind of both.
  const addresses = version === 6 ? [bare, embeddedIPv4(bare) ?? bare] : [bare];
  const isIn = (list: BlockList) => addresses.some((address) => list.check(address, familyOf(address)));
  if (isIn(FORBIDDEN)) return 'forbidden';
  if (isIn(LOOPBACK)) return 'loopback';
  return isIn(PRIVATE) ? 'private' : 'public';
}

/** Returns whether the address is on this machine or in its own network. */
export function isNearby(kind: AddressKind): boolean {
  return kind === 'loopback' || kind === 'private';
}

/**
 * Checks a URL by its text. Names are checked when they are resolved (`lookupTargets`).
 * @param what the kind of reference, for the message: `redirect`, `token realm`
 * @param senderNearby the sender has a loopback or private address
 * @throws RegistryFault REGISTRY_UNAVAILABLE
 */
export function checkTarget(target: URL, what: string, senderNearby: boolean): void {
  const address = `${target.protocol}//${target.host}`;
  const refuse = (why: string) =>
    new RegistryFault('REGISTRY_UNAVAILABLE', `${what} to ${address} refused: ${why}`, 'never');
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw refuse('not http or https');
  if (target.username !== '' || target.password !== '') throw refuse('the address holds credentials');
  const why = refusal(addressKind(target.hostname), senderNearby);
  if (why !== undefined) throw refuse(why);
}

/**
 * What named a host: a sender with a nearby address or without, or a client from elsewhere that
 * named a registry.
 */
export type Namer = boolean | 'client';

/** Checks a socket's address before the first byte is sent. @throws RegistryFault */
export function checkAddress(hostname: string, kind: AddressKind, namer: Namer): void {
  const why = refusal(kind, namer);
  if (why !== undefined) throw resolvesTo(hostname, why);
}

function refusal(kind: AddressKind, namer: Namer): string | undefined {
  if (kind === 'forbidden') return 'a link-local or metadata address';
  if (!isNearby(kind) || namer === true) return undefined;
  if (namer === 'client') return `a ${kind} address, which needs --allow-registry`;
  return `a ${kind} address, and the registry's own is not`;
}

function resolvesTo(hostname: string, why: string): RegistryFault {
  return new RegistryFault('REGISTRY_UNAVAILABLE', `${hostname} refused: it resolves to ${why}`, 'never');
}

/**
 * Returns a DNS lookup for sockets. It fails for a name with an address that redirects, or clients
 * from elsewhere, must not use.
 * @param resolve default: the system's
 */
export function lookupTargets(namer: Namer, resolve: typeof lookup = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error) {
        callback(error, options.all ? [] : '', 0);
        return;
      }
      const why = found.map(({ address }) => refusal(addressKind(address), namer)).find(Boolean);
      if (why) callback(resolvesTo(hostname, why), options.all ? [] : '', 0);
      else if (options.all) callback(null, found);
      else callback(null, found[0]!.address, found[0]!.family);
    });
  };
}
