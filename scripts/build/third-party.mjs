// The licences of all that the bundle contains, as dist/THIRD-PARTY.txt.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));

/** Software that a package contains, but not its licence: the name of a file in licenses/. */
const EMBEDDED = { undici: ['llhttp'] };

/** Packages without a licence file, and the one of the same authors and licence that has it. */
const LICENSED_AS = { '@hono/zod-openapi': 'hono', '@hono/zod-validator': 'hono' };

const INTRODUCTION = `layerslayer is built with parts of the packages below. Each is used under its own licence.
The licence of layerslayer itself is in the file LICENSE.`;

/**
 * Returns the text of dist/THIRD-PARTY.txt.
 * @param moduleIds rolldown's: paths, and `\0` before what has no file
 * @throws Error if a package has no licence file: its text must be found before it is shipped
 */
export function thirdPartyText(moduleIds) {
  const directories = new Set(moduleIds.map(packageOf).filter((path) => path !== undefined));
  const sections = [...directories].map(packageSections).sort().flat();
  return `${[INTRODUCTION, ...sections].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** Returns the directory of the package of a module; undefined for modules of this project. */
function packageOf(id) {
  const [, directory] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id) ?? [];
  if (directory !== undefined) return directory;
  if (id.startsWith('\0rolldown')) return join(MODULES, 'rolldown'); // helpers for modules in CommonJS
  if (id.endsWith('-wasm.js')) return join(MODULES, 'assemblyscript'); // parts of its standard library
  return undefined;
}

/** The licence of a package, then those of its parts. */
function packageSections(directory) {
  const path = join(directory, 'package.json');
  const { name, version, license, homepage } = JSON.parse(readFileSync(path, 'utf8'));
  const licensed = LICENSED_AS[name] === undefined ? directory : join(MODULES, LICENSED_AS[name]);
  const texts = readdirSync(licensed)
    .filter((file) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(licensed, file), 'utf8').trim());
  if (texts.length === 0) throw new Error(`${name} is bundled, but has no licence file`);
  const heading = [`${name} ${version} (${license})`, ...(homepage === undefined ? [] : [homepage])];
  const parts = (EMBEDDED[name] ?? []).map((part) => embeddedSection(part, name));
  return [`${heading.join('\n')}\n\n${texts.join('\n\n')}`, ...parts];
}

function embeddedSection(part, name) {
  const path = fileURLToPath(new URL(`licenses/${part}.txt`, import.meta.url));
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  return `${part}, a part of ${name}\n\n${readFileSync(path, 'utf8').trim()}`;
}
