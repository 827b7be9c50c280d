// Binds the abstract name SOCKET and never lets go; with `slam` it ends each connection at once.
import { createServer } from 'node:net';

const [, , socket, manner] = process.argv;
const server = createServer((connection) => {
  connection.on('error', () => {});
  if (manner === 'slam') connection.destroy();
});
server.listen(`\0${socket}`, () => console.log('bound'));
