# Sourced by scripts/setup: packages of the machine's own Debian.

# wanted_packages: names in scripts/packages.txt; what only tests and benches need, with --tests
wanted_packages() {
  awk -v tests="$for_tests" '!/^[[:space:]]*(#|$)/ && (tests == "yes" || $2 !~ /^(test|bench)$/) { print $1 }' "$here/packages.txt"
}

installed_packages() {
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u
}

# missing_packages: wanted and not installed (or too old), with nodejs when this Debian's is new enough and none is there
missing_packages() {
  {
    wanted_packages
    if ! node_is_recent node && version_at_least "$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^ *Candidate: //p')" "$NODE_MIN"; then
      echo nodejs
    fi
  } | sort -u | comm -23 - <(installed_packages)
  # Installed but older than Debian 13: it lacks the keys, and apt brings the newer one.
  [ -e /usr/share/keyrings/debian-archive-trixie-automatic.gpg ] || echo debian-archive-keyring
}

# apt <arguments>: never asks, waits for another apt, tries twice
apt() {
  local options=(-y -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold)
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get "${options[@]}" "$@" || {
    echo "apt-get $1 failed; once more in 5 s"
    sleep 5
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get "${options[@]}" "$@"
  }
}

install_packages() {
  local missing
  missing=$(missing_packages)
  if [ -z "$missing" ]; then
    cached
    return
  fi
  apt update
  # Asked again: on a fresh machine apt knows no candidate of nodejs before.
  mapfile -t missing < <(missing_packages)
  mkdir -p "$state_dir"
  installed_packages >"$scratch/before"
  # Whatever happens to apt, what it installed is written down for scripts/clean.
  local status=0
  apt install --no-install-recommends "${missing[@]}" || status=$?
  touch "$installed_list"
  installed_packages | comm -13 "$scratch/before" - | sort -u - "$installed_list" >"$scratch/installed"
  mv "$scratch/installed" "$installed_list"
  return "$status"
}

# debian_archive: address of the Debian archive that this machine's apt uses, one-line and deb822 sources alike
debian_archive() {
  local archive again
  for again in no yes; do
    archive=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
      awk -F'|' '$1 == "Debian" && $2 == "Debian" { print $3; exit }')
    if [ -n "$archive" ]; then
      printf '%s\n' "$archive"
      return
    fi
    # apt tells who an archive is only after it has read its index.
    [ "$again" = yes ] || apt update >&2
  done
  echo 'apt on this machine knows no Debian archive; look at /etc/apt/sources.list and /etc/apt/sources.list.d' >&2
  return 1
}
