import { DevFuseTransport } from './dev-fuse/dev-fuse-transport.js';
import type { Transport, TransportName } from './transport.js';

/** Returns a new transport. Loads what only fuse-native needs on its first use. */
export async function loadTransport(name: TransportName): Promise<Transport> {
  if (name === 'dev-fuse') return new DevFuseTransport();
  const { FuseNativeTransport } = await import('./fuse-native/fuse-native-transport.js');
  return new FuseNativeTransport();
}
