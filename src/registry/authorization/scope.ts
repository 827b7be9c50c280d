/**
 * What a token must allow (distribution-spec, "token scope documentation"). `from` of a push: the
 * repository that blobs are mounted from.
 */
export interface Access {
  repository: string;
  action: 'pull' | 'push' | 'delete';
  from?: string | undefined;
}

const ACTIONS: Record<Access['action'], string> = {
  pull: 'pull',
  push: 'pull,push',
  delete: 'pull,delete',
};

/** Returns the scopes, separated by spaces: `repository:app:pull,push repository:base:pull`. */
export function scopeOf({ repository, action, from }: Access): string {
  const own = `repository:${repository}:${ACTIONS[action]}`;
  return from === undefined ? own : `${own} repository:${from}:pull`;
}

/**
 * Returns the scopes to request. To read, the challenge's own count. To write, ours come first:
 * some challenges name only what the refused request was for.
 * @param challenged the challenge's scopes, separated by spaces
 */
export function wantedScopes(access: Access, challenged: string | undefined): string[] {
  const split = (text: string) => text.split(' ').filter((one) => one !== '');
  if (access.action === 'pull') return split(challenged ?? scopeOf(access));
  const own = split(scopeOf(access));
  return [...new Set([...own, ...split(challenged ?? '')])];
}
