/** Names, one after the other. */
export interface JoinedNames {
  names: Uint8Array;
  nameStarts: Uint32Array; // by name; one more than names
}

export function joinedNames(list: readonly Uint8Array[]): JoinedNames {
  const nameStarts = new Uint32Array(list.length + 1);
  for (const [i, { length }] of list.entries()) nameStarts[i + 1] = nameStarts[i]! + length;
  const names = new Uint8Array(nameStarts[list.length]!);
  for (const [i, name] of list.entries()) names.set(name, nameStarts[i]!);
  return { names, nameStarts };
}
