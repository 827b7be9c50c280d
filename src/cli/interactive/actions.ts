import type { CommandName } from '../command-names.js';
import type { Prompter } from './prompter.js';
import { isWhole, layersText, type Selection } from './selection.js';

/** A command to run on the selection, as its words without those that say which image. */
export interface Request {
  command: CommandName;
  options: string[];
  operands: string[]; // after IMAGE
}

/** Something that can be done with an image. */
export interface Action {
  label(selection: Selection): string;
  /** Asks for what is missing. @returns undefined when the user would rather not */
  ask(prompter: Prompter, selection: Selection): Promise<Request | undefined>;
}

export const ACTION_NAMES = ['peek', 'merged', 'deleted', 'carve', 'save', 'mount', 'inspect'] as const;

export type ActionName = (typeof ACTION_NAMES)[number];

export const ACTIONS: Readonly<Record<ActionName, Action>> = {
  peek: {
    label: (selection) => `peek: list what ${chosenText(selection)} ${verb(selection, 'hold')}`,
    async ask(prompter, selection) {
      const operands = await subtree(prompter);
      return { command: 'peek', options: layerWords(selection), operands };
    },
  },
  merged: {
    label: () => 'peek --merged: list the tree that a container sees',
    async ask(prompter) {
      return { command: 'peek', options: ['--merged'], operands: await subtree(prompter) };
    },
  },
  deleted: {
    label: (selection) => `peek --deleted: list what upper layers hide of ${chosenText(selection)}`,
    async ask(prompter, selection) {
      const operands = await subtree(prompter);
      return { command: 'peek', options: ['--deleted', ...layerWords(selection)], operands };
    },
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
      const options = [
        ...layerWords(selection),
        ...(await outputDirectory(prompter, 'output', './downloads')),
      ];
      return { command: 'save', options, operands: [] };
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

async function subtree(prompter: Prompter): Promise<string[]> {
  const path = await prompter.askText('Only what is at or below this path (nothing: everything)');
  return path === '' ? [] : [path];
}

/** @param usual where the command writes when the option is left out */
async function outputDirectory(prompter: Prompter, option: string, usual: string): Promise<string[]> {
  const directory = await prompter.askText('Into the directory', { suggestion: usual });
  if (directory === usual) return [];
  // `-` would be stdout, and a file's bytes would reach the terminal as they are.
  return [`--${option}=${directory === '-' ? './-' : directory}`];
}

/** Commands take all layers when none is named. */
function layerWords(selection: Selection): string[] {
  return isWhole(selection) ? [] : selection.layers.map((number) => `--layer=${number}`);
}

/** What takes either one layer's tree or the merged one shows the merged one of several layers. */
function viewWords(selection: Selection): string[] {
  return selection.layers.length === 1 ? layerWords(selection) : [];
}

function viewText(selection: Selection): string {
  return viewWords(selection).length === 0 ? 'the image' : `layer ${selection.layers[0]}`;
}

function chosenText({ image, layers }: Selection): string {
  return layersText(layers, image.manifest.layers.length);
}

function verb({ layers }: Selection, stem: string): string {
  return layers.length === 1 ? `${stem}s` : stem;
}
