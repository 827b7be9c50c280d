import { LayerslayerError } from '../../base/errors.js';
import { joinPath } from '../../overlay/resolve-path.js';
import type { CarveTarget } from './carve-target.js';
import { SequentialSink } from './sequential-sink.js';

/**
 * Returns a target for the bytes of one file.
 * @param write takes the bytes before it returns
 */
export function singleFile(write: (bytes: Uint8Array) => void): CarveTarget {
  const refuse = (): never => {
    throw new LayerslayerError('INTERNAL', 'stdout takes one file');
  };
  let isTaken = false;
  return {
    check: () => {},
    isStream: true,
    begin(_names, { size }) {
      if (isTaken) refuse();
      isTaken = true;
      return new SequentialSink(size, write);
    },
    beginDirectory: refuse,
    endDirectory: refuse,
    symlink: refuse,
    display: (names) => joinPath(names).toString(),
  };
}
