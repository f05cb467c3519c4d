#!/usr/bin/perl
# Asks the kernel itself for what a sensor needs, before anything is installed: perl-base is all that a minimal Debian has.
# Everything is tried in namespaces of its own that end with this program; nothing stays.
# Prints one line for each feature: "ok <feature>" or "missing <feature>: <what that means>". Exit 0 when none is missing.
use strict;
use warnings;
use Socket;

my %call = (x86_64 => { unshare => 272, bpf => 321 }, aarch64 => { unshare => 97, bpf => 280 });
chomp(my $machine = `uname -m`);
my $number = $call{$machine} or do { print "missing architecture: $machine is not supported (x86_64, aarch64)\n"; exit 1 };
my ($NEWNS, $NEWUSER, $NEWNET) = (0x00020000, 0x10000000, 0x40000000);
my $missing = 0;

sub report {
  my ($feature, $ok, $means) = @_;
  print $ok ? "ok $feature\n" : "missing $feature: $means\n";
  $missing = 1 unless $ok;
}

# Runs a probe in a process of its own, so that what it unshares ends with it.
sub apart {
  my ($probe) = @_;
  my $pid = fork() // return 0;
  if ($pid == 0) { exit(eval { $probe->() } ? 0 : 1) }
  waitpid($pid, 0);
  return $? == 0;
}

sub unshare { return syscall($number->{unshare}, $_[0]) == 0 }

sub slurp {
  my ($path) = @_;
  open(my $file, '<', $path) or return '';
  local $/;
  return scalar(<$file>) // '';
}

# One attribute of a netlink message, padded to 4 bytes.
sub attribute {
  my ($type, $value) = @_;
  my $bytes = pack('SS', 4 + length $value, $type) . $value;
  return $bytes . "\0" x (-length($bytes) % 4);
}

# Sends netlink messages; true when the kernel acknowledges the last one that asked for it without error.
sub netlink {
  my ($protocol, @messages) = @_;
  socket(my $socket, 16, SOCK_RAW, $protocol) or return 0;
  setsockopt($socket, SOL_SOCKET, SO_RCVTIMEO, pack('q q', 5, 0));
  my $sequence = 0;
  my $bytes = join '', map { pack('LSSLL', 16 + length $_->[2], $_->[0], $_->[1], ++$sequence, 0) . $_->[2] } @messages;
  send($socket, $bytes, 0, pack('SSLL', 16, 0, 0, 0)) or return 0;
  defined recv($socket, my $answer, 65536, 0) or return 0;
  my ($length, $type, $flags, $seq, $pid, $error) = unpack('LSSLLl', $answer);
  return $type == 2 && $error == 0;
}

my ($REQUEST, $ACK, $EXCL, $CREATE) = (0x1, 0x4, 0x200, 0x400);

# Version 2: one tree that names its controllers. Version 1 (or both): a tree for each.
my $controllers = slurp('/sys/fs/cgroup/cgroup.controllers');
my @lacking = grep { $controllers !~ /\b$_\b/ && !-e "/sys/fs/cgroup/$_/cgroup.procs" } qw(cpu memory pids);
report('cgroups', !@lacking, "no controller for @lacking below /sys/fs/cgroup; containers could not be limited");
report('user namespaces', apart(sub { unshare($NEWUSER) }),
  'containers could not be unprivileged (CONFIG_USER_NS, /proc/sys/user/max_user_namespaces)');
report('network namespaces', apart(sub { unshare($NEWNET) }), 'links could not be kept apart (CONFIG_NET_NS, or a container without the right to)');
report('seccomp filters', scalar(slurp('/proc/sys/kernel/seccomp/actions_avail') =~ /errno/), 'system calls of containers could not be limited (CONFIG_SECCOMP_FILTER)');
report('veth', apart(sub {
    unshare($NEWNET) && netlink(0, [16, $REQUEST | $ACK | $EXCL | $CREATE,
      pack('CxSlLL', 0, 0, 0, 0, 0) . attribute(3, "probe0\0") . attribute(18, attribute(1, 'veth'))]);
  }), 'pairs of links cannot be made (CONFIG_VETH)');
report('nftables netdev', apart(sub {
    unshare($NEWNET) && netlink(12, [16, $REQUEST, pack('CCn', 0, 0, 10)],
      [0x0a00, $REQUEST | $ACK | $CREATE, pack('CCn', 5, 0, 0) . attribute(1, "probe\0")],
      [17, $REQUEST, pack('CCn', 0, 0, 10)]);
  }), 'links could not be guarded (CONFIG_NF_TABLES_NETDEV)');
report('loop devices', do { open(my $loop, '+<', '/dev/loop-control') ? 1 : 0 },
  '/dev/loop-control cannot be opened (CONFIG_BLK_DEV_LOOP; in a container: pass the device in)');
# The features show only once ext4 is loaded; a kernel that has not loaded it yet is not judged here.
report('ext4 encryption', !-d '/sys/fs/ext4/features' || -e '/sys/fs/ext4/features/encryption',
  'volumes could not be encrypted (CONFIG_FS_ENCRYPTION)');
report('BPF', do {
    my $program = pack('CCsl CCsl', 0xb7, 0, 0, 2, 0x95, 0, 0, 0); # r0 = XDP_PASS; exit
    my $license = "Apache-2.0\0";
    my $request = pack('LLQQLLQLL', 6, 2, unpack('Q', pack('P', $program)), unpack('Q', pack('P', $license)), (0) x 5);
    $request .= "\0" x 72;
    syscall($number->{bpf}, 5, $request, length $request) >= 0;
  }, 'XDP programs cannot be loaded (CONFIG_BPF_SYSCALL, or a container without the right to)');
exit $missing;
