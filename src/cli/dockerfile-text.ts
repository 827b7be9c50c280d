import { printable } from '../base/printable.js';
import type { ResolvedImage } from '../image/image-source.js';
import { type BuildStep, buildSteps } from '../oci/build-steps.js';
import { shortDigest } from '../oci/digest.js';
import { type DockerfileStep, dockerfileSteps } from '../oci/dockerfile-step.js';
import { formatPlatform } from '../oci/platform.js';
import { imageTitle } from './image-title.js';
import { formatSize } from './size.js';

/** White space of two characters or more is what a line continuation has left behind. */
const CONTINUATION = /[ \t]{2,}/g;

/** The parser goes on with the next line. */
const CONTINUED_LINE = /\\(?=[ \t]*$)/;

/** The build steps as Dockerfile-like text: what the history tells, and no more; files that were copied in are not named there. */
export function dockerfileText({ config, manifest, reference, digest, platform }: ResolvedImage): string {
  const steps = buildSteps(config, manifest.layers.length);
  const instructions = dockerfileSteps(config.history);
  const blocks = steps.map((step, i) => block(step, instructions[i]!, manifest.layers));
  return [
    printable(`# ${imageTitle({ reference, digest })} (${formatPlatform(platform)})`),
    'FROM scratch',
    ...blocks.flat(),
  ].join('\n');
}

function block(
  { layer }: BuildStep,
  { keyword, text, buildArguments }: DockerfileStep,
  layers: ResolvedImage['manifest']['layers'],
): string[] {
  const made = layer === undefined ? undefined : layers[layer - 1];
  const lines = made ? [`# layer ${layer}: ${shortDigest(made.digest)}, ${formatSize(made.size)}`] : [];
  if (buildArguments !== undefined) lines.push(`# build arguments: ${printable(buildArguments)}`);
  if (keyword === undefined) lines.push(...comment(text));
  else if (keyword === 'RUN' && text.includes('\n')) lines.push(...heredoc(text));
  else lines.push(continued(`${keyword} ${text}`.trimEnd()));
  return lines;
}

/**
 * Never an instruction, whatever another builder has written: one line with a `#` of ours, which passes neither for a step nor
 * for what is said here of one.
 */
function comment(text: string): string[] {
  return [printableLine(`# ${text}`.trimEnd())];
}

/**
 * One instruction. The parser takes backslash and newline away again, within quotes too; the lines that we begin so begin with
 * white space. A backslash at its end would take in the next instruction.
 */
function continued(line: string): string {
  const text = line.replace(/\n+/g, ' ').trimEnd().replace(CONTINUED_LINE, '\\x5c');
  return text
    .replace(CONTINUATION, (space, at: number) => {
      const isComment = text[at + space.length] === '#'; // the parser would leave the line out
      return isComment ? space : `${space[0]}\\\n${space.slice(1)}`;
    })
    .split('\n')
    .map(printableLine)
    .join('\n');
}

/** A script of several lines. `<<-` takes tabs away again: with them no line of the script passes for an instruction. */
function heredoc(script: string): string[] {
  const lines = script.split('\n');
  const bare = new Set(lines.map((line) => line.replace(/^\t+/, '')));
  let end = 'EOF';
  while (bare.has(end)) end += '_';
  return [`RUN <<-${end}`, ...lines.map((line) => `\t${printableLine(line)}`), end];
}

/** Tabs harm no terminal, and stand in half of all histories. */
function printableLine(line: string): string {
  return line.split('\t').map(printable).join('\t');
}
