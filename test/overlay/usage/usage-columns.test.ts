import { expect, it } from 'vitest';
import { UsageColumns } from '#src/overlay/usage/usage-columns.js';

it('sums of deep directories with many layers do not take all memory', () => {
  const columns = new UsageColumns();
  let node = columns.addStart([]);
  for (let depth = 0; depth < 10_000; depth++) node = columns.addNode(node, Buffer.from('d'));
  for (let layer = 1; layer <= 1000; layer++) columns.add(node, layer, 1, 1); // ten million in all
  expect(() => columns.sumUp()).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('choose a depth') }),
  );
});
