/** The project's rules: overlay/RULES.md, registry/RULES.md and cli/CONTRACT.md below src/. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXIT_STATUS } from '#src/cli/process/exit-status.js';
import { errnoOf } from '#src/fuse/errno.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PAGES = ['overlay/RULES.md', 'registry/RULES.md', 'cli/CONTRACT.md'];

interface Rule {
  id: string;
  page: string;
  text: string;
}

const pageText = (page: string) => readFileSync(`${ROOT}src/${page}`, 'utf8');

/** Returns the items `- **O1** …` of a page. An item ends at a blank line or at the next one. */
function rulesOf(page: string, text: string): Rule[] {
  const items = text.matchAll(/^- \*\*([A-Z]\d+)\*\* (?:.+\n?)(?: {2}.*\n?)*/gm);
  return [...items].map(([item, id]) => ({ id: id!, page, text: item }));
}

/** Returns the tests that a rule names: files, and titles in quotes after them. */
function testsOf(rule: Rule): { path: string; titles: string[] }[] {
  const [, tests = ''] = rule.text.replace(/\s+/g, ' ').split(' Tests: ');
  return tests.split('; `').map((part) => ({
    path: /[\w./-]+\.ts/.exec(part)?.[0] ?? part,
    titles: [...part.matchAll(/"([^"]*)"/g)].map(([, title]) => title!),
  }));
}

/** Returns the rules that a text cites: `rule O5`, `rules O1 to O3`, `cli/CONTRACT.md C7`. */
function citationsOf(text: string): string[] {
  const words = text.replace(/\s+(?:\*|\/\/)\s+/g, ' ');
  const lists = words.matchAll(/(?:\b[Rr]ules?|\.md,?) ([A-Z]\d+(?:(?:, | and | to )[A-Z]\d+)*)/g);
  return [...lists].flatMap(([, list]) => list!.match(/[A-Z]\d+/g)!);
}

const RULES = PAGES.flatMap((page) => rulesOf(page, pageText(page)));

describe('each rule', () => {
  it('has an identifier of its own', () => {
    expect(RULES.length).toBeGreaterThan(80);
    for (const page of PAGES)
      expect(rulesOf(page, pageText(page)).length, page).toBe(pageText(page).match(/^- \*\*/gm)?.length);
    expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
  });

  it.each(RULES.map((rule) => [rule.id, rule] as const))('names tests that exist: %s', (_, rule) => {
    for (const { path, titles } of testsOf(rule)) {
      expect(path.endsWith('.ts') && existsSync(`${ROOT}test/${path}`), path).toBe(true);
      const source = readFileSync(`${ROOT}test/${path}`, 'utf8').replaceAll("\\'", "'");
      expect(
        titles.filter((title) => !source.includes(title)),
        path,
      ).toEqual([]);
    }
  });
});

describe('citations', () => {
  it.each([
    ['rule O5 says', ['O5']],
    ['Rules O1 to O3, R7', ['O1', 'O3', 'R7']],
    ['(cli/CONTRACT.md C7)', ['C7']],
    ['(overlay/RULES.md, E1 and E15)', ['E1', 'E15']],
    ['the rule\n * O8', ['O8']],
    ['a rule of 5, an O5', []],
  ])('%j', (text, wanted) => expect(citationsOf(text)).toEqual(wanted));

  it('are of rules that exist', () => {
    const known = new Set(RULES.map(({ id }) => id));
    const unknown: string[] = [];
    let cited = 0;
    for (const folder of ['src', 'test']) {
      for (const path of readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(ts|mjs)$/.test(path) || path === 'rules.test.ts') continue;
        const text = readFileSync(`${ROOT}${folder}/${path}`, 'utf8');
        // Names that these pages had before, outside of the project.
        if (/\bSEMANTICS\b|\b(?:REGISTRY|CLI)\.md/.test(text)) unknown.push(`${folder}/${path}: old page`);
        const ids = citationsOf(text);
        cited += ids.length;
        unknown.push(...ids.filter((id) => !known.has(id)).map((id) => `${folder}/${path}: ${id}`));
      }
    }
    expect(unknown).toEqual([]);
    expect(cited).toBeGreaterThan(20);
  });
});

it('the table of errors is that of the code', () => {
  const rows = pageText('cli/CONTRACT.md').matchAll(/^\| ([A-Z_, ]+?) *\| (\d+) *\| (E\w+) *\|$/gm);
  const listed = [...rows].flatMap(([, codes, exit, errno]) =>
    codes!.split(', ').map((code) => [code, Number(exit), errno!] as const),
  );
  const inCode = (Object.keys(EXIT_STATUS) as (keyof typeof EXIT_STATUS)[]).map(
    (code) => [code, EXIT_STATUS[code], errnoOf(code)] as const,
  );
  const numbers: Record<string, number> = constants.errno;
  expect(listed.map(([code, exit, errno]) => [code, exit, numbers[errno]]).sort()).toEqual(inCode.sort());
});
