import { realpathSync } from 'node:fs';
import { LayerslayerError } from '../../base/errors.js';
import { quoteName } from '../../base/text/quote-name.js';
import { bytesOfText, fsPath } from '../../base/text/raw-text.js';
import { registryReference } from '../../oci/image-location.js';
import { defaultPlatform, parsePlatform } from '../../oci/platform.js';
import { formatReference } from '../../oci/reference.js';
import { imageArgument } from '../../surroundings/image-argument.js';
import { HttpFault } from '../answers/http-status.js';
import type { AskedImage } from './served-images.js';

export interface ImageRulesOptions {
  cwd: string;
  /** Registries that references may name, as they stand in one; empty: all. */
  registries: readonly string[];
  /** Directories with images of this machine, real paths. */
  directories: readonly string[];
  /** Canonical references that the server was started with. */
  opened: ReadonlySet<string>;
}

/** Which images clients may ask for. */
export class ImageRules {
  constructor(private readonly options: ImageRulesOptions) {}

  /**
   * Parses what a client asks for.
   * @param platform as `--platform`; default: linux and this machine's architecture
   * @throws LayerslayerError INVALID_REFERENCE, INVALID_ARGUMENT; HttpFault FORBIDDEN
   */
  asked(image: string, platform?: string): AskedImage {
    const wanted = platform === undefined ? defaultPlatform() : parsePlatform(platform);
    const inRegistry = registryReference(image);
    if (!inRegistry) return { reference: this.#local(image), platform: wanted, isFixed: false };
    const { registries } = this.options;
    if (registries.length > 0 && !registries.includes(inRegistry.registry)) {
      throw new HttpFault(
        'FORBIDDEN',
        `${inRegistry.registry} is not among the registries of --allow-registry`,
      );
    }
    const reference = formatReference(inRegistry);
    return { reference, platform: wanted, isFixed: inRegistry.digest !== undefined };
  }

  /** An image of this machine: one that the server was started with, or in an allowed directory. */
  #local(image: string): string {
    const { cwd, opened, directories } = this.options;
    if (opened.has(image)) return image;
    const refused = new HttpFault('FORBIDDEN', 'images of this machine need --allow-path');
    if (directories.length === 0 || !/^[a-z-]+:\//.test(image)) throw refused;
    const { reference, localPath } = imageArgument(image, cwd);
    if (opened.has(reference)) return reference;
    if (localPath === undefined) throw refused;
    const real = realPath(localPath);
    if (real === undefined || !directories.some((one) => isBelow(real, one))) throw refused;
    return reference;
  }
}

/** Links that lead out of an allowed directory count as what they lead to. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(fsPath(path) as string);
  } catch {
    return undefined;
  }
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

/**
 * Returns the real path of a directory of `--allow-path`.
 * @throws LayerslayerError IO_FAILED
 */
export function allowedDirectory(path: string): string {
  const real = realPath(path);
  if (real !== undefined) return real;
  throw new LayerslayerError('IO_FAILED', `${quoteName(bytesOfText(path))}: no such directory`);
}
