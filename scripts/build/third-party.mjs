// The licences of all that the bundle contains, as dist/THIRD-PARTY.txt.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));

/** Software that a package contains, but not its licence: the name of a file in licenses/. */
const EMBEDDED = { undici: ['llhttp'] };

const INTRODUCTION = `layerslayer is built with parts of the packages below. Each is used under its own licence.
The licence of layerslayer itself is in the file LICENSE.`;

/**
 * Returns the text of dist/THIRD-PARTY.txt.
 * @param moduleIds rolldown's: paths, and `\0` before what has no file
 * @throws Error if a package has no licence file: its text must be found before it is shipped
 */
export function thirdPartyText(moduleIds) {
  const packages = new Set(moduleIds.map(packageOf).filter((name) => name !== undefined));
  const sections = [...packages]
    .sort()
    .flatMap((name) => [
      packageSection(name),
      ...(EMBEDDED[name] ?? []).map((part) => embeddedSection(part, name)),
    ]);
  return `${[INTRODUCTION, ...sections].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** Returns the package that a module comes from, or undefined for this project's own. */
function packageOf(id) {
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id) ?? [];
  if (name !== undefined) return name;
  if (id.startsWith('\0rolldown')) return 'rolldown'; // helpers for modules in CommonJS
  if (id.endsWith('-wasm.js')) return 'assemblyscript'; // its compiler adds parts of a standard library
  return undefined;
}

function packageSection(name) {
  const directory = join(MODULES, name);
  const { version, license, homepage } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const texts = readdirSync(directory)
    .filter((file) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(directory, file), 'utf8').trim());
  if (texts.length === 0) throw new Error(`${name} is bundled, but has no licence file`);
  return [`${name} ${version} (${license})`, homepage, '', texts.join('\n\n')]
    .filter((line) => line !== undefined)
    .join('\n');
}

function embeddedSection(part, name) {
  const path = fileURLToPath(new URL(`licenses/${part}.txt`, import.meta.url));
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  return `${part}, a part of ${name}\n\n${readFileSync(path, 'utf8').trim()}`;
}
