// A callback that throws: `throwing.mjs REFERENCE CACHE`. It is an uncaught exception, and ends no
// operation.
import { openImage } from '#src/library/layerslayer.js';

const [reference, cacheDirectory] = process.argv.slice(2);
const uncaught = new Set();
process.on('uncaughtException', (error) => uncaught.add(error.message));
process.on('unhandledRejection', (error) => uncaught.add(`rejected: ${error.message}`));
const onProgress = () => {
  throw new Error('from onProgress');
};
const image = await openImage(reference, { cacheDirectory, onProgress });
const content = await image.readFile('/conf', 'utf8');
await image.close();
console.log(JSON.stringify({ content, uncaught: [...uncaught] }));
