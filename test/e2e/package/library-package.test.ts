import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtProgram } from '../../setup/programs.js';
import { attempt, run } from '../../support/child.js';
import { moduleImports } from '../../support/module-imports.js';
import { Workplace } from '../../support/mounts.js';
import { pushImage, startRegistry, type TestRegistry } from '../../support/registry.js';
import { dir, file, tarOf } from '../../support/tar.js';

/** The library as npm packs it, in the node_modules of a program of its own. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
/** Programs of Node that the examples run on, separated by colons. Default: that of this test. */
const NODES = (process.env.LAYERSLAYER_TEST_NODES || process.execPath).split(':');
const ON_OS_RELEASE = 'NAME="Test"\n';
const place = new Workplace();
const project = place.directory('project');
const installed = join(project, 'node_modules/layerslayer');
let registry: TestRegistry;

beforeAll(async () => {
  builtProgram(); // is current
  registry = await startRegistry();
  const layers = [
    tarOf(dir('etc/'), file('etc/os-release', 'NAME="Old"\n')),
    tarOf(file('etc/os-release', ON_OS_RELEASE), file('su', 'x', { mode: 0o4755 })),
  ];
  await pushImage(registry, 'nginx:alpine', { layers: layers.map((tar) => gzipSync(tar)) });
  // Without scripts: packing would build, and take dist away from under the other tests.
  const options = ['--ignore-scripts', '--json', '--pack-destination', place.scratch];
  const pack = await run('npm', ['pack', ...options], { cwd: ROOT });
  const [{ filename }] = JSON.parse(pack.stdout) as [{ filename: string }];
  mkdirSync(installed, { recursive: true });
  await run('tar', ['-xzf', join(place.scratch, filename), '-C', installed, '--strip-components=1']);
  mkdirSync(join(project, 'node_modules/@types'));
  for (const name of ['@types/node', 'undici-types'])
    symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
});
afterAll(async () => {
  await place.cleanUp();
  await registry?.stop();
});

/** The examples of the chapter, with an image and directories of this test. */
function examples(): { name: string; language: string; text: string }[] {
  const [, chapter = ''] = /^## Use it from a program\n(.*?)^## /ms.exec(README) ?? [];
  return [...chapter.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text], i) => ({
    name: `example ${i + 1}`,
    language: language!,
    text: text!
      .replaceAll("'nginx:alpine'", `'${registry.host}/nginx:alpine'`)
      .replaceAll("'/mnt/img'", `'${place.directory('mnt')}'`)
      .replaceAll("'/tmp/images'", `'${join(place.scratch, 'images')}'`),
  }));
}

async function runs(node: string, path: string): Promise<string> {
  const ended = await run(node, [path], { cwd: project, env: place.env });
  expect(ended.stderr).toBe('');
  return ended.stdout;
}

const version = async (node: string) => (await run(node, ['--version'])).stdout.trim();

describe.each(NODES)('the README’s examples run, on %s', (node) => {
  it('in JavaScript', async () => {
    const outputs: string[] = [];
    for (const { name, text } of examples().filter(({ language }) => language === 'js')) {
      const path = join(project, `${name.replace(' ', '-')}.js`);
      writeFileSync(path, text);
      outputs.push(await runs(node, path));
    }
    const [opening, reading, mounting, ...others] = outputs;
    expect(others).toEqual([]);
    for (const output of outputs) expect(output).toContain(ON_OS_RELEASE);
    expect(opening).toMatch(/^layer \d: \d+ of \d+ bytes$/m);
    expect(opening).toMatch(/^etc\/os-release 2017-07-14T02:40:00.000Z$/m);
    expect(reading).toMatch(/^setuid: \/ su$/m);
    expect(reading).toMatch(/^layer 1: added RUN step-1\nNAME="Old"\n\nlayer 2: changed RUN step-2$/m);
    expect(readFileSync(join(project, 'head.txt'), 'utf8')).toBe(ON_OS_RELEASE);
    expect(mounting).toMatch(/^\d+ NAME/);
    expect(place.mounts()).toEqual([]);
    await place.allEnded();
  });

  it('in JavaScript with `await using`, from Node 24 on', async () => {
    const major = Number(/^v(\d+)/.exec(await version(node))![1]);
    const path = join(project, 'using.js');
    const name = `'${registry.host}/nginx:alpine'`;
    writeFileSync(
      path,
      `import { openImage } from 'layerslayer';
      await using image = await openImage(${name});
      console.log(await image.readFile('/etc/os-release', 'utf8'));`,
    );
    if (major >= 24) expect(await runs(node, path)).toContain(ON_OS_RELEASE);
    else expect((await attempt(node, [path], { cwd: project })).stderr).toContain('SyntaxError');
  });

  it('by require, of a CommonJS module', async () => {
    const path = join(project, 'common.cjs');
    writeFileSync(path, "console.log(typeof require('layerslayer').openImage);");
    // Node 20 says that this is experimental.
    expect((await run(node, ['--no-warnings', path], { cwd: project })).stdout).toBe('function\n');
  });
});

describe.each([
  ['NodeNext', 'NodeNext', []],
  ['ESNext', 'Bundler', ['DOM', 'DOM.AsyncIterable']],
])(
  'the README’s examples compile, module %s, moduleResolution %s, with %j',
  (module, moduleResolution, libraries) => {
    const output = `out-${moduleResolution}`;

    it('strictly, and run', async () => {
      const files = examples().map(({ name, text }) => {
        const path = `${moduleResolution}-${name.replace(' ', '-')}.ts`;
        writeFileSync(join(project, path), text);
        return path;
      });
      const compilerOptions = {
        ...{ module, moduleResolution, strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true },
        ...{ target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable', ...libraries] },
        ...{ types: ['node'], outDir: output, rootDir: '.' },
      };
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
      const compiled = await attempt(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: project });
      expect([compiled.stdout, compiled.status]).toEqual(['', 0]);
      for (const node of NODES) {
        for (const path of files)
          expect(await runs(node, join(output, path.replace('.ts', '.js')))).toContain(ON_OS_RELEASE);
      }
      await place.allEnded();
    }, 180_000);
  },
);

it('its declarations are all there, and import nothing but themselves and Node', () => {
  const { types }: { types: string } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const seen = new Set<string>();
  const outside: string[] = [];
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier } of moduleImports(readFileSync(path, 'utf8'))) {
      if (specifier.startsWith('./')) visit(join(dirname(path), specifier.replace(/\.js$/, '.d.ts')));
      else if (!specifier.startsWith('node:')) outside.push(`${path}: ${specifier}`);
    }
  };
  visit(join(installed, types));
  expect(outside).toEqual([]);
  expect(seen.size).toBeGreaterThan(3);
  const shipped = readdirSync(join(installed, dirname(types))).filter((name) => name.endsWith('.d.ts'));
  expect(shipped.sort()).toEqual([...seen].map((path) => path.slice(dirname(path).length + 1)).sort());
});

it('importing it starts nothing', async () => {
  const child = join(project, 'handles.mjs');
  cpSync(join(ROOT, 'test/library/children/handles.mjs'), child);
  const [without, withIt] = await Promise.all([
    run(process.execPath, [child], { cwd: project }),
    run(process.execPath, [child, 'layerslayer'], { cwd: project }),
  ]);
  expect(JSON.parse(withIt.stdout)).toEqual(JSON.parse(without.stdout));
});
