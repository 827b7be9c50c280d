import type { ErrorCode } from '../../base/errors.js';
import { INDEX_TRUSTS } from './index-trust.js';
import type { OptionTable } from './option-table.js';

/** Options that every command has. */
export const COMMON_OPTIONS = {
  quiet: { kind: 'flag', short: 'q', summary: 'print only requested results and warnings' },
  verbose: { kind: 'flag', short: 'v', summary: 'log more, and show it' },
  'log-file': {
    kind: 'text',
    short: 'l',
    value: 'FILE',
    takes: 'file',
    refusesDoubtful: true,
    summary: 'also write everything shown to FILE',
  },
  json: { kind: 'flag', summary: 'results as JSON on stdout, errors as JSON on stderr' },
} as const satisfies OptionTable;

/** Options of every command that opens an image. */
export const IMAGE_OPTIONS = {
  platform: {
    kind: 'text',
    value: '[OS/]ARCH[/VARIANT]',
    takes: 'platform',
    summary: 'which of the image',
    default: 'linux and this architecture',
  },
  username: { kind: 'text', value: 'NAME', summary: 'user name for the registry, with --password-stdin' },
  'password-stdin': { kind: 'flag', summary: 'read the password from stdin' },
  'token-file': {
    kind: 'text',
    value: 'FILE',
    takes: 'file',
    summary: 'read a bearer token from FILE',
  },
  insecure: { kind: 'flag', summary: 'plain HTTP, or TLS without verification' },
  'cache-dir': {
    kind: 'text',
    value: 'DIR',
    takes: 'directory',
    summary: 'where to keep what was fetched',
    default: '$LAYERSLAYER_CACHE_DIR, else $XDG_CACHE_HOME/layerslayer, else ~/.cache/layerslayer',
  },
  'cache-size': {
    kind: 'text',
    value: 'SIZE',
    summary: 'hard cap of the cache on disk; 0 keeps nothing',
    default: '4GiB',
  },
  index: {
    kind: 'text',
    value: 'none|exact|image|trusted|any',
    choices: INDEX_TRUSTS,
    summary: 'which layer indexes made by others to use, see `man layerslayer`',
    default: 'exact',
  },
  'index-repository': {
    kind: 'text',
    value: 'REPO',
    summary: 'repository of layer indexes, made by `index --push`: HOST/NAME',
    default: '$LAYERSLAYER_INDEX_REPOSITORY',
  },
  ...COMMON_OPTIONS,
} as const satisfies OptionTable;

/** Errors that every command that opens an image can end with. */
export const IMAGE_FAILURES = [
  'NOT_FOUND',
  'UNAUTHORIZED',
  'NO_MATCHING_PLATFORM',
  'REGISTRY_UNAVAILABLE',
  'DIGEST_MISMATCH',
  'UNSUPPORTED',
  'IO_FAILED',
] as const satisfies readonly ErrorCode[];
