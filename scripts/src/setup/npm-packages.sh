# Sourced by scripts/setup: node_modules as package-lock.json says.

# npm_inputs: what decides whether node_modules is still right
npm_inputs() {
  {
    cat "$root/package-lock.json"
    node --version
    uname -m
  } | sha256sum | cut -d' ' -f1
}

# node_headers: a folder with include/node of the Node.js on PATH
node_headers() {
  local prefix
  prefix=$(dirname -- "$(dirname -- "$(readlink -f -- "$(command -v node)")")")
  if [ -f "$prefix/include/node/node.h" ]; then
    printf '%s\n' "$prefix"
    return
  fi
  # Debian's Node.js comes without them, and its headers with a compiler's worth of libraries. Those of our pin fit every
  # Node.js with the same number of the binary interface.
  if [ "$(node -p 'process.versions.modules')" != "$NODE_PIN_ABI" ]; then
    echo "Node.js $(node --version) has no headers in $prefix/include/node; install them (libnode-dev) or use Node.js 20" >&2
    return 1
  fi
  if [ ! -f "$tools/node-headers/include/node/node.h" ]; then
    local work=$tools/.node-headers digest=$NODE_X64_SHA512
    [ "$(node_architecture)" = x64 ] || digest=$NODE_ARM64_SHA512
    rm -rf --one-file-system "$work"
    mkdir -p "$work"
    npm pack --silent --pack-destination "$work" "node-linux-$(node_architecture)@$NODE_PIN" >&2 || return 1
    place_pack "$work/node-linux-$(node_architecture)-$NODE_PIN.tgz" "$digest" "$work/node" >&2 || return 1
    mkdir -p "$tools/node-headers"
    mv "$work/node/include" "$tools/node-headers/include"
    rm -rf --one-file-system "$work"
  fi
  printf '%s\n' "$tools/node-headers"
}

# build_sqlite: compiles the native part of better-sqlite3, about a minute; kept for the next checkout
build_sqlite() {
  local built=$root/node_modules/better-sqlite3/build/Release/better_sqlite3.node kept headers
  kept=$cache_dir/native/better_sqlite3-$({
    cat "$root"/node_modules/better-sqlite3/{package.json,binding.gyp}
    node -p 'process.versions.modules + process.arch'
    gcc -dumpfullversion
  } | sha256sum | cut -c1-16).node
  if [ ! -f "$kept" ]; then
    headers=$(node_headers) || return 1
    # From source and with these headers: the package would else ask servers that are not the registry.
    (
      cd "$root"
      # Optimised less than the package asks for: half the time to compile, no difference to be measured.
      CFLAGS='-O2 -g0' CXXFLAGS='-O2 -g0' JOBS=2 npm_config_nodedir=$headers npm_config_build_from_source=true npm rebuild better-sqlite3 --foreground-scripts --loglevel=error
    ) || return 1
    mkdir -p "${kept%/*}"
    cp "$built" "$kept.new"
    mv "$kept.new" "$kept"
  fi
  if ! cmp -s "$kept" "$built"; then
    mkdir -p "${built%/*}"
    cp "$kept" "$built"
  fi
}

provide_npm_packages() {
  local marker=$root/node_modules/.bulkhead-setup inputs
  inputs=$(npm_inputs)
  if [ "$(cat "$marker" 2>/dev/null)" = "$inputs" ]; then
    cached
    return
  fi
  cd "$root"
  if node "$here/src/setup/npm-state.mjs" "$root"; then
    # Somebody ran npm install by hand, and the result is what the lock file says.
    [ -f "$root/node_modules/better-sqlite3/build/Release/better_sqlite3.node" ] || build_sqlite
    cached
  else
    # --ignore-scripts: a package's install script would run as root. Two are needed: esbuild's puts the program itself in
    # the place of a script that looks for it with whatever `node` is on PATH; better-sqlite3's compiles SQLite.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    node node_modules/esbuild/install.js
    build_sqlite
  fi
  printf '%s\n' "$inputs" >"$marker"
}
