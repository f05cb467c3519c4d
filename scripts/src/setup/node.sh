# Sourced by scripts/setup and others: which Node.js this checkout uses, and how to get one.

NODE_MIN=20.19.0
# What is fetched where Debian's own Node.js is too old, from the npm registry that npm is configured for. The digests
# are those of the packages `node-linux-<architecture>` and `npm`.
NODE_PIN=20.20.2
NODE_PIN_ABI=115
NODE_X64_SHA512=3de1d033cc007661ed640d66068732819c6ce4b8945adb097b3413901774898f7cecaa46ac3d4edad544c9dbcc662b9771e45a9f1b7bae34e70c407038fba3a1
NODE_ARM64_SHA512=2c25c99cd4c58b21ae601c36819488e4e04531b92300fb7cb2a0ff34aad6a04d90983812b9b4ea16783a19a349f4427c1e9c413067165a96db72ce15a3e0a71a
NPM_PIN=10.9.9
NPM_SHA512=d60fba8cb42f688b81e33c2f1cbef2ad7b977166700ec0ad057f1b6d60ea6ef2524abf673e20c35931cd8305d1dbb8887134d6eefdc0e7b8435bd458bf65b862

# version_at_least <version> <minimum>: numbers before the first character that is none of theirs
version_at_least() {
  local version=${1%%[!0-9.]*}
  [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$version" "$2" | sort -V | head -n 1)" = "$2" ]
}

# node_is_recent <program>
node_is_recent() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  version_at_least "${version#v}" "$NODE_MIN"
}

# use_node <tools folder>: puts a recent Node.js on PATH: the machine's own if it is recent enough, else ours
use_node() {
  hash -r
  if node_is_recent node; then :; elif node_is_recent "$1/node/bin/node"; then
    PATH=$1/node/bin:$PATH
  else
    return 1
  fi
  # npm of our own only where the machine has none.
  command -v npm >/dev/null || PATH=$PATH:$1/npm/bin
  export PATH
}

provide_node() {
  if use_node "$tools" && command -v npm >/dev/null; then
    cached
    return
  fi
  local work=$tools/.node-bootstrap wanted=(npm)
  node_is_recent node || wanted+=(nodejs)
  rm -rf --one-file-system "$work"
  mkdir -p "$work/debs" "$work/root" "$work/packed"
  # Debian's npm is the only program on a bare machine that knows a registry. It is used once, out of a folder of its
  # own: installed as packages it would bring some three hundred others.
  download_closure "$work/debs" "${wanted[@]}"
  local deb
  for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
  local packs=("npm@$NPM_PIN")
  if ! node_is_recent node; then packs+=("node-linux-$(node_architecture)@$NODE_PIN"); fi
  with_bootstrap_npm "$work" pack --silent --pack-destination "$work/packed" "${packs[@]}"
  place_pack "$work/packed/npm-$NPM_PIN.tgz" "$NPM_SHA512" "$tools/npm"
  ln -sf npm-cli.js "$tools/npm/bin/npm"
  chmod +x "$tools/npm/bin/npm-cli.js"
  if ! node_is_recent node; then
    local digest=$NODE_X64_SHA512
    [ "$(node_architecture)" = x64 ] || digest=$NODE_ARM64_SHA512
    place_pack "$work/packed/node-linux-$(node_architecture)-$NODE_PIN.tgz" "$digest" "$tools/node"
  fi
  rm -rf --one-file-system "$work"
  use_node "$tools" || { echo 'the Node.js that was fetched does not run here'; return 1; }
  command -v npm
}

node_architecture() {
  case $(dpkg --print-architecture) in
  amd64) echo x64 ;;
  arm64) echo arm64 ;;
  *) echo unsupported ;;
  esac
}

# download_closure <folder> <package...>: npm's JavaScript packages and Node.js with its libraries, but none that are
# installed and none of the compilers and Python that npm depends on for building native add-ons
download_closure() {
  local folder=$1 package options
  shift
  options=(--recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances)
  for package in "$@"; do
    if [ "$package" = npm ]; then
      apt-cache depends "${options[@]}" npm | grep -E '^(node-|npm$)'
    else
      apt-cache depends "${options[@]}" "$package" | grep -E '^[a-z0-9]'
    fi
  done | sed 's/:.*//' | sort -u | comm -23 - <(installed_packages) >"$folder/list"
  [ -s "$folder/list" ] || { echo 'apt knows no npm; is this a complete Debian mirror?'; return 1; }
  chown _apt "$folder" 2>/dev/null || true
  (
    cd "$folder"
    # shellcheck disable=SC2046 # package names have no blanks
    apt-get download -q -o Acquire::Retries=3 $(cat list)
  )
}

# with_bootstrap_npm <work> <npm arguments>
# Debian's Node.js insists on /usr/share/nodejs; ours is shown there in a mount namespace that ends with npm.
with_bootstrap_npm() {
  local work=$1 made=no libraries status=0
  shift
  libraries=$work/root/usr/lib/$(gnu_triplet)
  [ -d /usr/share/nodejs ] || { mkdir /usr/share/nodejs && made=yes; }
  local node=$work/root/usr/bin/node
  if [ ! -x "$node" ]; then
    # The machine's own Node.js, which then looks there for its own parts, too.
    node=node
    cp -a /usr/share/nodejs/. "$work/root/usr/share/nodejs/"
  fi
  # shellcheck disable=SC2016 # expanded by the inner shell
  LD_LIBRARY_PATH=$libraries NODE_PATH=$work/root/usr/share/nodejs unshare --mount sh -c '
    mount --bind "$1/root/usr/share/nodejs" /usr/share/nodejs
    node=$2 npm=$1/root/usr/share/nodejs/npm/bin/npm-cli.js
    shift 2
    exec "$node" "$npm" "$@"' _ "$work" "$node" "$@" || status=$?
  [ "$made" = no ] || rmdir /usr/share/nodejs
  return "$status"
}

gnu_triplet() {
  case $(dpkg --print-architecture) in
  arm64) echo aarch64-linux-gnu ;;
  *) echo x86_64-linux-gnu ;;
  esac
}

# place_pack <tarball> <sha512> <folder>
place_pack() {
  local found
  found=$(sha512sum "$1" | cut -d' ' -f1)
  [ "$found" = "$2" ] || { echo "$1 is not the package that is expected: its SHA-512 is $found"; return 1; }
  rm -rf --one-file-system "$3" "$3.new"
  mkdir -p "$3.new"
  tar -xzf "$1" -C "$3.new" --strip-components=1 --no-same-owner
  mv "$3.new" "$3"
}
