import { IMAGE_OPTIONS } from '../options/image-options.js';
import type { OptionTable } from '../options/option-table.js';

/**
 * The flags that the first tool of this name had, a Python program without commands: `-t IMAGE` and
 * an action.
 */
export const FIRST_TOOL_FLAGS = {
  'target-image': { kind: 'text', short: 't', value: 'IMAGE', summary: 'the image' },
  'peek-all': { kind: 'flag', summary: 'peek: list all layers' },
  'peek-layer': { kind: 'text', value: 'all|N', summary: 'peek: list all layers or one, counted from 0' },
  'bulk-peek': { kind: 'flag', summary: 'peek --merged: all layers as one tree' },
  'save-all': { kind: 'flag', summary: 'save: download all layers' },
  'carve-file': { kind: 'text', short: 'f', value: 'PATH', summary: 'carve: extract one file' },
  'output-dir': { kind: 'text', short: 'o', value: 'DIR', summary: 'where carve and save write' },
  'simple-output': { kind: 'flag', summary: 'peek --simple: names and sizes' },
  interactive: { kind: 'flag', short: 'i', summary: 'interactive: step through the image' },
  api: { kind: 'flag', short: 'A', summary: 'serve: answer over HTTP' },
  'chunk-size': { kind: 'text', short: 'c', value: 'KIB', summary: 'without effect' },
  arch: { kind: 'text', short: 'a', value: 'N', summary: 'say --platform OS/ARCH instead' },
} as const satisfies OptionTable;

/** All options of images work with them too. */
export const FIRST_TOOL_OPTIONS = { ...FIRST_TOOL_FLAGS, ...IMAGE_OPTIONS } as const;
