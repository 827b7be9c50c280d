import { describe, expect, it } from 'vitest';
import { searchLayers } from '#src/catalog/search/search-image.js';
import { parseArguments } from '#src/cli/command-line/parse-arguments.js';
import { FIND } from '#src/cli/commands/find/declaration.js';
import { queryOf } from '#src/cli/commands/find/query-options.js';
import { char, dir, entriesOf, fifo, file, hardlink, symlink } from '../../../support/entries.js';

const entries = entriesOf(
  dir('etc/', { mode: 0o755, mtime: 1_600_000_000 }),
  file('etc/ca.pem', 'x'.repeat(1000), { mtime: 1_600_000_000 }),
  file('etc/.key.PEM', 'x'.repeat(1024), { mtime: 1_700_000_000, mtimeNanoseconds: 500_000_000 }),
  file('etc/sudo', 'x'.repeat(2000), { mode: 0o4755 }),
  hardlink('etc/sudoedit', 'etc/sudo'),
  symlink('etc/link.pem', 'ca.pem'),
  file('usr/share/d\u00e9j\u00e0', 'x'.repeat(1025), { mode: 0o646 }),
  file(Buffer.from('usr/share/\xe9', 'latin1'), 'x'.repeat(1025), { mode: 0o646 }),
  char('dev/null', 1, 3),
  fifo('run/pipe'),
  file('old/id_rsa', 'secret'),
);

function parsed(words: readonly string[]) {
  const { options, positionals } = parseArguments(words, FIND);
  return queryOf(positionals[0]!, options);
}

/** Paths, as latin1. */
async function found(words: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of searchLayers([{ number: 1, entries }], await parsed(words)))
    paths.push(Buffer.from(path).toString('latin1'));
  return paths;
}

describe('options of find', () => {
  it.each<[string[], string[]]>([
    [
      ['-i', '*.pem'],
      ['/etc/.key.PEM', '/etc/ca.pem', '/etc/link.pem'],
    ],
    [['-i', '[a-c]*.PEM'], ['/etc/ca.pem']],
    [['*.pem'], ['/etc/ca.pem', '/etc/link.pem']],
    [['/etc/*.pem'], ['/etc/ca.pem', '/etc/link.pem']],
    [['etc/*.pem'], ['/etc/ca.pem', '/etc/link.pem']],
    [['pem/x'], []],
    [['/**/id_*'], ['/old/id_rsa']],
    [['old/**'], ['/old', '/old/id_rsa']],
    [['old'], ['/old']],
    [['{id_*,pi?e}'], ['/old/id_rsa', '/run/pipe']],
    [['d?j?'], ['/usr/share/d\xc3\xa9j\xc3\xa0']],
    [['?', '--kind', 'file'], ['/usr/share/\xe9']],
    [['-i', 'D\u00c9J\u00c0'], ['/usr/share/d\xc3\xa9j\xc3\xa0']],
    [
      ['--regex', '^/etc/.*\\.pem$'],
      ['/etc/ca.pem', '/etc/link.pem'],
    ],
    [['--regex', '-i', 'KEY\\.p'], ['/etc/.key.PEM']],
    [['--regex', '/d.j[\u00e0-\u00e1]$'], ['/usr/share/d\xc3\xa9j\xc3\xa0']],
    [['--regex', 'share/.$'], ['/usr/share/\xe9']],
    [
      ['--mode', 'u+s', '*'],
      ['/etc/sudo', '/etc/sudoedit'],
    ],
    [
      ['--mode', '6000', 'sudo*'],
      ['/etc/sudo', '/etc/sudoedit'],
    ],
    [
      ['--mode', 'o+w', '--kind', 'file', '*'],
      ['/usr/share/d\xc3\xa9j\xc3\xa0', '/usr/share/\xe9'],
    ],
    [['--mode', '+t', '*'], []],
    [
      ['--size', '+1024', 's*'],
      ['/etc/sudo', '/etc/sudoedit'],
    ],
    [['--size', '-1k', '/etc/*'], ['/etc/ca.pem']],
    [['--size', '1k', '*'], ['/etc/.key.PEM']],
    [
      ['--size=1000..1024', '*'],
      ['/etc/.key.PEM', '/etc/ca.pem'],
    ],
    [
      ['--size', '1025..', '/etc/*'],
      ['/etc/sudo', '/etc/sudoedit'],
    ],
    [['--size', '..6', '*'], ['/old/id_rsa']],
    [
      ['--kind', 'char,fifo', '*'],
      ['/dev/null', '/run/pipe'],
    ],
    [['--kind', 'symlink', '*'], ['/etc/link.pem']],
    [['--newer', '2023-11-14T22:13:20Z', '/etc/.*'], ['/etc/.key.PEM']],
    [['--newer', '2023-11-15T00:13:20+02:00', '/etc/.*'], ['/etc/.key.PEM']],
    [['--newer', '2023-11-14 22:13:20.5', '/etc/.*'], []],
    [['--newer', '2023-11-14', '*'], ['/etc/.key.PEM']],
    [['--deleted', '*'], []],
  ])('%j', async (words, wanted) => {
    expect(await found(words)).toEqual(wanted);
  });

  it.each<[string[], RegExp]>([
    [['--size', 'big', 'x'], /not a size/],
    [['--size', '2k..1k', 'x'], /no size is in/],
    [['--size', '..', 'x'], /has an end/],
    [['--size', '1..2..3', 'x'], /not a range/],
    [['--size=-0', 'x'], /smaller than 0/],
    [['--mode', 'u+q', 'x'], /not mode bits/],
    [['--mode', 'o+s', 'x'], /not mode bits/],
    [['--mode', '0', 'x'], /not mode bits/],
    [['--mode', '77777', 'x'], /not mode bits/],
    [['--kind', 'file,hardlink', 'x'], /not a kind: "hardlink"/],
    [['--newer', '2026-02-30', 'x'], /not a date/],
    [['--newer', '2026-01-01T25:00', 'x'], /not a date/],
    [['--newer', 'yesterday', 'x'], /not a date/],
    [['--regex', '(a', 'x'], /not a regular expression of RE2/],
    [['--regex', '(?=a)', 'x'], /not a regular expression of RE2/],
    [['--regex', '(a)\\1', 'x'], /not a regular expression of RE2/],
    [['--regex', 'x'.repeat(1001)], /longer than 1000/],
    [['--deleted', '--layer', '1', 'x'], /exclude each other/],
    [['--print0', '--json', 'x'], /exclude each other/],
    [['../etc'], /no path of an image has/],
    [['{'.concat('a,'.repeat(2000), '}')], /braces/],
    [['a\0b'], /no NUL/],
  ])('%j are refused', async (words, message) => {
    await expect(async () => parsed(words)).rejects.toThrow(message);
  });
});
