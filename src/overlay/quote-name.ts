/** A name from an archive for messages, as the scanner's own messages show it. */
export { showName as quoteName } from '../tar/corrupt.js';
