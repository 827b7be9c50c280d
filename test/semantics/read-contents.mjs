// Prints the contents of the small files below the working directory: JSON, path to content, both
// latin1.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';

/** What a table of expectations can hold as text; larger files are compared by their digest. */
const SMALL_FILE_SIZE = 64 * 1024;
const SLASH = Buffer.from('/');

const contents = new Map();
const walk = (directory) => {
  for (const name of readdirSync(directory, { encoding: 'buffer' })) {
    const path = Buffer.concat([directory, SLASH, name]);
    const found = lstatSync(path);
    if (found.isDirectory()) walk(path);
    else if (found.isFile() && found.size <= SMALL_FILE_SIZE) {
      contents.set(path.subarray(2).toString('latin1'), readFileSync(path).toString('latin1'));
    }
  }
};
walk(Buffer.from('.'));
process.stdout.write(Buffer.from(JSON.stringify([...contents]), 'latin1'));
