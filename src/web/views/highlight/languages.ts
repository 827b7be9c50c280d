/** Names of highlight.js languages by what a file is called. */

/** Largest file that is highlighted, bytes. */
export const HIGHLIGHT_MAX = 512 * 1024;

const BY_EXTENSION: Readonly<Record<string, string>> = {
  bash: 'bash',
  c: 'c',
  cc: 'cpp',
  cfg: 'ini',
  cjs: 'javascript',
  conf: 'ini',
  cnf: 'ini',
  cpp: 'cpp',
  cs: 'csharp',
  css: 'css',
  diff: 'diff',
  el: 'lisp',
  go: 'go',
  gradle: 'gradle',
  h: 'c',
  hpp: 'cpp',
  htm: 'xml',
  html: 'xml',
  ini: 'ini',
  java: 'java',
  js: 'javascript',
  json: 'json',
  jsx: 'javascript',
  kt: 'kotlin',
  lua: 'lua',
  markdown: 'markdown',
  md: 'markdown',
  mjs: 'javascript',
  patch: 'diff',
  php: 'php',
  pl: 'perl',
  pm: 'perl',
  properties: 'properties',
  ps1: 'powershell',
  py: 'python',
  pyi: 'python',
  r: 'r',
  rb: 'ruby',
  rs: 'rust',
  scala: 'scala',
  scss: 'scss',
  service: 'ini',
  sh: 'bash',
  socket: 'ini',
  sql: 'sql',
  svg: 'xml',
  swift: 'swift',
  target: 'ini',
  tcl: 'tcl',
  timer: 'ini',
  toml: 'ini',
  ts: 'typescript',
  tsx: 'typescript',
  vim: 'vim',
  xml: 'xml',
  xsl: 'xml',
  yaml: 'yaml',
  yml: 'yaml',
  zsh: 'bash',
};

const BY_NAME: Readonly<Record<string, string>> = {
  '.bashrc': 'bash',
  '.gitconfig': 'ini',
  '.profile': 'bash',
  'cmakelists.txt': 'cmake',
  containerfile: 'dockerfile',
  dockerfile: 'dockerfile',
  gemfile: 'ruby',
  gnumakefile: 'makefile',
  makefile: 'makefile',
  'nginx.conf': 'nginx',
  'os-release': 'ini',
  profile: 'bash',
  rakefile: 'ruby',
};

/** Languages by the interpreter of a `#!` line. */
const BY_INTERPRETER: Readonly<Record<string, string>> = {
  ash: 'bash',
  bash: 'bash',
  dash: 'bash',
  lua: 'lua',
  node: 'javascript',
  perl: 'perl',
  php: 'php',
  python: 'python',
  ruby: 'ruby',
  sh: 'bash',
  tclsh: 'tcl',
  zsh: 'bash',
};

/**
 * Returns the language of a text.
 * @param path of the file
 * @param firstLine of its content, which may name an interpreter
 * @returns undefined: plain text
 */
export function languageOf(path: string, firstLine: string): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  if (Object.hasOwn(BY_NAME, name)) return BY_NAME[name];
  if (/\/nginx\/.*\.conf$/.test(path)) return 'nginx';
  const extension = /\.([^.]+)$/.exec(name)?.[1] ?? '';
  if (Object.hasOwn(BY_EXTENSION, extension)) return BY_EXTENSION[extension];
  const interpreter = /^#!\s*(?:\S*\/)?([^/\s]+)(?:\s+(?:-S\s+)?([^\s-]\S*))?/.exec(firstLine);
  const called = interpreter?.[1] === 'env' ? interpreter[2] : interpreter?.[1];
  const program = called?.replace(/[\d.]+$/, '') ?? '';
  return Object.hasOwn(BY_INTERPRETER, program) ? BY_INTERPRETER[program] : undefined;
}
