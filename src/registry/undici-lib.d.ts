/** The file of undici's pool: the package's index re-exports it, its types know only the index. */
declare module 'undici/lib/dispatcher/pool.js' {
  export { Pool as default } from 'undici';
}
