# Sourced by scripts/setup: everything that could make it fail half-way is asked before anything is touched.

problems=()

# check_machine <repository> <cache folder> <needed MiB>: fills `problems` with sentences
check_machine() {
  local id='' version='' line probe place free
  problems=()
  if [ "$(id -u)" != 0 ]; then
    problems+=('It must run as root: sudo scripts/setup.')
    return # the other questions need root, too
  fi
  if [ -r /etc/os-release ]; then
    id=$(sed -n 's/^ID="\{0,1\}\([a-z]*\)"\{0,1\}$/\1/p' /etc/os-release)
    version=$(sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\)"\{0,1\}$/\1/p' /etc/os-release)
  fi
  if [ "$id" != debian ] || [ "${version:-12}" -lt 12 ]; then
    problems+=("It needs Debian 12 or newer; this is ${id:-unknown} ${version:-}.")
  fi
  for line in apt-get dpkg-query apt-cache perl; do
    command -v "$line" >/dev/null || problems+=("The program $line is missing; a Debian always has it.")
  done
  probe=$(perl "$here/src/setup/kernel-probe.pl" 2>&1) || {
    while IFS= read -r line; do
      case $line in
      ok\ *) ;;
      *) problems+=("The kernel ($(uname -r)): $line") ;;
      esac
    done <<<"$probe"
  }
  for place in "$1" "$2" /var/lib; do
    while [ ! -d "$place" ]; do place=$(dirname "$place"); done
    free=$(df --output=avail -B 1M "$place" | tail -n 1 | tr -d ' ')
    [ "$free" -ge "$3" ] || problems+=("Only $free MiB are free at $place; $3 MiB are needed.")
  done
  line=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
  [ "$line" -ge 1800 ] || problems+=("The machine has $line MiB of memory; 2 GiB are needed.")
  [ -d /sys/module/apparmor ] && [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] ||
    notes+=('The kernel has no AppArmor: containers are confined by id ranges, seccomp and capabilities only.')
}
