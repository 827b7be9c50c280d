import { LayerslayerError } from './errors.js';
import { reasonText } from './system-error-text.js';

/**
 * A step on files that the user named, where every fault is IO_FAILED.
 * @param doing as `writing /path at 0`: it begins the message
 */
export async function onDisk<T>(doing: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw diskFault(doing, error);
  }
}

export function diskFault(doing: string, error: unknown): LayerslayerError {
  return new LayerslayerError('IO_FAILED', `${doing}: ${reasonText(error)}`, { cause: error });
}
