// An image whose indexes are on disk: the time to mount it again, and its requests to the registry.
import { createServer, request } from 'node:http';
import { interleaved, seconds } from './measure.mjs';
import { Mounts } from './mounts.mjs';

const ROUNDS = 9;

const LIMIT = 6; // times an empty Node program

export async function secondMount({ workplace, images, report }) {
  const image = await images.usr();
  const mounts = new Mounts(workplace);
  await mounts.mount(image.reference);
  await mounts.unmount();
  const { ours, node } = await interleaved(ROUNDS, {
    node: () => workplace.timed(`'${process.execPath}' -e 0`),
    ours: async () => {
      const elapsed = await mounts.timed(image.reference);
      await mounts.unmount();
      return elapsed;
    },
  });
  report.add({
    what: 'second mount',
    ours: seconds(ours),
    against: `node -e 0 ${seconds(node)}`,
    ratio: ours / node,
    atMost: LIMIT,
  });

  const asked = await requestsOf(images, async (host) => {
    await mounts.mount(`${host}/${image.path}`);
    await mounts.end();
  });
  report.check({
    what: 'second mount, requests',
    ours: asked.join(', '),
    limit: 'one HEAD of the manifest',
    kept: asked.length === 1 && /^HEAD \S+\/manifests\//.test(asked[0]),
  });
}

/** What `use` asks of the registry, through a proxy that writes it down. */
async function requestsOf(images, use) {
  const port = (await images.registry()).split(':')[1];
  const asked = [];
  const proxy = createServer((incoming, answer) => {
    const { method, url, headers } = incoming;
    asked.push(`${method} ${url.split('?')[0]}`);
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode, response.headers);
      response.pipe(answer);
    });
    onward.once('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    await use(`127.0.0.1:${proxy.address().port}`);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
  return asked;
}
