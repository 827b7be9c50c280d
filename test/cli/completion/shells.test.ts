import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '#src/base/log.js';
import { ContentStore } from '#src/cache/content-store.js';
import { ImageRecords } from '#src/engine/records/image-records.js';
import { defaultPlatform } from '#src/oci/platform.js';
import type { ResolvedImage } from '#src/source/image-source.js';
import { LayoutBuilder, named, writeDirectory } from '../../support/local-images.js';
import { Workplace } from '../../support/mounts.js';
import { file, symlink, tarOf } from '../../support/tar.js';
import { hasShell, type ShellName, ShellSession } from './shell-session.js';

const SHELLS: ShellName[] = ['bash', 'zsh', 'fish'];

/** Names that shells, or terminals, would obey. Each begins with a number, so that it is found. */
const HOSTILE = [
  'a b',
  '$(touch pwned)',
  '`touch pwned`',
  ';touch pwned;',
  '|touch pwned&',
  '>pwned',
  '$HOME',
  '*',
  '?[a-z]',
  '{a,b}',
  "it's",
  'say "no"',
  'back\\slash',
  '!!',
  '#hash',
  '~',
  'col:on',
  'eq=ual',
  'at@x',
  '%n^x',
  '(x)',
  '\u00e9\u4e16',
].map((text, i) => `${i + 10}${text}`);
/** These are not offered at all. */
const UNSHOWN = ['90new\nline', '90esc\x1b[2J', '90c1\x9b', '90bidi\u202e', '90tab\t'];
const RAW = Buffer.from([...Buffer.from('t/90raw'), 0xff, 0xfe]);

const place = new Workplace();
const cwd = join(place.scratch, 'cwd');

beforeAll(async () => {
  const layer = tarOf(
    ...[...HOSTILE, ...UNSHOWN].map((name) => file(`t/${name}`, 'x')),
    file(RAW, 'x'),
    file('t/90plain', 'x'),
    file('only/$(touch pwned)/`touch pwned`/x', 'x'),
    file('usr/lib/os release', 'x'),
    symlink('lib', 'usr/lib'),
  );
  const builder = new LayoutBuilder();
  const image = builder.image([layer]);
  for (const layout of ['img', 'a layout'])
    writeDirectory(
      join(cwd, layout),
      builder.top([named(image, 'v1.2'), named(image, 'v1.3'), named(image, '$(touch pwned)')]),
    );
  mkdirSync(join(cwd, 'mounts/one dir'), { recursive: true });
  writeFileSync(join(cwd, 'log file'), '');
  expect(await place.layerslayer(['index', 'oci:img:v1.2'], { cwd })).toMatchObject({ status: 0 });
  const store = await ContentStore.open({ directory: place.cache, capBytes: 2 ** 30, log: SILENT_LOG });
  const records = new ImageRecords(Promise.resolve(store));
  const digest = `sha256:${'ab'.repeat(32)}`;
  for (const reference of [
    'docker.io/library/nginx:alpine',
    'localhost:5000/team/app:1',
    `ghcr.io/o/pinned@${digest}`,
  ]) {
    const resolved = { reference, digest, platform: defaultPlatform(), manifest: { layers: [] } };
    records.opened(reference, defaultPlatform(), resolved as unknown as ResolvedImage, Date.now());
  }
  await records.write();
  await store.close();
});
afterAll(() => place.cleanUp());

it.each(SHELLS.filter(hasShell))('the script for %s has no fault that a checker finds', async (shell) => {
  const { stdout } = await place.layerslayer(['completion', shell]);
  const path = join(place.scratch, `checked.${shell}`);
  writeFileSync(path, stdout);
  const check = shell === 'bash' ? ['shellcheck', '-s', 'bash', path] : [shell, '-n', path];
  expect(spawnSync(check[0]!, check.slice(1), { encoding: 'utf8' })).toMatchObject({
    status: 0,
    stdout: '',
    stderr: '',
  });
});

it('for another shell is refused', async () => {
  const stderr = 'layerslayer: no completion for tcsh: want bash, zsh or fish\n';
  expect(await place.layerslayer(['completion', 'tcsh'])).toMatchObject({ status: 2, stderr });
});

for (const name of SHELLS)
  describe.skipIf(!hasShell(name))(`${name} completes`, () => {
    let shell: ShellSession;
    beforeAll(async () => {
      shell = await ShellSession.start(name, place, cwd);
    });
    afterAll(() => shell?.close());

    it.each<[string, string[]]>([
      ['insp\t', ['inspect']],
      ['help insp\t', ['help', 'inspect']],
      ['--json insp\t', ['--json', 'inspect']],
      ['mount --transf\t', ['mount', '--transform-symlinks']],
      ['mount --index=tr\t', ['mount', '--index=trusted']],
      ['mount --index tr\t', ['mount', '--index', 'trusted']],
      ['mount --platform linux/s\t', ['mount', '--platform', 'linux/s390x']],
      ['mount --transport f\t', ['mount', '--transport', 'fuse-native']],
      ['cache pr\t', ['cache', 'prune']],
      ['index r\tng\t', ['index', 'rm', 'nginx:alpine']],
      ['completion z\t', ['completion', 'zsh']],
      ['inspect ng\t', ['inspect', 'nginx:alpine']],
      ['inspect nginx:al\t', ['inspect', 'nginx:alpine']],
      ['inspect "nginx:al\t', ['inspect', 'nginx:alpine']],
      ['inspect docker.io/l\t', ['inspect', 'docker.io/library/nginx:alpine']],
      ['inspect docker://ng\t', ['inspect', 'docker://nginx:alpine']],
      ['inspect localhost:50\t', ['inspect', 'localhost:5000/team/app:1']],
      ['inspect ghcr.io/o/pinned@sh\t', ['inspect', `ghcr.io/o/pinned@sha256:${'ab'.repeat(32)}`]],
      ['inspect oci:im\t', ['inspect', 'oci:img/']],
      ['inspect oci:a\\ l\t', ['inspect', 'oci:a layout/']],
      ['inspect oci-archive:lo\t', ['inspect', 'oci-archive:log file']],
      ['inspect "oci-archive:lo\t', ['inspect', 'oci-archive:log file']],
      ['mount "--log-file=lo\t', ['mount', '--log-file=log file']],
      ["mount -l'lo\t", ['mount', '-llog file']],
      ['inspect oci:img:v\t2\t', ['inspect', 'oci:img:v1.2']],
      ['mount nginx mo\t', ['mount', 'nginx', 'mounts/']],
      ['mount --log-file=lo\t', ['mount', '--log-file=log file']],
      ['mount --log-file lo\t', ['mount', '--log-file', 'log file']],
      ['save --format oci a\t', ['save', '--format', 'oci', 'a layout/']],
      ['save --format d\t', ['save', '--format', 'docker-archive']],
      ['peek oci:img:v1.2 /us\t', ['peek', 'oci:img:v1.2', '/usr/']],
      ['peek oci:img:v1.2 us\tlib/o\t', ['peek', 'oci:img:v1.2', 'usr/lib/os release']],
      ['peek oci:img:v1.2 /lib/o\t', ['peek', 'oci:img:v1.2', '/lib/os release']],
      ["peek oci:img:v1.2 '/lib/os r\t", ['peek', 'oci:img:v1.2', '/lib/os release']],
      [
        'carve -r oci:img:v1.2 /on\t\t\tx\t',
        ['carve', '-r', 'oci:img:v1.2', '/only/$(touch pwned)/`touch pwned`/x'],
      ],
      ['peek oci:img:v1.2 /t/90\t', ['peek', 'oci:img:v1.2', '/t/90plain']],
    ])('%j', async (typed, wanted) => {
      // zsh takes the slash away when the line is run.
      const ended = (words: string[]) => words.map((word) => word.replace(/(?<=.)\/$/, ''));
      expect(ended(await shell.arguments(`layerslayer ${typed}`))).toEqual(ended(wanted));
    });

    it('names in images as they are, whatever they hold, and runs nothing', async () => {
      for (const [i, hostile] of HOSTILE.entries()) {
        const start = `/t/${hostile.slice(0, 2)}`;
        // One a line: behind `;` or `(`, also quoted, bash itself completes no other word.
        // Other shells quote by themselves: some names are enough.
        const quotes = name === 'bash' || i % 4 === 0 ? ['', "'", '"'] : [''];
        for (const quote of quotes) {
          const words = await shell.arguments(`layerslayer carve oci:img:v1.2 ${quote}${start}\t`);
          expect(words).toEqual(['carve', 'oci:img:v1.2', `/t/${hostile}`]);
        }
      }
      expect(existsSync(join(cwd, 'pwned'))).toBe(false);
    });

    it('what holds substitutions, and runs none', async () => {
      // Behind a slash, zsh's own completion of files runs them, as it does for `ls`.
      for (const word of ['$(touch pwned)', '"$(touch pwned)', '`touch pwned`', '(touch pwned)']) {
        await shell.drop(`layerslayer inspect ${word}\t`);
        await shell.drop(`layerslayer inspect oci:${word}\t`);
        await shell.drop(`layerslayer mount --log-file=${word}\t`);
        await shell.drop(`layerslayer peek ${word}" /\t`);
      }
      expect(existsSync(join(cwd, 'pwned'))).toBe(false);
    });

    it('by a list of what there is', async () => {
      const screen = await shell.list('layerslayer mount', /mounts/);
      expect(screen).toMatch(/mount\b/);
      const names = await shell.list('layerslayer carve oci:img:v1.2 /t/1', /19/);
      for (const hostile of HOSTILE.slice(0, 10)) expect(names).toContain(hostile.slice(0, 2));
      const tags = await shell.list('layerslayer inspect oci:img:v', /v1\.3/);
      expect(tags).toContain('v1.2');
    });

    it('mountpoints, spaces and all', async () => {
      const mountpoint = join(cwd, 'mounts/one dir');
      expect(await place.layerslayer(['mount', 'oci:img:v1.2', mountpoint], { cwd })).toMatchObject({
        status: 0,
      });
      try {
        expect(await shell.arguments(`layerslayer unmount ${cwd}/mo\t`)).toEqual(['unmount', mountpoint]);
        expect(await shell.arguments('layerslayer umount mounts/o\t')).toEqual(['umount', 'mounts/one dir']);
        const home = `${place.env.HOME}/../cwd/mounts/one dir`;
        expect(await shell.arguments('layerslayer unmount ~/../cwd/mo\t')).toEqual(['unmount', home]);
      } finally {
        execFileSync('umount', [mountpoint]);
      }
    });
  });

describe.skipIf(!hasShell('zsh'))('zsh completes what is sourced before compinit', () => {
  const before = (script: string) => `PS1='> '; bindkey '^I' complete-word; source ${script}`;
  it.each([
    ['which follows', (script: string) => `${before(script)}; autoload -Uz compinit; compinit -u -D`],
    ['which never comes', before],
  ])('%s', async (_, setup) => {
    const shell = await ShellSession.start('zsh', place, cwd, setup);
    try {
      expect(await shell.arguments('layerslayer inspect nginx:al\t')).toEqual(['inspect', 'nginx:alpine']);
    } finally {
      shell.close();
    }
  });
});
