# Sourced by scripts/package: for each Debian release a minimal system, and the packages that a sensor needs beyond it.

# Where each name is needed stands in scripts/packages.txt; here is what a running sensor needs, not what builds one.
SENSOR_DEPENDS=(lxd apparmor kmod nftables iproute2 ethtool bpftool tcpreplay procps xfsprogs mount e2fsprogs btrfs-progs
  util-linux zstd xz-utils passwd)

# set_packages <12|13>: Debian 12 has no Node.js that is recent enough; there bulkhead-node comes along, which needs libstdc++6
set_packages() {
  printf '%s\n' "${SENSOR_DEPENDS[@]}"
  if [ "$1" = 12 ]; then echo libstdc++6; else printf '%s\n' nodejs libnode115; fi
}

# provide_debian_set <12|13>: $cache/debian-<release>/ with minimal.tar.zst (what "beyond" is measured against, and what the
# tests install into), packages/*.deb and packages/Packages. Signatures are checked by apt; the machine's apt says where.
provide_debian_set() {
  local release=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg inputs folder new
  folder=$cache/debian-$release
  new=$work/debian-$release
  inputs=$({ set_packages "$release"; cat "$root/scripts/src/package/debian-sets.sh"; } | sha256sum | cut -d' ' -f1)
  if [ "$refresh" = no ] && [ "$(cat "$folder/inputs" 2>/dev/null)" = "$inputs" ]; then
    printf 'cached  %-16s %s packages\n' "debian-$release" "$(find "$folder/packages" -name '*.deb' | wc -l)"
    return
  fi
  mkdir -p "$new/packages"
  one_line_sources "$release" "signed-by=$keyring" >"$new/sources"
  transport_settings >"$new/apt.conf"
  # No init system is part of the variant; every Debian that a sensor runs on has systemd.
  # shellcheck disable=SC2016 # expanded by the hook's shell
  mmdebstrap --mode=root --variant=minbase --include=systemd-sysv --quiet --format=tar --skip=cleanup/apt/lists \
    --aptopt="$new/apt.conf" --aptopt='Acquire::Retries "3"' --aptopt='APT::Install-Recommends "false"' \
    --aptopt='Acquire::Languages "none"' \
    --customize-hook='rm -f "$1"/var/cache/apt/archives/*.deb
      APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q -y --download-only install '"$(set_packages "$release" | paste -sd' ')"'
      mv "$1"/var/cache/apt/archives/*.deb '"'$new/packages/'"'
      rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin' \
    "$(debian_suite "$release")" - - <"$new/sources" 2>"$new/log" | zstd -q -T0 -1 -o "$new/minimal.tar.zst" || {
    tail -n 30 "$new/log" >&2
    return 1
  }
  package_index "$new/packages"
  printf '%s\n' "$inputs" >"$new/inputs"
  rm -rf --one-file-system -- "$folder"
  mv "$new" "$folder"
  printf 'fetched %-16s %s packages, %s MiB\n' "debian-$release" "$(find "$folder/packages" -name '*.deb' | wc -l)" \
    "$(du -sm "$folder/packages" | cut -f1)"
}

# package_index <folder>: the file Packages, by which apt reads a folder as a repository
package_index() {
  local deb
  for deb in "$1"/*.deb; do
    dpkg-deb --field "$deb"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${deb##*/}" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
  done >"$1/Packages.new"
  mv "$1/Packages.new" "$1/Packages"
}
