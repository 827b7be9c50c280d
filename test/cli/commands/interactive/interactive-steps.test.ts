import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACTION_NAMES,
  ACTIONS,
  type ActionName,
  type Request,
} from '#src/cli/commands/interactive/actions.js';
import type { Choice, Prompter } from '#src/cli/commands/interactive/prompter.js';
import { requestWords, shellWords } from '#src/cli/commands/interactive/request-words.js';
import {
  defaultImage,
  layerChoices,
  layersText,
  numberRanges,
  type Selection,
  viewText,
} from '#src/cli/commands/interactive/selection.js';
import { runSteps } from '#src/cli/commands/interactive/steps.js';
import type { Digest } from '#src/oci/digest.js';
import { defaultPlatform } from '#src/oci/platform.js';
import type { ResolvedImage } from '#src/source/image-source.js';

const digest = (digit: string) => `sha256:${digit.repeat(64)}` as Digest;

/** An image whose layers are of so many bytes. */
function imageOf(sizes: readonly number[], changes: Partial<ResolvedImage> = {}): ResolvedImage {
  return {
    reference: 'docker.io/library/x:1',
    digest: digest('a'),
    platform: defaultPlatform(),
    manifest: {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest('c'), size: 1 },
      layers: sizes.map((size, i) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: digest(String(i % 10)),
        size,
      })),
    },
    config: {
      diffIds: [],
      history: [],
      container: { env: [], exposedPorts: [], volumes: [], labels: {} },
    },
    ...changes,
  };
}

function selectionOf(sizes: readonly number[], layers: readonly number[]): Selection {
  const image = imageOf(sizes);
  const offer = { digest: image.digest, isIndex: false, images: [] };
  return { name: 'x:1', image, offer, layers };
}

/** Answers questions from a list: a text, the label of a choice, or labels of several. */
function answering(...answers: (string | RegExp | RegExp[])[]) {
  const asked: string[] = [];
  const next = (message: string) => {
    asked.push(message);
    const answer = answers.shift();
    if (answer === undefined) throw new Error(`no answer to ${message}`);
    return answer;
  };
  const find = <T>(choices: readonly Choice<T>[], wanted: RegExp) => {
    const found = choices.filter(({ label }) => wanted.test(label));
    if (found.length !== 1) throw new Error(`${found.length} are ${wanted}`);
    return found[0]!.value;
  };
  const prompter: Prompter = {
    chooseOne: async (message, choices) => find(choices, next(message) as RegExp),
    chooseSeveral: async (message, choices) =>
      (next(message) as RegExp[]).map((wanted) => find(choices, wanted)),
    askText: async (message, { suggestion = '' } = {}) => (next(message) as string) || suggestion,
  };
  return { prompter, asked };
}

describe('what is asked before an action, and its words', () => {
  const all = selectionOf([1, 2, 3], [1, 2, 3]);
  const some = selectionOf([1, 2, 3], [1, 3]);
  const second = selectionOf([1, 2, 3], [2]);
  const only = selectionOf([1], [1]);
  it.each<[ActionName, string, Selection, string[], string | undefined]>([
    ['peek', 'all', all, [''], 'peek x:1'],
    ['peek', 'some', some, [''], 'peek --layer=1 --layer=3 x:1'],
    ['peek', 'a path', only, ['/etc'], 'peek x:1 /etc'],
    ['peek', 'a path like an option', only, ['-r'], 'peek -- x:1 -r'],
    ['deleted', 'some', some, ['etc'], 'peek --deleted --layer=1 --layer=3 x:1 etc'],
    ['carve', 'all', all, ['/a', ''], 'carve x:1 /a'],
    ['carve', 'some', some, ['/a', ''], 'carve x:1 /a'],
    ['carve', 'one of three', second, ['/a b', 'out'], "carve --layer=2 --output-dir=out x:1 '/a b'"],
    ['carve', 'the only one', only, ['/a', ''], 'carve x:1 /a'],
    ['carve', 'a directory', only, ['/etc//', ''], 'carve --recursive x:1 /etc'],
    ['carve', 'everything', only, ['/', ''], 'carve --recursive x:1 /'],
    ['carve', 'to what would be stdout', only, ['/a', '-'], 'carve --output-dir=./- x:1 /a'],
    ['carve', 'nothing', only, [''], undefined],
    ['save', 'all', all, [''], 'save x:1'],
    ['save', 'some', some, ['d'], 'save --layer=1 --layer=3 --output=d x:1'],
    ['mount', 'one of three', second, ['mnt'], 'mount --layer=2 x:1 mnt'],
    ['mount', 'nowhere', only, [''], undefined],
    ['inspect', 'an image', all, [], 'inspect x:1'],
  ])('%s: %s', async (name, _, selection, answers, wanted) => {
    const request = await ACTIONS[name].ask(answering(...answers).prompter, selection);
    const shown = request && requestWords(request, selection, []).shown;
    expect(shown).toBe(wanted === undefined ? undefined : `layerslayer ${wanted}`);
  });

  it('every action has a line of its own', () => {
    const labels = ACTION_NAMES.map((name) => ACTIONS[name].label(some));
    expect(new Set(labels).size).toBe(ACTION_NAMES.length);
  });
});

describe('the words that are run', () => {
  const request: Request = { command: 'peek', options: ['--merged'], operands: [] };
  it('name the image that was looked at, whatever its tag says by now', () => {
    const { run } = requestWords(request, selectionOf([1], [1]), ['--insecure']);
    expect(run).toEqual(['--insecure', '--merged', `docker.io/library/x:1@${digest('a')}`]);
  });

  it('name the platform when it is not the usual one, and a place on this machine as it is', () => {
    const image = imageOf([1], {
      reference: 'oci:/srv/layout:@0',
      platform: { os: 'linux', architecture: 'pdp11' },
    });
    const { run, shown } = requestWords(request, { ...selectionOf([1], [1]), image, name: 'oci:layout' }, []);
    expect(run).toEqual(['--platform=linux/pdp11', '--merged', 'oci:/srv/layout:@0']);
    expect(shown).toBe('layerslayer peek --platform=linux/pdp11 --merged oci:layout');
  });
});

describe('runSteps', () => {
  /** Opens images of so many layers by name. */
  async function steps(
    images: Record<string, number>,
    first: string | undefined,
    ...answers: (string | RegExp | RegExp[])[]
  ) {
    const { prompter, asked } = answering(...answers);
    const opened: string[] = [];
    const runs: string[] = [];
    await runSteps(first, {
      prompter,
      open: async (name, anyPlatform) => {
        opened.push(anyPlatform ? `${name} (asks)` : name);
        const layers = images[name];
        if (layers === undefined) return undefined;
        const image = imageOf(Array.from({ length: layers }, (_, i) => i + 1));
        const offered = { platform: image.platform, digest: image.digest, size: 1 };
        return { name, image, offer: { digest: digest('b'), isIndex: true, images: [offered, offered] } };
      },
      show: () => {},
      run: async (request, selection) => {
        runs.push(requestWords(request, selection, []).shown);
      },
      browse: async (selection) => {
        runs.push(`browse ${selection.name}: ${viewText(selection)}`);
      },
    });
    return { asked, opened, runs };
  }

  it('come back to the choice until the user quits', async () => {
    const { runs, asked } = await steps(
      { x: 3 },
      'x',
      [/^2/],
      /^peek:/,
      '',
      /^inspect/,
      /^choose other/,
      [],
      /^save/,
      '',
      /quit/,
    );
    expect(runs).toEqual(['layerslayer peek --layer=2 x', 'layerslayer inspect x', 'layerslayer save x']);
    expect(asked.filter((question) => question === 'What next')).toHaveLength(5);
  });

  it('browse the merged tree, or the own one of a layer', async () => {
    const { runs } = await steps({ x: 3 }, 'x', [], /^browse/, /^choose other/, [/^2/], /^browse/, /quit/);
    expect(runs).toEqual(['browse x: the image', 'browse x: layer 2']);
  });

  it('ask for no layers where there is no choice', async () => {
    expect((await steps({ x: 1 }, 'x', /quit/)).asked).toEqual(['What next']);
    expect((await steps({ x: 0 }, 'x', /quit/)).asked).toEqual(['What next']);
  });

  it('ask for another image after one that could not be opened', async () => {
    const { opened } = await steps({ x: 1 }, undefined, 'nosuch', 'x', /another image/, 'y', 'x', /quit/);
    expect(opened).toEqual(['nosuch', 'x', 'y', 'x']);
  });

  it('ask for the platform again', async () => {
    const { opened } = await steps({ x: 1 }, 'x', /another platform/, /another image/, '', /quit/);
    expect(opened).toEqual(['x', 'x (asks)', 'x']);
  });

  it('run nothing when the user would rather not', async () => {
    expect((await steps({ x: 1 }, 'x', /^carve/, '', /quit/)).runs).toEqual([]);
  });
});

describe('choices', () => {
  it('tell the size of each layer and what made it', () => {
    const image = imageOf([100, 2048]);
    image.config.history = [
      { createdBy: 'RUN /bin/sh -c make   all', emptyLayer: false },
      { createdBy: 'ENV A=1', emptyLayer: true },
      { emptyLayer: false },
    ];
    expect(layerChoices(image)).toEqual([
      { value: 1, label: '1    100 B  RUN make all' },
      { value: 2, label: '2  2.0 KiB  sha256:111111111111…' },
    ]);
  });

  it('begin at what a command would take', () => {
    const usual = { platform: defaultPlatform(), digest: digest('1'), size: 1 };
    const other = { platform: { os: 'linux', architecture: 'pdp11' }, digest: digest('2'), size: 1 };
    const offer = (...images: (typeof usual)[]) => ({ digest: digest('3'), isIndex: true, images });
    expect(defaultImage(offer(other, usual))).toBe(usual);
    expect(defaultImage(offer(other))).toBeUndefined();
    expect(defaultImage(offer())).toBeUndefined();
  });

  it.each<[number[], number, string]>([
    [[1], 1, 'its one layer'],
    [[1, 2], 2, 'all 2 layers'],
    [[2], 3, 'layer 2 of 3'],
    [[1, 2, 3, 5, 8, 9], 9, 'layers 1-3, 5, 8-9 of 9'],
  ])('%j of %i', (layers, of, wanted) => {
    expect(layersText(layers, of)).toBe(wanted);
  });

  it('tell numbers by ranges, none lost', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 });
    fc.assert(
      fc.property(numbers, (some) => {
        const sorted = some.sort((a, b) => a - b);
        const told = numberRanges(sorted)
          .split(', ')
          .map((range) => range.split('-').map(Number));
        const back = told.flatMap(([first = 0, last = first]) =>
          Array.from({ length: last - first + 1 }, (_, i) => first + i),
        );
        expect(back).toEqual(sorted);
        for (const [i, [first = 0]] of told.entries()) {
          if (i > 0) expect(first).toBeGreaterThan(told[i - 1]!.at(-1)! + 1);
        }
      }),
    );
  });
});

describe('shellWords', () => {
  it('are read back by a shell as they were', () => {
    const words = [
      '',
      'plain',
      'a b',
      "it's",
      '$HOME `x` "y" \\',
      '*',
      '~',
      '#',
      '-n',
      'ä',
      'new\nline',
      '--a=b c',
      '!',
    ];
    const script = `for word in ${shellWords(words)}; do printf '%s\\0' "$word"; done`;
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(words);
  });
});
