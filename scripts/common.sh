# shellcheck shell=bash
# Shared by scripts/test and scripts/demo; sourced, not run. Expects $root: the checkout.

# Tools that Debian packages are unpacked to, where installing would start a service (see need_registry).
tools=${root:?}/node_modules/.cache/layerslayer-tools

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# as_root COMMAND...: runs it as root, with sudo only where it is needed.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "'$*' needs root: run this as root or install sudo"
  fi
}

# apt_update: fetches the package lists, once a run.
apt_update() {
  [ -z "${apt_updated:-}" ] || return 0
  command -v apt-get >/dev/null || die "needs apt-get (Debian, Ubuntu) to install what is missing"
  as_root apt-get -qq update
  apt_updated=yes
}

# need COMMAND=PACKAGE...: installs the packages whose command is missing; asks nothing and touches nothing else.
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"
}

# need_library FILE=PACKAGE: the same for a library.
need_library() {
  local libraries
  libraries=$(/sbin/ldconfig -p)
  [[ $libraries == *[[:space:]]"${1%%=*} "* ]] || install_packages "${1#*=}"
}

install_packages() {
  say "installing $*"
  apt_update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

# need_registry: puts docker-registry on PATH. The package is unpacked, not installed: installing it would start, and
# enable for each boot, a registry without a password on port 5000 of every interface.
need_registry() {
  PATH=$PATH:$tools/usr/bin
  ! command -v docker-registry >/dev/null || return 0
  say "unpacking docker-registry"
  apt_update
  mkdir -p "$tools"
  (cd "$tools" && apt-get -qq download docker-registry 2>/dev/null && dpkg-deb -x docker-registry_*.deb . && rm -f ./*.deb)
  command -v docker-registry >/dev/null || die "docker-registry could not be unpacked from its package"
}

# need_node: the versions that package.json asks for.
need_node() {
  { command -v node && command -v npm; } >/dev/null || die "needs Node 20.19 or later, with npm"
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
    die "needs Node 20.19 or later, this is $(node --version)"
}

# need_modules: npm ci, unless what is installed is what the lock file asks for. Without the packages' scripts: what has native
# parts brings them built, and fuse-native's would compile another where libfuse 2 is missing.
need_modules() {
  local installed=$root/node_modules/.package-lock.json
  if [ ! -e "$installed" ] || [ "$root/package-lock.json" -nt "$installed" ]; then
    say "installing npm packages"
    (cd "$root" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
    touch "$installed"
  fi
}

# own_mounts DIRECTORY: prints layerslayer's mountpoints below it, ignoring other mounts on this machine.
own_mounts() {
  awk -v below="$1/" '$3 == "fuse.layerslayer" && index($2, below) == 1 { print $2 }' /proc/mounts
}
