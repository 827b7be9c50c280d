import { Output } from '#src/cli/terminal/output/output.js';

/** An Output whose text a test can read. */
export function memoryOutput(
  options: { isTerminal?: boolean; isDumb?: boolean; isPipe?: boolean; columns?: number; rows?: number } = {},
) {
  const text = { stdout: '', stderr: '' };
  const terminal = { text: '' }; // of both, if they are one terminal
  const sink = (name: 'stdout' | 'stderr') => ({
    // A pipe is stdout: stderr is the terminal.
    isTerminal: (options.isTerminal ?? false) && !(options.isPipe && name === 'stdout'),
    isDumb: options.isDumb ?? false,
    isPipe: (options.isPipe ?? false) && name === 'stdout',
    columns: options.columns ?? 80,
    rows: options.rows ?? 24,
    write: (more: string | Uint8Array) => {
      const added = typeof more === 'string' ? more : Buffer.from(more).toString();
      text[name] += added;
      terminal.text += added;
    },
  });
  return { output: new Output(sink('stdout'), sink('stderr')), text, terminal };
}
