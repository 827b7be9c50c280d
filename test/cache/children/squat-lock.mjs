// Listens on SOCKET and never lets go.
import { createServer } from 'node:net';

createServer((connection) => connection.on('error', () => {})).listen(process.argv.at(-1), () =>
  console.log('bound'),
);
