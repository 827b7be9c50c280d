/** Expands `~/` at the start, as shells do. Completion gets words before they are expanded. */
export function expandHome(text: string, env: NodeJS.ProcessEnv): string {
  return env.HOME && /^~(?=\/|$)/.test(text) ? env.HOME + text.slice(1) : text;
}
