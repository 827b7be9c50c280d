// Reads an image and does nothing more: `ends.mjs REFERENCE CACHE [close|forget]`. The process must
// end by itself, no earlier than its work, and print nothing of its own.
import { openImage } from '#src/library/layerslayer.js';

const [reference, cacheDirectory, how] = process.argv.slice(2);
const image = await openImage(reference, { cacheDirectory });
await image.readFile('/conf');
for await (const _ of image.createReadStream('/large'));
image.createReadStream('/large').resume().pause(); // a forgotten stream
const began = performance.now();
if (how === 'close') await image.close();
process.on('exit', (status) => {
  const resources = process.getActiveResourcesInfo().filter((name) => !/TTY|Pipe|FS|Socket/.test(name));
  console.log(JSON.stringify({ status, ms: Math.round(performance.now() - began), resources }));
});
