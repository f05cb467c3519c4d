# Sourced by scripts/setup: node_modules as package-lock.json says.

# npm_inputs: what decides whether node_modules is still right
npm_inputs() {
  {
    cat "$root/package-lock.json"
    node --version
    uname -m
  } | sha256sum | cut -d' ' -f1
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
    cached
  else
    # --ignore-scripts: a package's install script would run as root. Only esbuild's is run: it puts the program itself in
    # the place of a script that looks for it with whatever `node` is on PATH.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    node node_modules/esbuild/install.js
  fi
  printf '%s\n' "$inputs" >"$marker"
}
