import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { SocketDirectory } from '#src/base/socket-directory.js';
import { cleanUp, onCleanUp, scratchDirectory } from '../cache/scratch.js';

afterEach(cleanUp);

it('survives a connection that cannot be accepted', async () => {
  const directory = await SocketDirectory.open(scratchDirectory());
  const server = createServer((socket) => socket.end());
  await directory.listen('socket', server);
  onCleanUp(async () => {
    server.close();
    await directory.close();
  });
  server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
  expect(await directory.isDead('socket')).toBe(false);
});
