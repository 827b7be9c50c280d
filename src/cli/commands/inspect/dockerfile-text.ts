import { printable } from '../../../base/text/printable.js';
import { buildSteps } from '../../../oci/build-steps.js';
import { shortDigest } from '../../../oci/digest.js';
import { type DockerfileStep, dockerfileSteps } from '../../../oci/dockerfile-step.js';
import { formatPlatform } from '../../../oci/platform.js';
import type { ResolvedImage } from '../../../source/image-source.js';
import { imageTitle } from '../../terminal/wording/result-line.js';
import { formatSize } from '../../terminal/wording/size.js';

/** A line continuation leaves white space of two characters or more. */
const CONTINUATION = /[ \t]{2,}/g;

/** The parser continues on the next line. */
const CONTINUED_LINE = /\\(?=[ \t]*$)/;

/** Returns the build steps as Dockerfile-like text. The history does not name files copied in. */
export function dockerfileText({ config, manifest, reference, digest, platform }: ResolvedImage): string {
  const instructions = dockerfileSteps(config.history);
  const blocks = buildSteps(config, manifest.layers.length).flatMap(({ layer }, i) => {
    const lines = instructionLines(instructions[i]!);
    if (layer === undefined) return lines;
    const { digest, size } = manifest.layers[layer - 1]!;
    return [`# layer ${layer}: ${shortDigest(digest)}, ${formatSize(size)}`, ...lines];
  });
  const title = printable(`# ${imageTitle({ reference, digest })} (${formatPlatform(platform)})`);
  return [title, 'FROM scratch', ...blocks].join('\n');
}

function instructionLines({ keyword, text, buildArguments }: DockerfileStep): string[] {
  const lines = buildArguments === undefined ? [] : [`# build arguments: ${printable(buildArguments)}`];
  // A comment is one line that starts with `#`, so it can't be mistaken for an instruction.
  if (keyword === undefined) lines.push(printableLine(`# ${text}`.trimEnd()));
  else if (keyword === 'RUN' && text.includes('\n')) lines.push(...heredoc(text));
  else lines.push(continued(`${keyword} ${text}`.trimEnd()));
  return lines;
}

/**
 * Returns one instruction. The parser removes backslash and newline, also within quotes, so
 * continuation lines begin with white space. A backslash at the end would take the next
 * instruction.
 */
function continued(line: string): string {
  const text = line.replace(/\n+/g, ' ').trimEnd().replace(CONTINUED_LINE, '\\x5c');
  return text
    .replace(CONTINUATION, (space, at: number) => {
      const isComment = text[at + space.length] === '#'; // the parser would skip the line
      return isComment ? space : `${space[0]}\\\n${space.slice(1)}`;
    })
    .split('\n')
    .map(printableLine)
    .join('\n');
}

/** Returns a script of several lines. `<<-` strips tabs, so none looks like an instruction. */
function heredoc(script: string): string[] {
  const lines = script.split('\n');
  const bare = new Set(lines.map((line) => line.replace(/^\t+/, '')));
  let end = 'EOF';
  while (bare.has(end)) end += '_';
  return [`RUN <<-${end}`, ...lines.map((line) => `\t${printableLine(line)}`), end];
}

/** Tabs harm no terminal, and half of all histories have some. */
function printableLine(line: string): string {
  return line.split('\t').map(printable).join('\t');
}
