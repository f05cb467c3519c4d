# Sourced by scripts/setup: a nats-server that is recent enough (DESIGN: 2.12), from Debian, without touching the machine's
# apt sources or installing a service.

NATS_MIN=2.12.0
# Debian's suites after 13, nearest first. The signing keys are those of debian-archive-keyring.
NATS_SUITES=(trixie-backports forky sid)

nats_is_right() {
  local pinned
  [ -x "$tools/nats-server" ] && [ -f "$tools/nats-server.sha256" ] || return 1
  pinned=$(cat "$tools/nats-server.sha256")
  [ "$(sha256sum "$tools/nats-server" | cut -d' ' -f1)" = "$pinned" ]
}

provide_nats() {
  if nats_is_right; then
    cached
    return
  fi
  local work=$tools/.nats suite archive
  archive=$(debian_archive)
  rm -rf --one-file-system "$work"
  for suite in "${NATS_SUITES[@]}"; do
    echo "looking for nats-server $NATS_MIN or newer in $suite"
    if nats_from "$work" "$archive" "$suite"; then
      rm -rf --one-file-system "$work"
      return
    fi
    rm -rf --one-file-system "$work"
  done
  echo "no suite of $archive has nats-server $NATS_MIN or newer"
  return 1
}

# nats_from <work> <archive> <suite>: with an apt state of its own; verification of signatures stays on
nats_from() {
  local work=$1 archive=$2 suite=$3 version deb program
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/deb" "$work/root"
  chown -R _apt "$work/lists/partial" "$work/deb" 2>/dev/null || true
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $suite main" >"$work/sources.list"
  local options=(-q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o Acquire::Languages=none -o Acquire::Retries=3)
  apt-get "${options[@]}" --error-on=any update || return 1
  version=$(apt-cache "${options[@]}" policy nats-server | sed -n 's/^ *Candidate: //p')
  version_at_least "$version" "$NATS_MIN" || return 1
  (cd "$work/deb" && apt-get "${options[@]}" download nats-server) || return 1
  for deb in "$work"/deb/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
  program=$(find "$work/root/usr" -type f -name nats-server -perm -u+x | head -n 1)
  version=$("$program" --version | sed 's/^nats-server: v//') || return 1
  version_at_least "$version" "$NATS_MIN" || { echo "it says that it is $version"; return 1; }
  install -m 0755 "$program" "$tools/nats-server.new"
  sha256sum "$tools/nats-server.new" | cut -d' ' -f1 >"$tools/nats-server.sha256"
  mv "$tools/nats-server.new" "$tools/nats-server"
  echo "nats-server $version"
}
