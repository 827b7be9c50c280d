// Listens on SOCKET forever.
import { createServer } from 'node:net';

createServer((connection) => connection.on('error', () => {})).listen(process.argv.at(-1), () =>
  console.log('bound'),
);
