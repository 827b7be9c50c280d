import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from '@hono/zod-openapi';
import mime from 'mime';
import { LayerslayerError } from '../../base/errors.js';
import { type Headers, type Reply, type Route, route } from '../routing/route.js';

/** Nothing but our own files, and no frame around the page. (CSP Level 3) */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_HEADERS: Headers = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': PAGE_POLICY,
  'Cache-Control': 'no-cache',
};

/** The names of assets have a hash of their content. */
const ASSET_HEADERS: Headers = { 'Cache-Control': 'public, max-age=31536000, immutable' };

const TEXT = { description: 'the file', content: [{ mediaType: 'text/html', schema: z.string() }] };

const ASSET = {
  description: 'the file',
  content: ['text/javascript', 'text/css', 'image/svg+xml'].map((mediaType) => ({
    mediaType,
    schema: z.string(),
  })),
};

/**
 * The page of the explorer, at all its URLs, and its assets. All are read by the first request,
 * whatever it is for: a request names no file of the disk.
 */
export function staticRoutes(): Route[] {
  let files: WebFiles | undefined;
  const read = () => {
    files ??= readWebFiles();
    return files;
  };
  const showPage = (): Reply => {
    const { page } = read();
    return { kind: 'bytes', headers: PAGE_HEADERS, length: page.length, bytes: [page] };
  };
  const asPage = { query: z.looseObject({}), answers: { 200: TEXT }, isStatic: true, handle: showPage };
  return [
    route({ ...asPage, path: '/', summary: 'the explorer' }),
    route({ ...asPage, path: '/i/*', summary: 'the explorer at an image' }),
    route({
      path: '/assets/{name}',
      summary: 'scripts and styles of the explorer',
      query: z.looseObject({}),
      parameters: z.object({ name: z.string() }),
      answers: { 200: ASSET },
      isStatic: true,
      handle({ parameters }) {
        const { name = '' } = parameters;
        const bytes = read().assets.get(name);
        if (bytes === undefined) throw new LayerslayerError('NOT_FOUND', 'no such asset');
        const type = mime.getType(name) ?? 'application/octet-stream';
        const headers = { 'Content-Type': type, ...ASSET_HEADERS };
        return { kind: 'bytes', headers, length: bytes.length, bytes: [bytes] };
      },
    }),
  ];
}

interface WebFiles {
  page: Buffer;
  assets: ReadonlyMap<string, Buffer>; // by name
}

function readWebFiles(): WebFiles {
  const directory = webDirectory();
  const names = readdirSync(join(directory, 'assets')).filter((name) => !name.endsWith('.map'));
  return {
    page: readFileSync(join(directory, 'index.html')),
    assets: new Map(names.map((name) => [name, readFileSync(join(directory, 'assets', name))])),
  };
}

/**
 * Returns dist/web, from dist/bin or dist/api/routes.
 * @throws LayerslayerError INTERNAL if it is not built
 */
function webDirectory(): string {
  const places = ['../web', '../../web', '../../../dist/web'];
  const paths = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = paths.find((path) => existsSync(join(path, 'assets')));
  if (found !== undefined) return found;
  throw new LayerslayerError('INTERNAL', 'the explorer is not built: npm run build');
}
