export { escaped, printable, printableJson } from '../base/printable.js';
