import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { LayerslayerError } from '../../base/errors.js';
import { quoteName } from '../../base/text/quote-name.js';
import { bytesOfText, fsPath } from '../../base/text/raw-text.js';
import { type LocalPlace, registryReference } from '../../oci/image-location.js';
import { defaultPlatform, parsePlatform } from '../../oci/platform.js';
import { formatReference } from '../../oci/reference.js';
import { isNearHost, registryKey } from '../../registry/registry-options.js';
import { imageArgument } from '../../surroundings/image-argument.js';
import { HttpFault } from '../answers/http-status.js';
import type { AskedImage } from './served-images.js';

export interface ImageRulesOptions {
  cwd: string;
  /** Registries that references may name, by `registryKey`; empty: all. */
  registries: readonly string[];
  /** Registries of this machine and its network are refused, unless `registries` has them. */
  refusesNear: boolean;
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
   * @throws LayerslayerError INVALID_REFERENCE, INVALID_ARGUMENT, NOT_FOUND; HttpFault FORBIDDEN
   */
  asked(image: string, platform?: string): AskedImage {
    const wanted = platform === undefined ? defaultPlatform() : parsePlatform(platform);
    const inRegistry = registryReference(image);
    if (!inRegistry) return { reference: this.#local(image), platform: wanted, isFixed: false };
    this.#checkRegistry(inRegistry.registry);
    const reference = formatReference(inRegistry);
    return { reference, platform: wanted, isFixed: inRegistry.digest !== undefined };
  }

  /** A name that resolves to an address nearby is refused when it is connected to. */
  #checkRegistry(registry: string): void {
    const { registries, refusesNear } = this.options;
    if (registries.includes(registryKey(registry))) return;
    if (registries.length > 0)
      throw new HttpFault('FORBIDDEN', `${registry} is not among the registries of --allow-registry`);
    if (!refusesNear || !isNearHost(registry)) return;
    const where = 'on this machine, its network or its link';
    throw new HttpFault('FORBIDDEN', `${registry} is ${where}: it needs --allow-registry ${registry}`);
  }

  /** An image of this machine: one that the server was started with, or in an allowed directory. */
  #local(image: string): string {
    const { cwd, opened, directories } = this.options;
    if (opened.has(image)) return image;
    const refused = new HttpFault('FORBIDDEN', 'images of this machine need --allow-path');
    const place = /^([a-z-]+):\//.exec(image)?.[1] as LocalPlace | undefined;
    if (directories.length === 0 || place === undefined) throw refused;
    const found = parsed(image, cwd);
    if (found === undefined) throw refused; // why not would tell what other directories have
    const { reference, localPath = '' } = found;
    if (opened.has(reference)) return reference;
    const real = realPath(localPath);
    if (real === undefined && isBelow(localPath, directories))
      throw new LayerslayerError('NOT_FOUND', `${quoteName(bytesOfText(localPath))}: no such file`);
    if (real === undefined || !isBelow(real, directories)) throw refused;
    // The path that was judged, not one whose links may change.
    const judged = `${place}:${real}${reference.slice(`${place}:${localPath}`.length)}`;
    if (parsed(judged, cwd)?.localPath !== real) throw refused;
    return judged;
  }
}

/** @returns undefined if it is no image, or not an unambiguous one */
function parsed(image: string, cwd: string): ReturnType<typeof imageArgument> | undefined {
  try {
    return imageArgument(image, cwd);
  } catch {
    return undefined;
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

function isBelow(path: string, directories: readonly string[]): boolean {
  return directories.some((one) => path === one || path.startsWith(one.endsWith('/') ? one : `${one}/`));
}

/**
 * Returns the real path of a directory of `--allow-path`.
 * @throws LayerslayerError IO_FAILED
 */
export function allowedDirectory(path: string, cwd: string): string {
  const real = realPath(resolve(cwd, path));
  if (real !== undefined) return real;
  throw new LayerslayerError('IO_FAILED', `${quoteName(bytesOfText(path))}: no such directory`);
}
