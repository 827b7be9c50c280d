import { asLayerslayerError } from '../base/errors.js';

/**
 * Returns a handler for a lookup before a push. Some registries refuse to read a repository that
 * does not exist yet. The push then says whether it may be created.
 */
export function ifUnauthorized<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (asLayerslayerError(error).code !== 'UNAUTHORIZED') throw error;
    return instead;
  };
}
