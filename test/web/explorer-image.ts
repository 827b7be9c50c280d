/** The image that the explorer is tried with: an OCI layout with two platforms. */

import { LayoutBuilder, type LocalFilesByName, named, writeDirectory } from '../support/local-images.js';
import { dir, file, opaque, symlink, tarOf, whiteout } from '../support/tar.js';
import { OTHER_PLATFORM, OWN_PLATFORM } from './source/platforms.js';

/** Entries of `/srv/many`. */
export const MANY = 100_000;

/** Names that must stay text, and in their row. */
export const HOSTILE_NAMES = {
  markup: '<img src=x onerror="document.title=1">.txt',
  controls: 'bell\x07 line\nbreak \x1b[31mred',
  override: 'invoice‮fdp.exe',
  long: `long-${'x'.repeat(246)}.txt`,
};

const BASE = tarOf(
  dir('bin/'),
  file('bin/busybox', new Uint8Array(900_000), { mode: 0o755 }),
  symlink('bin/sh', 'busybox'),
  dir('etc/'),
  file('etc/hostname', 'box\n'),
  file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
  file('etc/os-release', 'NAME="Example Linux"\nVERSION_ID=3\n'),
  dir('root/', { mode: 0o700 }),
  dir('usr/'),
  dir('usr/lib/'),
  file('usr/lib/libc.so.6', new Uint8Array(2_100_000), { mode: 0o755 }),
  file('usr/lib/libm.so.6', new Uint8Array(700_000), { mode: 0o755 }),
  dir('usr/share/'),
  dir('usr/share/doc/'),
  file('usr/share/doc/README', 'Read me.\n'.repeat(40)),
  dir('var/'),
  dir('var/cache/'),
  file('var/cache/packages.tar', new Uint8Array(3_000_000)),
);

const SERVER = tarOf(
  dir('etc/'),
  dir('etc/nginx/'),
  file('etc/nginx/nginx.conf', 'user  nginx;\nworker_processes  auto;\n'),
  file('etc/nginx/nginx.conf.default', 'user  www;\n'),
  file('etc/nginx/mime.types', 'types {\n  text/html html;\n}\n'),
  dir('usr/'),
  dir('usr/sbin/'),
  file('usr/sbin/nginx', new Uint8Array(1_400_000), { mode: 0o755 }),
  dir('tmp/'),
  dir('tmp/build/'),
  file('tmp/build/nginx.tar.gz', new Uint8Array(1_200_000)),
);

const SITE = tarOf(
  dir('srv/'),
  dir('srv/many/'),
  ...Array.from({ length: MANY }, (_, i) => file(`srv/many/file-${String(i).padStart(6, '0')}.txt`, '')),
);

const STRANGE = tarOf(
  dir('srv/'),
  dir('srv/strange/'),
  ...Object.values(HOSTILE_NAMES).map((name) => file(`srv/strange/${name}`, 'text\n')),
  file(Buffer.from('srv/strange/latin-\xe9.txt', 'latin1'), 'text\n'),
);

const TIDY = tarOf(
  dir('etc/'),
  file('etc/hostname', 'web\n'),
  dir('etc/nginx/'),
  file('etc/nginx/nginx.conf', 'user  nginx;\nworker_processes  4;\n'),
  whiteout('etc/nginx/nginx.conf.default'),
  dir('tmp/'),
  opaque('tmp/'),
  dir('var/'),
  dir('var/cache/'),
  whiteout('var/cache/packages.tar'),
);

const STEPS = [
  '/bin/sh -c #(nop) ADD file:3f1b2c in / ',
  'RUN /bin/sh -c set -x     && apk add --no-cache nginx     && adduser -S -D -H nginx     && ln -sf /dev/stdout /var/log/nginx/access.log # buildkit',
  'COPY site /srv/many # buildkit',
  'COPY strange /srv/strange # buildkit',
  'RUN /bin/sh -c rm -rf /var/cache/packages.tar /tmp/* # buildkit',
];

/** Writes it into a directory. @returns the reference */
export function writeExplorerImage(directory: string): string {
  writeDirectory(directory, explorerImage());
  return `oci:${directory}:web`;
}

function explorerImage(): LocalFilesByName {
  const builder = new LayoutBuilder();
  const history = STEPS.map((step) => ({ created: '2026-01-02T03:04:05Z', created_by: step }));
  const command = { created_by: 'CMD ["nginx" "-g" "daemon off;"]', empty_layer: true };
  const config = {
    Env: ['PATH=/usr/sbin:/usr/bin:/bin'],
    Cmd: ['nginx', '-g', 'daemon off;'],
    WorkingDir: '/srv',
  };
  const own = builder.image([BASE, SERVER, SITE, STRANGE, TIDY], {
    ...OWN_PLATFORM,
    history: [...history, command],
    config,
  });
  const small = { ...OTHER_PLATFORM, history: history.slice(0, 1), config };
  const foreign = builder.image([BASE], small);
  const index = builder.index([
    { ...own, platform: OWN_PLATFORM },
    { ...foreign, platform: OTHER_PLATFORM },
  ]);
  return builder.top([named(index, 'web')]);
}
