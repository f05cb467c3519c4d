# Sourced: where Debian's archives are on this machine, and minimal Debian trees from there.

# debian_suite <12|13>
debian_suite() {
  case $1 in
  12) echo bookworm ;;
  13) echo trixie ;;
  *) return 1 ;;
  esac
}

# archive_of <label>: address of Debian or Debian-Security in the machine's apt configuration, in either form of its files
archive_of() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

# transport_settings: settings of the machine's apt that reach the mirror; never those that switch off its verification
transport_settings() {
  apt-config dump | grep -E '^Acquire::(https?|ftp|socks|ForceIPv[46]|Check-Valid-Until|Check-Date)\b' |
    grep -viE 'Verify-(Peer|Host)|""; *$' || true
}

# one_line_sources <12|13> [options]: apt sources of that release in the old form
one_line_sources() {
  local suite main security options=${2:+[$2] }
  suite=$(debian_suite "$1")
  main=$(archive_of Debian)
  security=$(archive_of Debian-Security)
  [ -n "$main" ] || { echo 'apt here knows no Debian archive; run apt-get update' >&2; return 1; }
  echo "deb $options$main $suite main"
  [ -z "$security" ] || echo "deb $options$security $suite-security main"
}
