import type { CommandDeclaration } from '../../command-declaration.js';
import { IMAGE_OPTIONS } from '../../options/image-options.js';
import type { OptionTable } from '../../options/option-table.js';

/** Secrets for a registry are not the server's: clients would use them. */
const {
  username: _,
  'password-stdin': __,
  'token-file': ___,
  platform: ____,
  ...SESSION_OPTIONS
} = IMAGE_OPTIONS;

const OPTIONS = {
  host: { kind: 'text', value: 'ADDRESS', summary: 'address to listen at', default: '127.0.0.1' },
  port: { kind: 'text', value: 'PORT', summary: 'port to listen at; 0: a free one', default: '8000' },
  open: { kind: 'flag', summary: 'open the explorer in a browser' },
  'access-token-file': {
    kind: 'text',
    value: 'FILE',
    takes: 'file',
    summary: 'token that clients send; default: one is made and printed',
  },
  'allow-host': {
    kind: 'list',
    value: 'NAME',
    summary: 'also answer requests to this host name; may be repeated',
  },
  'allow-registry': { kind: 'list', value: 'HOST', summary: 'only images of this registry; may be repeated' },
  'allow-path': {
    kind: 'list',
    value: 'DIR',
    takes: 'directory',
    summary: 'also images of this machine in DIR; may be repeated',
  },
  credentials: {
    kind: 'list',
    value: 'HOST[/PATH]|all',
    summary: "use the user's credentials for these; may be repeated",
  },
  'show-local': { kind: 'flag', summary: 'show cache and mounts also on other addresses than loopback' },
  'max-requests': { kind: 'text', value: 'N', summary: 'requests that are answered at once', default: '100' },
  'max-layer-size': {
    kind: 'text',
    value: 'SIZE',
    summary: 'largest layer that is indexed',
    default: 'no limit',
  },
  ...SESSION_OPTIONS,
} as const satisfies OptionTable;

export const SERVE = {
  name: 'serve',
  summary: 'answer over HTTP: an API, and an explorer for browsers',
  synopsis: 'serve [OPTIONS] [IMAGE...]',
  description:
    'Answers over HTTP what the commands answer in a shell, and shows images in a browser. Each IMAGE is ' +
    'opened at the start. On loopback, programs of this user need no token; all others send the one that ' +
    'is printed. README.md has the routes, /openapi.json their parameters.',
  options: OPTIONS,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, names: '[IMAGE...]' },
  arguments: [{ takes: 'image' }],
  examples: ['layerslayer serve --open nginx:alpine', 'layerslayer serve --allow-registry ghcr.io --port 0'],
  failures: ['IO_FAILED'],
} as const satisfies CommandDeclaration;
