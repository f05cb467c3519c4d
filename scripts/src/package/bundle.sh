# Sourced by scripts/package: the offline bundle.

# write_bundle: bulkhead-V-offline.tar and its .sha256 in $output, and our packages beside them
write_bundle() {
  local name=bulkhead-$version-offline tree inputs deb release
  inputs=$({
    printf '%s %s\n' "$name" "$epoch"
    for deb in "${debs[@]}"; do cat "$deb.inputs"; done
    for release in "${suites[@]}"; do cat "$cache/debian-$release/packages/Packages"; done
    cat "$root/scripts/src/package/bundle.sh" "$files/install"
  } | sha256sum | cut -d' ' -f1)
  if [ -f "$output/$name.tar" ] && [ "$(cat "$output/.$name.inputs" 2>/dev/null)" = "$inputs" ]; then
    printf 'cached  %s\n' "$output/$name.tar"
    return
  fi
  tree=$work/bundle/$name
  mkdir -p "$tree/bulkhead"
  rm -f "$output/.$name.inputs"
  cp -l "${debs[@]}" "$tree/bulkhead/"
  cp -f "${debs[@]}" "$output/"
  package_index "$tree/bulkhead"
  for release in "${suites[@]}"; do
    mkdir "$tree/debian-$release"
    cp -l "$cache/debian-$release/packages/"* "$tree/debian-$release/"
  done
  sed "s/@VERSION@/$version/g" "$files/install" >"$tree/install"
  chmod 0755 "$tree/install"
  # The last line says that the list is whole: a list that was cut off must not pass for a shorter one.
  (
    cd "$tree"
    find . -type f ! -name SHA256SUMS -printf '%P\0' | sort -z | xargs -0 sha256sum >SHA256SUMS
    printf '# end of %s\n' "$name" >>SHA256SUMS
  )
  # SHA256SUMS and install first: what is missing at the end is then known by name.
  tar --create --format=gnu --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --hard-dereference \
    --sort=name -C "$work/bundle" -f "$output/$name.tar.new" "$name/SHA256SUMS" "$name/install" "$name/bulkhead" \
    $(for release in "${suites[@]}"; do echo "$name/debian-$release"; done)
  mv "$output/$name.tar.new" "$output/$name.tar"
  (cd "$output" && sha256sum "$name.tar" >"$name.tar.sha256")
  printf '%s\n' "$inputs" >"$output/.$name.inputs"
  printf 'built   %s (%s MiB)\n' "$output/$name.tar" "$(($(stat -c %s "$output/$name.tar") / 1048576))"
}
