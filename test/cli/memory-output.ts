import { Output } from '#src/cli/terminal/output.js';

/** An Output whose text a test can read. */
export function memoryOutput(options: { isTerminal?: boolean; columns?: number; rows?: number } = {}) {
  const text = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    isTerminal: options.isTerminal ?? false,
    columns: options.columns ?? 80,
    rows: options.rows ?? 24,
    write: (more: string) => {
      text[name] += more;
    },
  });
  return { output: new Output(sink('stdout'), sink('stderr')), text };
}
