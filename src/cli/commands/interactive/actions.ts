import type { CommandName } from '../../command-names.js';
import type { Prompter } from './prompter.js';
import { isWhole, layersText, type Selection, viewLayer, viewText } from './selection.js';

/** A command to run on the selection, as its words without those that say which image. */
export interface Request {
  command: CommandName;
  options: string[];
  operands: string[]; // after IMAGE
}

/** Something that can be done with an image. */
export interface Action {
  label(selection: Selection): string;
  /** Asks for what is missing. @returns undefined if the user goes back */
  ask(prompter: Prompter, selection: Selection): Promise<Request | undefined>;
}

export const ACTION_NAMES = ['peek', 'deleted', 'carve', 'save', 'mount', 'inspect'] as const;

export type ActionName = (typeof ACTION_NAMES)[number];

export const ACTIONS: Readonly<Record<ActionName, Action>> = {
  peek: {
    label: (selection) => `peek: list what ${chosenText(selection)} ${verb(selection, 'hold')}`,
    ask: (prompter, selection) => askPeek(prompter, layerWords(selection)),
  },
  deleted: {
    label: (selection) => `peek --deleted: list what upper layers hide of ${chosenText(selection)}`,
    ask: (prompter, selection) => askPeek(prompter, ['--deleted', ...layerWords(selection)]),
  },
  carve: {
    label: (selection) => `carve: extract files of ${viewText(selection)}`,
    async ask(prompter, selection) {
      const path = await prompter.askText("Path or pattern (a directory's ends with /; nothing: back)");
      if (path === '') return undefined;
      const recursive = path.endsWith('/') ? ['--recursive'] : [];
      const directory = await outputDirectory(prompter, 'output-dir', './carved');
      const options = [...viewWords(selection), ...recursive, ...directory];
      return { command: 'carve', options, operands: [path.replace(/(?<=[^/])\/+$/, '')] };
    },
  },
  save: {
    label: (selection) => `save: download ${chosenText(selection)}`,
    async ask(prompter, selection) {
      const directory = await outputDirectory(prompter, 'output', './downloads');
      return { command: 'save', options: [...layerWords(selection), ...directory], operands: [] };
    },
  },
  mount: {
    label: (selection) => `mount: ${viewText(selection)} on a directory, read-only`,
    async ask(prompter, selection) {
      const mountpoint = await prompter.askText('Directory, empty and there already (nothing: back)');
      if (mountpoint === '') return undefined;
      return { command: 'mount', options: viewWords(selection), operands: [mountpoint] };
    },
  },
  inspect: {
    label: () => 'inspect: show platforms, config, build steps and digests',
    ask: async () => ({ command: 'inspect', options: [], operands: [] }),
  },
};

async function askPeek(prompter: Prompter, options: string[]): Promise<Request> {
  const path = await prompter.askText('Only what is at or below this path (nothing: everything)');
  return { command: 'peek', options, operands: path === '' ? [] : [path] };
}

/** @param usual the default of the option */
async function outputDirectory(prompter: Prompter, option: string, usual: string): Promise<string[]> {
  const directory = await prompter.askText('Into the directory', { suggestion: usual });
  if (directory === usual) return [];
  // `-` would be stdout: bytes of a file must not reach the terminal.
  return [`--${option}=${directory === '-' ? './-' : directory}`];
}

/** Without `--layer`, commands take all layers. */
function layerWords(selection: Selection): string[] {
  return isWhole(selection) ? [] : selection.layers.map((number) => `--layer=${number}`);
}

/** For a command that shows one tree: several layers are shown as the merged one. */
function viewWords(selection: Selection): string[] {
  const layer = viewLayer(selection);
  return layer === undefined ? [] : [`--layer=${layer}`];
}

function chosenText({ image, layers }: Selection): string {
  return layersText(layers, image.manifest.layers.length);
}

function verb({ layers }: Selection, stem: string): string {
  return layers.length === 1 ? `${stem}s` : stem;
}
