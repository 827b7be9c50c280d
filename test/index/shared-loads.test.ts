import { expect, it } from 'vitest';
import { SharedLoads } from '#src/index/shared-loads.js';
import { collectGarbage } from '../support/garbage.js';

it('loads a file once for all that use it', async () => {
  const loads = new SharedLoads<{ number: number }>();
  let number = 0;
  const load = async () => ({ number: ++number });
  const [one, two] = await Promise.all([loads.share('a', 7, load), loads.share('a', 7, load)]);
  expect(one).toBe(two);
  expect(await loads.share('a', 7, load)).toBe(one);
  // Another file has the name meanwhile.
  expect(await loads.share('a', 8, load)).toEqual({ number: 2 });
  expect(await loads.share('b', 7, load)).toEqual({ number: 3 });
});

it('tries again after a failure', async () => {
  const loads = new SharedLoads<object>();
  const fails = () => Promise.reject(new Error('damaged'));
  await expect(Promise.all([loads.share('a', 1, fails), loads.share('a', 1, fails)])).rejects.toThrow(
    'damaged',
  );
  const good = {};
  expect(await loads.share('a', 1, async () => good)).toBe(good);
});

it('shares a result as long as the part of it that callers keep is used', async () => {
  const loads = new SharedLoads<{ table: { number: number } }>(({ table }) => table);
  let number = 0;
  const load = async () => ({ table: { number: ++number } });
  let tables = [(await loads.share('a', 7, load)).table];
  await collectGarbage();
  tables.push((await loads.share('a', 7, load)).table);
  expect(tables).toEqual([{ number: 1 }, { number: 1 }]);
  tables = [];
  await collectGarbage();
  expect((await loads.share('a', 7, load)).table.number).toBe(2);
});
