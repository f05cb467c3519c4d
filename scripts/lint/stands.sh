# shellcheck shell=bash
# For scripts/test; holds functions only.

# What a test could leave on the machine, one line each; only told, never ended or removed. What a sensor leaves that was started
# beside another (scripts/start --beside) counts where its prefix is one of tests, as everywhere: it begins with a b.
stands() {
  {
    ip -o link show 2>/dev/null | sed -nE 's/^[0-9]+: (b[a-z0-9]{1,3}([A-Za-z]|lab)-[^:@ ]*).*/link \1/p'
    ip netns list 2>/dev/null | sed -nE 's/^([^ ]+).*/network namespace \1/p'
    nft list tables 2>/dev/null | sed -nE 's/^table ([a-z]+ b[a-z0-9]{1,3}_.*)/nftables table \1/p'
    # LXD keeps its storage pools in loop devices of its own; they are a cache, as its images are.
    losetup --list --noheadings --output NAME,BACK-FILE 2>/dev/null | grep -vE '/(lxd|incus)/(common/lxd/)?disks/' |
      sed -E 's/^([^ ]+) +/loop device \1 /'
    # The pool "bulkhead" is a cache too: the unpacked images of the next start.
    sed -nE 's/^[^ ]+ ([^ ]*bulkhead[^ ]*|\/tmp\/[^ ]+) .*/mount \1/p' /proc/self/mounts |
      grep -vE '/storage-pools/bulkhead$'
    timeout 20 lxc project list --format csv 2>/dev/null </dev/null |
      sed -nE 's/^(bulkhead-(test|check|b)[^, ]*).*/LXD project \1/p'
    timeout 20 lxc storage list --format csv 2>/dev/null </dev/null |
      sed -nE 's/^(bulkhead-(test|check|b)[^, ]*).*/LXD pool \1/p'
    # A browser is a test's when it keeps its things in the temporary folder of this run: people have theirs too.
    ps -eo pid=,comm=,args= | awk -v below="${TMPDIR:-/tmp}/" '
      $2 ~ /^(nats-server|suricata|Suricata-Main|tcpreplay|dnsmasq|daemonlogger|sensord)$/ || /build\/[a-z]+\.mjs/ ||
        $2 ~ /^chrom/ && index($0, "=" below) {
        print "process " $1 " " $2
      }'
    for place in /var/lib /run; do
      ls -d "$place"/bulkhead-{test,check,beside}/* 2>/dev/null | sed 's/^/folder /'
    done
    ls -d /sys/fs/bpf/b[a-z0-9]* 2>/dev/null | sed 's/^/pinned BPF object /'
  } | LC_ALL=C sort -u
}
