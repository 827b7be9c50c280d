import { request } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A complete response of the registry behind. */
export interface PlainAnswer {
  status: number;
  headers: Record<string, string>; // names in lower case
  body: Buffer; // empty for HEAD
}

/** Formats a response in a dialect; `socket` for what bytes alone cannot do. */
export type Dialect = (answer: PlainAnswer, seen: SeenHead, socket: Socket) => Buffer | string | undefined;

export interface SeenHead {
  method: string;
  path: string;
  headers: Record<string, string>;
  nth: number; // request number at this server, from 1
}

export interface DialectServer {
  host: string;
  port: number;
  seen: SeenHead[];
  connections: () => number;
  stop(): Promise<void>;
}

/** A server that passes requests to a registry and formats its responses in a dialect of HTTP. */
export async function startDialectServer(target: string, dialect: Dialect): Promise<DialectServer> {
  const seen: SeenHead[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = parseHead(text.slice(0, end), seen.length + 1);
        text = text.slice(end + 4 + Number(head.headers['content-length'] ?? 0));
        seen.push(head);
        void answerOf(target, head).then((answer) => {
          const written = dialect(answer, head, socket);
          if (written === undefined || socket.destroyed) return;
          socket.write(written);
          if (head.headers.connection === 'close') socket.end();
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    seen,
    connections: () => connections,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function parseHead(text: string, nth: number): SeenHead {
  const [first = '', ...lines] = text.split('\r\n');
  const [method = '', target = ''] = first.split(' ');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  const path = target.startsWith('http:') ? new URL(target).pathname : target.replace(/^[^/].*/, '/');
  return { method, path, headers, nth };
}

function answerOf(target: string, { method, path, headers }: SeenHead): Promise<PlainAnswer> {
  if (method === 'CONNECT') return Promise.resolve({ status: 200, headers: {}, body: Buffer.alloc(0) });
  const url = new URL(path, target);
  const own = Object.fromEntries(['accept', 'range'].map((name) => [name, headers[name]]));
  const wanted = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: wanted as Record<string, string>, agent: false });
    outgoing.on('error', reject).on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const { connection: _, ...rest } = answer.headers as Record<string, string>;
        resolve({ status: answer.statusCode ?? 0, headers: rest, body: Buffer.concat(chunks) });
      });
    });
    outgoing.end();
  });
}
