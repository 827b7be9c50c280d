/** A web server's image, from its source to a real registry. */

import { gzipSync } from 'node:zlib';
import { pushImage, pushIndex, type TestRegistry } from '../../support/registry.js';
import { OTHER_PLATFORM, OWN_PLATFORM } from './platforms.js';
import { layerTar, type SourceLayer, SourceTree } from './source-tree.js';

const MIB = 1024 * 1024;

/** Bytes without a pattern, the same ones in each run. (xorshift32) */
function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

const CHANGES_LINES = 4_000;

const CHANGES = Array.from(
  { length: CHANGES_LINES },
  (_, line) => `Change ${line + 1}: a server is faster.\n`,
);

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40">
  <rect width="120" height="40" rx="8" fill="#1f5fbf"/>
  <circle cx="20" cy="20" r="10" fill="#ffb070"/>
</svg>
`;

const SCRIPT = `#!/bin/sh
# Starts the server when its configuration is right.
set -eu
for file in /etc/nginx/conf.d/*.conf; do
  echo "reading \${file}"
done
if ! nginx -t; then
  exit 1
fi
exec nginx -g "daemon off;"
`;

const ROOTFS: SourceLayer = {
  step: '/bin/sh -c #(nop) ADD file:3f1b2c in / ',
  files: {
    'bin/busybox': noise(MIB / 2, 1),
    'etc/hostname': 'localhost\n',
    'etc/os-release': 'NAME="Example Linux"\nVERSION_ID=3.21\n',
    'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101:nginx:/var/cache/nginx:/sbin/nologin\n',
    'usr/lib/libcrypto.so.3': noise(2 * MIB, 2),
    'usr/lib/libssl.so.3': noise(MIB, 3),
    'usr/share/doc/changes.txt': CHANGES.join(''),
    'var/cache/apk/index.tar': noise(3 * MIB, 4),
    'var/cache/apk/installed': 'busybox\n',
  },
};

const SERVER: SourceLayer = {
  step: 'RUN /bin/sh -c set -x     && apk add --no-cache nginx     && adduser -S -D -H nginx     && ln -sf /dev/stdout /var/log/nginx/access.log # buildkit',
  files: {
    'etc/nginx/conf.d/default.conf': 'server {\n  listen 80;\n  root /srv/www;\n}\n',
    'etc/nginx/mime.types': 'types {\n  text/html html;\n  image/svg+xml svg;\n}\n',
    'etc/nginx/nginx.conf': 'user  nginx;\nworker_processes  1;\ninclude  conf.d/*.conf;\n',
    'etc/nginx/scgi.conf': 'scgi_pass  localhost:9000;\n',
    'tmp/build/nginx.tar.gz': noise(MIB, 5),
    'tmp/build/config.log': 'checking for gcc... yes\n',
    'usr/sbin/nginx': noise(MIB + MIB / 2, 6),
  },
};

const SITE: SourceLayer = {
  step: 'COPY site /srv/www # buildkit',
  files: {
    'srv/strange/<img src=x onerror=alert(1)>.html': '<script>document.title = "changed"</script>\n',
    'srv/strange/right\u202eto left.txt': 'text\n',
    [`srv/strange/long-${'x'.repeat(240)}.txt`]: 'text\n',
    'srv/www/index.html': '<!doctype html>\n<title>Shop</title>\n<h1>Open from 9 to 17</h1>\n',
    'srv/www/logo.svg': LOGO,
    'srv/www/sales.bin': noise(100_000, 7),
    'srv/www/start.sh': SCRIPT,
  },
};

const TIDY: SourceLayer = {
  step: 'RUN /bin/sh -c rm -rf /var/cache/apk/index.tar /tmp/build && sed -i s/1/4/ /etc/nginx/nginx.conf # buildkit',
  files: { 'etc/nginx/nginx.conf': 'user  nginx;\nworker_processes  4;\ninclude  conf.d/*.conf;\n' },
  removed: ['etc/nginx/scgi.conf', 'var/cache/apk/index.tar'],
  emptied: ['tmp/build'],
};

const NEXT_SITE: SourceLayer = {
  ...SITE,
  files: {
    'srv/www/about.html': '<h1>About</h1>\n',
    'srv/www/index.html': '<!doctype html>\n<title>Shop</title>\n<h1>Open from 8 to 18</h1>\n',
    'srv/www/start.sh': SCRIPT,
  },
};

const OTHER_ROOTFS: SourceLayer = {
  ...ROOTFS,
  files: { 'bin/busybox': noise(MIB / 4, 8), 'etc/hostname': 'board\n' },
};

export const LAYERS = [ROOTFS, SERVER, SITE, TIDY];

/** The image, its next version, and the one for another platform. */
export const SOURCE = new SourceTree(LAYERS);
export const NEXT = new SourceTree([ROOTFS, SERVER, NEXT_SITE, TIDY]);
export const FOREIGN = new SourceTree([OTHER_ROOTFS]);

export const PATH_OF_NEXT = '/usr/sbin:/usr/bin:/bin:/srv/bin';

/** Pushes both versions. @returns reference of a repository, without a tag: tags are 1 and 2 */
export async function pushSourceImage(registry: TestRegistry): Promise<string> {
  const repository = 'shop/web';
  const push = (layers: readonly SourceLayer[], config: Record<string, unknown>) =>
    pushImage(registry, repository, {
      layers: layers.map((layer) => gzipSync(layerTar(layer))),
      config: {
        history: layers.map(({ step }) => ({ created: '2026-01-02T03:04:05Z', created_by: step })),
        config: { Env: ['PATH=/usr/sbin:/usr/bin:/bin'], Cmd: ['nginx', '-g', 'daemon off;'] },
        ...config,
      },
    });
  const own = await push(LAYERS, OWN_PLATFORM);
  const foreign = await push([OTHER_ROOTFS], OTHER_PLATFORM);
  const next = await push([ROOTFS, SERVER, NEXT_SITE, TIDY], {
    ...OWN_PLATFORM,
    config: { Env: [`PATH=${PATH_OF_NEXT}`], Cmd: ['nginx', '-g', 'daemon off;'] },
  });
  await pushIndex(registry, `${repository}:1`, [
    { image: own, platform: OWN_PLATFORM },
    { image: foreign, platform: OTHER_PLATFORM },
  ]);
  await pushIndex(registry, `${repository}:2`, [{ image: next, platform: OWN_PLATFORM }]);
  return `${registry.host}/${repository}`;
}
