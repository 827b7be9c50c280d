import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { endianness } from 'node:os';

/** An end of a TCP connection, as node:net has it. */
export interface TcpEnd {
  address: string; // without a zone
  port: number;
}

/** TCP_ESTABLISHED (linux/tcp_states.h). Others have no owner: a closed socket shows uid 0. */
const ESTABLISHED = '01';

/**
 * Reads that begin after they were asked for. Calls during one share the next: many
 * connections at once must not cost as many reads of a table of all connections.
 */
export class SharedReads {
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<string> | undefined;

  constructor(private readonly read: () => Promise<string>) {}

  next(): Promise<string> {
    this.#next ??= this.#current.then(() => {
      const reading = this.read();
      this.#current = reading.catch(() => {});
      this.#next = undefined;
      return reading;
    });
    return this.#next;
  }
}

const tableReads = (path: string) => new SharedReads(() => readFile(path, 'latin1').catch(() => ''));

const tables = {
  '/proc/net/tcp': tableReads('/proc/net/tcp'),
  '/proc/net/tcp6': tableReads('/proc/net/tcp6'),
};

/**
 * Returns the user whose socket is the other end of a connection on this machine. (proc(5),
 * /proc/net/tcp)
 * @param client the connection's other end
 * @param server its end here
 * @returns undefined if no socket of this machine is that end, or none any more
 */
export async function ownerOfPeer(client: TcpEnd, server: TcpEnd): Promise<number | undefined> {
  // A socket of a client is in the table of its own family: 127.0.0.1 may come as ::ffff:127.0.0.1.
  for (const [table, form] of [
    ['/proc/net/tcp', ipv4Text],
    ['/proc/net/tcp6', ipv6Text],
  ] as const) {
    const [local, remote] = [form(client), form(server)];
    if (local === undefined || remote === undefined) continue;
    const owner = findOwner(await tables[table].next(), local, remote);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** @returns the uid of an established socket between these ends; undefined if there is none */
export function findOwner(table: string, local: string, remote: string): number | undefined {
  // `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
  const start = table.indexOf(` ${local} ${remote} ${ESTABLISHED} `);
  if (start === -1) return undefined;
  const [, , , , , , , uid, , inode] = table.slice(start).split(/\s+/, 10);
  if (inode === undefined || inode === '0') return undefined;
  return Number(uid) === OVERFLOW_UID && hidesUsers() ? undefined : Number(uid);
}

/** Users that a user namespace does not map are all shown as this one. (user_namespaces(7)) */
const OVERFLOW_UID = 65_534;

/** Returns whether this process's user namespace leaves users out, as that of a container does. */
function hidesUsers(): boolean {
  try {
    return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'latin1'));
  } catch {
    return true;
  }
}

/** `0100007F:1F90` */
function ipv4Text({ address, port }: TcpEnd): string | undefined {
  const plain = address.replace(/^::ffff:/i, '');
  if (isIPv6(plain)) return undefined;
  return `${wordText(plain.split('.').map(Number))}:${portText(port)}`;
}

/** `00000000000000000000000001000000:1F90`; also of IPv4 addresses: `::ffff:…` */
function ipv6Text({ address, port }: TcpEnd): string | undefined {
  const bytes = ipv6Bytes(isIPv6(address) ? address : `::ffff:${address}`);
  const words = [0, 4, 8, 12].map((at) => wordText(bytes.slice(at, at + 4)));
  return `${words.join('')}:${portText(port)}`;
}

/** The kernel prints words of 32 bits as the machine has them. */
function wordText(bytes: readonly number[]): string {
  const ordered = endianness() === 'LE' ? bytes.toReversed() : bytes;
  return ordered.map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join('');
}

function portText(port: number): string {
  return port.toString(16).padStart(4, '0').toUpperCase();
}

function ipv6Bytes(address: string): number[] {
  const withoutDots = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a, b, c, d] = parts.slice(0, 4).map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = withoutDots.split('::');
  const groupsOf = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groupsOf(head), groupsOf(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...new Array<number>(zeros).fill(0), ...last].flatMap((group) => [
    group >> 8,
    group & 0xff,
  ]);
}
