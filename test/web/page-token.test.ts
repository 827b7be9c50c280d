/** How the page takes, keeps and sends the token. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { adoptToken, events, getJson, setToken, ticketUrl } from '#src/web/model/api.js';

interface Asked {
  url: string;
  headers: Record<string, string>;
}

/** What the page has of a browser: its address, its storage and fetch. */
function pageAt(hash: string, answers: Readonly<Record<string, string>>) {
  const storage = new Map<string, string>();
  const asked: Asked[] = [];
  const history = { state: null, replaceState: vi.fn() };
  vi.stubGlobal('location', { hash, pathname: '/i/x', search: '?y=1' });
  vi.stubGlobal('history', history);
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => storage.set(key, value),
  });
  vi.stubGlobal('fetch', (url: string, { headers }: { headers: Record<string, string> }) => {
    asked.push({ url, headers });
    return Promise.resolve(new Response(answers[url.split('?')[0]!] ?? '{}'));
  });
  return { storage, asked, history };
}
afterEach(() => vi.unstubAllGlobals());

describe('the page', () => {
  it('takes the token out of the address, keeps it in sessionStorage, and sends it in a header', async () => {
    const { storage, asked, history } = pageAt('#token=a%2Fb', {});
    adoptToken();
    expect([...storage.values()]).toEqual(['a/b']);
    expect(history.replaceState).toHaveBeenCalledExactlyOnceWith(null, '', '/i/x?y=1');
    await getJson('image', { image: 'x' });
    expect(asked).toEqual([
      { url: '/api/v1/image?image=x', headers: { Accept: 'application/json', Authorization: 'Bearer a/b' } },
    ]);
  });

  it('sends none that it does not have, until a user types it', async () => {
    const { storage, asked } = pageAt('#other', {});
    adoptToken();
    await getJson('image', {});
    expect([storage.size, asked[0]!.headers.Authorization]).toEqual([0, undefined]);
    setToken('typed');
    await getJson('image', {});
    expect(asked[1]!.headers.Authorization).toBe('Bearer typed');
  });

  it('gives links a ticket instead of the token', async () => {
    const { asked } = pageAt('#token=secret', { '/api/v1/ticket': '{"ticket":"1.abc"}' });
    adoptToken();
    const url = await ticketUrl('file', { image: 'x', path: '/a' });
    expect(url).toBe('/api/v1/file?image=x&path=/a&ticket=1.abc');
    const wanted = new URLSearchParams(asked[0]!.url.split('?')[1]).get('url');
    expect(wanted).toBe('/api/v1/file?image=x&path=/a');
  });

  it('reads events by a request that has the token', async () => {
    const { asked } = pageAt('#token=secret', {
      '/api/v1/events': 'id: 1\nevent: indexed\ndata: {"entries":1}\n\n',
    });
    adoptToken();
    const read = [];
    for await (const one of events('x', undefined, new AbortController().signal)) read.push(one);
    expect(read).toEqual([{ event: 'indexed', data: { entries: 1 } }]);
    expect(asked[0]!.headers.Authorization).toBe('Bearer secret');
  });
});
