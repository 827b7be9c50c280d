import { describe, expect, it } from 'vitest';
import { parseArguments } from '#src/cli/command-line/parse-arguments.js';
import type { OptionTable } from '#src/cli/options/option-table.js';

const TABLE = {
  quiet: { kind: 'flag', short: 'q', summary: '' },
  'log-file': { kind: 'text', short: 'l', value: 'FILE', refusesDoubtful: true, summary: '' },
  option: { kind: 'list', short: 'o', summary: '' },
  layer: { kind: 'text', warnsIfRepeated: true, summary: '' },
  format: { kind: 'choice', short: 'f', value: 'FORMAT', second: { a: {} }, summary: '' },
  sort: { kind: 'text', choices: ['name', 'size'], summary: '' },
  'by-size': { kind: 'flag', short: 'S', standsFor: 'sort=size', summary: '' },
  order: { kind: 'text', standsFor: 'sort', summary: '' },
  color: { kind: 'text', choices: ['auto', 'always'], ifBare: 'always', summary: '' },
} as const satisfies OptionTable;

const COMMAND = {
  name: 'frob',
  options: TABLE,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, names: 'WORD...' },
};

const NOTHING = { quiet: false, option: [], 'by-size': false };

describe('parseArguments', () => {
  it.each([
    [[], {}, []],
    [['a', 'b'], {}, ['a', 'b']],
    [['-q', 'a'], { quiet: true }, ['a']],
    [['-q', '--quiet'], { quiet: true }, []],
    [['a', '-ql', 'F', 'b'], { quiet: true, 'log-file': 'F' }, ['a', 'b']],
    [['--log-file=F=G'], { 'log-file': 'F=G' }, []],
    [['-l', 'F', '-l', 'G'], { 'log-file': 'G' }, []],
    [['-o', 'a,b', 'IMAGE', '-o', 'c', 'DIR'], { option: ['a,b', 'c'] }, ['IMAGE', 'DIR']],
    [['-o', 'a', 'IMAGE', 'DIR'], { option: ['a'] }, ['IMAGE', 'DIR']],
    [['--format', 'a', 'b', 'c'], { format: ['a', 'b'] }, ['c']],
    [['--format', 'b', 'c'], { format: ['b'] }, ['c']],
    [['--format=b', 'c', '-q'], { format: ['b'], quiet: true }, ['c']],
    [['--format', 'a', '-q', 'b'], { format: ['a'], quiet: true }, ['b']],
    [['--format=a', '-o', 'b', 'c'], { format: ['a'], option: ['b'] }, ['c']],
    [['b', '--format', 'a'], { format: ['a'] }, ['b']],
    [['--format', 'a', '--', 'b'], { format: ['a'] }, ['b']],
    [['--format', 'a', '-'], { format: ['a', '-'] }, []],
    [['-fa', 'b', 'c'], { format: ['a', 'b'] }, ['c']],
    [['-qf', 'a', 'b=c'], { quiet: true, format: ['a', 'b=c'] }, []],
    [['-f=b', 'c'], { format: ['b'] }, ['c']],
    [['--format', '__proto__', 'c'], { format: ['__proto__'] }, ['c']],
    [['--format', 'a', 'a', 'a'], { format: ['a', 'a'] }, ['a']],
    [['c', '--format=a', 'b'], { format: ['a', 'b'] }, ['c']],
    // Nothing is a number, an object, or lost.
    [['007', '1e3', 'a.b'], {}, ['007', '1e3', 'a.b']],
    [['1', '2'], {}, ['1', '2']],
    [['-q', 'true', '--quiet', 'false'], { quiet: true }, ['true', 'false']],
    [['-o', '1', '-o2', '--option=3'], { option: ['1', '2', '3'] }, []],
    [['--option="a"', "--log-file='b'"], { option: ['"a"'], 'log-file': "'b'" }, []],
    [['--log-file=a\nb', '-oa\n-b'], { 'log-file': 'a\nb', option: ['a\n-b'] }, []],
    [['\udc80', '-l\udcff'], { 'log-file': '\udcff' }, ['\udc80']], // bytes that are not UTF-8
    [['-lF', 'a'], { 'log-file': 'F' }, ['a']],
    [['-qlF', '-l=G'], { quiet: true, 'log-file': 'G' }, []],
    [['-oa,b=c,d', 'a'], { option: ['a,b=c,d'] }, ['a']],
    [['--format', 'a', 'b', '--format', 'c', 'd'], { format: ['c'] }, ['d']],
    [['-l-x'], { 'log-file': '-x' }, []],
    [['--log-file=-x'], { 'log-file': '-x' }, []],
    [['-l', '-'], { 'log-file': '-' }, []],
    [['-l=007'], { 'log-file': '007' }, []],
    [['-ql=7'], { quiet: true, 'log-file': '7' }, []],
    [['--log-file=7'], { 'log-file': '7' }, []],
    [['-l', './7'], { 'log-file': './7' }, []],
    [['-l', '7x'], { 'log-file': '7x' }, []],
    [['-l==x'], { 'log-file': '=x' }, []],
    [['-o', '7', '-o=a=b'], { option: ['7', 'a=b'] }, []],
    [['-l=a:1'], { 'log-file': 'a:1' }, []],
    [['-l', './a:1'], { 'log-file': './a:1' }, []],
    [['-l', '/a:1'], { 'log-file': '/a:1' }, []],
    [['--color', 'a'], { color: 'always' }, ['a']],
    [['--color=auto', 'a'], { color: 'auto' }, ['a']],
    [['a', '--color'], { color: 'always' }, ['a']],
    [['--color', '-q'], { color: 'always', quiet: true }, []],
    [['-S'], { sort: 'size' }, []],
    [['-qS', '--sort', 'name'], { sort: 'name', quiet: true }, []],
    [['--sort=name', '--by-size'], { sort: 'size' }, []],
    [['--order', 'size', 'a'], { sort: 'size' }, ['a']],
    [['--order=size'], { sort: 'size' }, []],
    [['a', '--', '-q', '--x'], {}, ['a', '-q', '--x']],
    [['-'], {}, ['-']],
    [['__proto__', 'constructor'], {}, ['__proto__', 'constructor']],
  ])('%j', (words, options, positionals) => {
    const warnings: string[] = [];
    expect(parseArguments(words, COMMAND)).toEqual({
      options: { ...NOTHING, ...options },
      positionals,
      warnings,
    });
  });

  it('warns of ignored values where an option says so', () => {
    const warnings = (...words: string[]) => parseArguments(words, COMMAND).warnings;
    expect(warnings('--layer', '1', '--layer=2', '--layer', '3')).toEqual([
      'warning: --layer takes one value: 3 counts, not 1, 2',
    ]);
    expect(warnings('--layer', '2', '--layer', '2', '-l', 'F', '-l', 'G')).toEqual([]);
  });

  it.each([
    [['--frob'], 'unknown option: --frob: see layerslayer frob --help'],
    [['--frob', 'a', 'b'], 'unknown option: --frob: see layerslayer frob --help'],
    [['--quite'], 'unknown option: --quite: did you mean --quiet? see layerslayer frob --help'],
    [['--log_file=x'], 'unknown option: --log_file: did you mean --log-file? see layerslayer frob --help'],
    [['--log', 'x'], 'unknown option: --log: did you mean --log-file? see layerslayer frob --help'],
    [['--format-as', 'x'], 'unknown option: --format-as: did you mean --format? see layerslayer frob --help'],
    [['--lo', 'x'], 'unknown option: --lo: see layerslayer frob --help'],
    [['-x', '-y'], 'unknown option: -x'],
    [['--no-quiet'], 'unknown option: --no-quiet'],
    [['--_', 'a'], 'unknown option: --_: see layerslayer frob --help'],
    [['--$0=a'], 'unknown option: --$0'],
    [['--quiet=no'], '--quiet takes no value'],
    [['--__proto__'], 'unknown option: --__proto__'],
    [['--constructor=x'], 'unknown option: --constructor'],
    [['-qx'], 'unknown option: -x'],
    [['-quiet'], 'unknown option: -quiet: did you mean --quiet? see layerslayer frob --help'],
    [['-log-file=x'], 'unknown option: -log-file: did you mean --log-file? see layerslayer frob --help'],
    [['-q1'], 'unknown option: -1'],
    [['-5'], 'unknown option: -5'],
    [['-q=1'], '-q takes no value'],
    [['---'], 'unknown option: ---'],
    [['--quiet\n'], 'unknown option: --quiet\n'],
    [['--logFile', 'x'], 'unknown option: --logFile'],
    [['--option.a', 'x'], 'unknown option: --option.a'],
    [['--log-file'], 'wants a value'],
    [['--log-file='], 'wants a value'],
    [['-l', '-q'], 'wants a value'],
    [['-l='], 'wants a value'],
    [['-l', '1'], '--log-file wants FILE, got 1: for a file of that name use --log-file=1 or ./1'],
    [['-l1'], '--log-file wants FILE, got 1'],
    [
      ['--log-file', '12'],
      '--log-file wants FILE, got 12: for a file of that name use --log-file=12 or ./12',
    ],
    [
      ['-l', 'nginx:alpine', 'a'],
      '--log-file wants FILE, got nginx:alpine: for a file of that name use --log-file=nginx:alpine',
    ],
    [['-qloci:dir'], '--log-file wants FILE, got oci:dir'],
    [['--log-file', 'ghcr.io/a/b:1'], '--log-file wants FILE, got ghcr.io/a/b:1'],
    [['--sort', 'foo'], '--sort is name, size, not foo'],
    [['--sort=Size', '--sort=size'], '--sort is name, size, not Size'],
    [['--order', 'foo'], '--sort is name, size, not foo'],
    [['--color=foo'], '--color is auto, always, not foo'],
    [['--color', 'always', 'a'], '--color always is written with a "=": --color=always'],
    [['--color='], '--color wants a value'],
    [['--by-size=x'], '--by-size takes no value'],
    [['--format', 'a', ''], '--format wants a value: FORMAT'],
    [['--format=', 'a'], '--format wants a value: FORMAT'],
    [['--format', '-q'], '--format wants a value: FORMAT'],
    [['--format'], '--format wants a value: FORMAT'],
    [['-l', '--format', 'a', 'b'], '--log-file wants a value: FILE'],
    [['-o', ''], 'wants a value'],
    [['--help'], 'unknown option: --help'],
  ])('refuses %j', (words, message) => {
    expect(() => parseArguments(words, COMMAND)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });

  it.each([
    [['--sort', 'IMG'], '--sort is name, size, not IMG'],
    [
      ['--layer', 'IMG'],
      'frob wants IMAGE PATH: IMAGE and PATH are missing: IMG is the value of --layer: see',
    ],
    [['--format', 'a', 'IMG', '/x'], ': PATH is missing: IMG is the value of --format: see'],
    [['--layer=1', 'IMG'], ': PATH is missing: see'],
    [['IMG:/etc/passwd'], ': PATH is missing: PATH is a word of its own: IMG /etc/passwd: see'],
    [['h:5/i:t:/etc'], 'PATH is a word of its own: h:5/i:t /etc: see'],
    [['oci:/dir:t:/etc'], 'PATH is a word of its own: oci:/dir:t /etc: see'],
    [['IMG:/etc', '/x'], 'frob wants IMAGE PATH: PATH is a word of its own: IMG /etc: see'],
    [['oci:/dir:t'], ': PATH is missing: see'],
    [['docker://h/i'], ': PATH is missing: see'],
  ])('says of %j where the missing word went', (words, message) => {
    const positionals = { min: 2, max: 2, names: 'IMAGE PATH' };
    expect(() => parseArguments(words, { ...COMMAND, positionals })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
    );
  });

  it.each(['oci:/dir:/etc', 'docker://h/i', 'h:5000/i:t'])('takes %s for an image', (image) => {
    const positionals = { min: 1, max: 2, names: 'IMAGE [PATH]' };
    expect(parseArguments([image, '/x:/y'], { ...COMMAND, positionals }).positionals).toEqual([
      image,
      '/x:/y',
    ]);
  });
});
