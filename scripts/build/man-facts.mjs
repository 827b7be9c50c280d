// What manual pages say besides the table of commands: variables, files, and what a command's page
// explains. In texts, what is in backquotes is to be typed.

/**
 * Variables. A command's page has those of its options, and those that are `only` for it.
 * layerslayer(1) has all.
 * `test/e2e/package/man-pages.test.ts` compares them with the code.
 */
export const ENVIRONMENT = [
  {
    names: ['LAYERSLAYER_CACHE_DIR'],
    option: 'cache-dir',
    text: 'Directory of the cache, unless --cache-dir is given.',
  },
  {
    names: ['LAYERSLAYER_INDEX_REPOSITORY'],
    option: 'index-repository',
    text: 'Repository of layer indexes, unless --index-repository is given.',
  },
  {
    names: ['DOCKER_AUTH_CONFIG'],
    option: 'username',
    only: 'serve',
    text: "Credentials in the form of docker's config.json. They come before those in files.",
  },
  {
    names: ['DOCKER_CONFIG'],
    option: 'username',
    only: 'serve',
    text: "Directory of docker's config.json. Default: `~/.docker`.",
  },
  {
    names: ['REGISTRY_AUTH_FILE'],
    option: 'username',
    only: 'serve',
    text: "File of credentials, instead of podman's auth.json.",
  },
  {
    names: ['HTTPS_PROXY', 'HTTP_PROXY'],
    option: 'insecure',
    text: 'URL of the proxy for https and for plain http registries, by the rules of docker and podman. Lower case counts too. Loopback needs no proxy.',
  },
  {
    names: ['REQUEST_METHOD'],
    option: 'insecure',
    text: 'If it is set, as for a CGI program, HTTP_PROXY is refused: a web client could have set it.',
  },
  {
    names: ['NO_PROXY'],
    option: 'insecure',
    text: 'Hosts, domains and networks that need no proxy, separated by commas.',
  },
  {
    names: ['SSL_CERT_FILE'],
    option: 'insecure',
    text: 'File of CA certificates, added to those of Node. Default: the bundle of the system. SSL_CERT_DIR is not used.',
  },
  {
    names: ['NODE_EXTRA_CA_CERTS'],
    option: 'insecure',
    text: 'File of more CA certificates, as in Node.',
  },
  {
    names: ['XDG_CACHE_HOME'],
    option: 'cache-dir',
    text: 'The cache is its directory `layerslayer`. Default: `~/.cache`.',
  },
  {
    names: ['XDG_STATE_HOME'],
    option: 'foreground',
    text: 'Logs of mounts are in its directory `layerslayer`. Default: `~/.local/state`.',
  },
  {
    names: ['XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME'],
    option: 'username',
    only: 'serve',
    text: 'Directories in which podman keeps `containers/auth.json`. The first has the file by which `serve --open` leads a browser to the server; default: the directory of temporary files.',
  },
  {
    names: ['HOME'],
    option: 'cache-dir',
    text: 'Home directory, for all defaults. Without it that of the password database counts, and root uses `/var/cache` and `/var/log`.',
  },
  {
    names: ['TMPDIR'],
    option: 'platform',
    text: 'Directory of the unnamed file into which a compressed archive is decompressed, and of layers that `save` writes to stdout as an archive. Default: `/var/tmp`.',
  },
  {
    names: ['PATH'],
    option: 'foreground',
    text: 'Where `fusermount3` is looked for, by users other than root.',
  },
  {
    names: ['NODE_OPTIONS'],
    option: 'platform',
    text: 'Options of Node that runs the program.',
  },
  {
    names: ['PAGER'],
    option: 'no-pager',
    text: 'Command of the shell that shows results on a terminal, page by page. Empty, or `cat`: none. Default: `less`.',
  },
  {
    names: ['LESS', 'LV'],
    option: 'no-pager',
    text: 'Options of these pagers. Defaults: `FRX` and `-c`.',
  },
  {
    names: ['TERM'],
    text: 'dumb: progress is lines, not bars that move, nothing has colours, and no pager is used.',
  },
  {
    names: ['NO_COLOR'],
    option: 'color',
    only: 'interactive',
    text: 'If it is set, results on a terminal and questions have no colours.',
  },
  {
    names: ['LS_COLORS'],
    only: 'ls',
    text: 'Colours of names by kind and suffix, as dircolors(1) prints them.',
  },
];

/** Files and directories, as `ENVIRONMENT`. */
export const FILES = [
  {
    names: ['~/.cache/layerslayer'],
    option: 'cache-dir',
    text: 'Cache: layer indexes, merged trees, manifests and compressed pages. For root without HOME: `/var/cache/layerslayer`. It may be removed at any time.',
  },
  {
    names: ['~/.local/state/layerslayer'],
    option: 'foreground',
    text: 'A log for each mountpoint, of 10 MiB, and one old file. For root without HOME: `/var/log/layerslayer`. `layerslayer mounts --json` names the log of a mount.',
  },
  {
    names: ['~/.docker/config.json'],
    option: 'username',
    only: 'serve',
    text: 'Credentials of docker, with credHelpers and credsStore.',
  },
  {
    names: ['$XDG_RUNTIME_DIR/containers/auth.json', '~/.config/containers/auth.json'],
    option: 'username',
    only: 'serve',
    text: 'Credentials of podman.',
  },
  {
    names: ['/etc/containers/certs.d/HOST', '/etc/docker/certs.d/HOST'],
    option: 'insecure',
    text: 'For one registry, HOST or HOST:PORT: CA certificates (*.crt), a client certificate (*.cert) and its key (*.key).',
  },
  {
    names: ['/etc/fuse.conf'],
    option: 'allow-other',
    text: 'Must say user_allow_other before a user other than root may mount with --allow-other.',
  },
];

/** What more an option means: items below it. */
export const OPTION_ITEMS = {
  index: [
    ['none', 'no index of others: each layer is read whole, and checked against its digest'],
    ['exact', 'tables under the digest of the image that lose at most fractions of seconds'],
    ['image', 'all tables under the digest of the image'],
    ['trusted', 'also indexes in --index-repository; naming that repository implies it'],
    ['any', 'also referrers of the image, which every account with push rights there can set'],
  ],
};

/** Why it matters which indexes are used. */
export const TRUST = [
  'A ready-made index or table was not compared with the layer, unless the layer was read whole. ' +
    'So a hostile publisher may show another tree than the one that docker runs. --json then says `"verified": false`.',
  'For an image that you do not trust, use --index=none: each layer is read whole first. Or mount it ' +
    'with --verify-later: layers are read in the background, and if one differs, all reads of it fail.',
];

/** More sections of a command's page: heading, then paragraphs, examples (`lines`) and items. */
export const SECTIONS = {
  serve: [
    [
      'NOTES',
      {
        title: 'Access',
        paragraphs: [
          'On loopback, programs of this user and of root need no token. All others send it: `Authorization: Bearer TOKEN`. ' +
            'So do all clients of another address, and all that come through a proxy. The token changes with each start, unless --access-token-file has one.',
          'A browser is let in under localhost, the address of --host, and the names of --allow-host.',
        ],
      },
      {
        title: 'Other addresses than loopback',
        paragraphs: [
          'There is no TLS: put a reverse proxy in front, on this machine. Registries of this machine and its network are refused unless --allow-registry names them. ' +
            'Images that are cached are served only if their registry delivers them too. Cache and mounts are shown with --show-local only.',
        ],
        lines: ['layerslayer serve --allow-host images.example.org --access-token-file ~/.layerslayer-token'],
      },
      {
        title: 'Credentials',
        paragraphs: [
          'All clients with the token read what the server reads. So the credentials of docker and podman are used for --credentials ' +
            'and for the repositories of IMAGE arguments only. `--credentials ghcr.io/team` stands for ghcr.io/team and all below it.',
        ],
      },
    ],
  ],
  mount: [
    [
      'NOTES',
      {
        title: 'Users',
        paragraphs: [
          'root mounts by itself. Any other user mounts by `fusermount3`, of the package fuse3, and alone sees the mount, ' +
            'with all files readable. With --allow-other other users see it too, with the modes of the image enforced.',
          'Setuid programs and devices work only in mounts of root that ask for them: -o setuid, -o devices.',
        ],
      },
      {
        title: 'fstab and mount(8)',
        paragraphs: ['These need the package fuse3. A line of /etc/fstab, and the same as a command:'],
        lines: [
          'nginx:alpine  /mnt/nginx  fuse.layerslayer  ro,noauto  0 0',
          'mount -t fuse.layerslayer nginx:alpine /mnt/nginx',
        ],
      },
      {
        paragraphs: [
          'If the PATH of /bin/sh has no layerslayer, the program is part of the source, and the type is fuse:',
        ],
        lines: ['/home/me/.local/bin/layerslayer#nginx:alpine  /mnt/nginx  fuse  ro,noauto  0 0'],
      },
      {
        title: 'Where a file comes from',
        paragraphs: [
          'Each file has extended attributes that getfattr(1) shows when it asks for them by name: ' +
            '`layerslayer.layer`, `layerslayer.index` (digest and number of the layer) and `layerslayer.created_by` (the build step):',
        ],
        lines: ['getfattr --only-values -n layerslayer.created_by /mnt/nginx/etc/os-release'],
      },
      { title: 'Trust', paragraphs: TRUST },
      {
        title: 'Unmounting',
        paragraphs: [
          '`layerslayer unmount`, `umount` (as root), `fusermount3 -u` and SIGTERM to the process of the mount do the same. ' +
            'What the process has to say after mounting is in its log, see FILES.',
        ],
      },
    ],
  ],
};
