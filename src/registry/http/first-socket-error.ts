import type { Socket } from 'node:net';

/**
 * Makes the first error of a socket the cause of later ones. A TLS server sends an alert and closes
 * the connection, and undici reports only the close.
 */
export function keepFirstError(socket: Socket): void {
  let first: Error | undefined;
  // Before undici's listener, which passes later errors on.
  socket.prependListener('error', (error) => {
    if (first === undefined) first = error;
    else if (error !== first) error.cause ??= first;
  });
}
