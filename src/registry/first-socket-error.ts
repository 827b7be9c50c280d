import type { Socket } from 'node:net';

/**
 * Makes the first error of a socket the cause of its later ones. A TLS server says with an alert why it ends a
 * connection, and closes it; undici then reports only that the other side closed.
 */
export function keepFirstError(socket: Socket): void {
  let first: Error | undefined;
  // Before undici's listener: it passes later errors on.
  socket.prependListener('error', (error) => {
    if (first === undefined) first = error;
    else if (error !== first) error.cause ??= first;
  });
}
