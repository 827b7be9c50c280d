import { once } from 'node:events';
import { connect } from 'node:net';

/** A header that all servers of the tests let in. */
export const HOST = 'Host: localhost';

/** Returns a request, as it is sent. */
export const get = (target: string, ...headers: string[]) =>
  [`GET ${target} HTTP/1.1`, ...headers, '', ''].join('\r\n');

/** Sends bytes, and returns what comes until the connection ends, or `ms` pass without a byte. */
export async function rawRequest(
  text: string,
  { to, ms = 5_000 }: { to: string; ms?: number },
): Promise<string> {
  const { port, hostname } = new URL(to);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setTimeout(ms, () => socket.destroy());
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => {}); // a connection that is cut
  socket.write(text, 'latin1');
  await once(socket, 'close');
  return answer;
}
