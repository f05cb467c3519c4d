/**
 * System calls that no instrument needs, refused on top of LXD's own list (module loading, kexec_load,
 * open_by_handle_at). Each is a way into a part of the kernel with a history of holes, or tells about the host.
 * The program inside lacks the capabilities for most of them anyway; this holds also for root inside the container.
 * Format: https://linuxcontainers.org/lxc/manpages/man5/lxc.container.conf.5.html (SECCOMP, version 2).
 */
const DENIED: readonly string[] = [
  // Code and memory of the kernel or of others.
  'bpf',
  'perf_event_open',
  'userfaultfd',
  'io_uring_setup',
  'io_uring_enter',
  'io_uring_register',
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'process_madvise',
  'pidfd_getfd',
  'kcmp',
  'kexec_file_load',
  // Key rings are not part of a user namespace in every kernel; fscrypt once kept its keys there.
  'add_key',
  'request_key',
  'keyctl',
  // The machine as a whole.
  'syslog',
  'acct',
  'swapon',
  'swapoff',
  'quotactl',
  'quotactl_fd',
  'iopl',
  'ioperm',
  'modify_ldt',
  'clock_settime',
  'settimeofday',
  'clock_adjtime',
  'adjtimex',
  'vhangup',
  'nfsservctl',
  'lookup_dcookie',
  'uselib',
  'ustat',
  'sysfs',
  'fanotify_init',
  'name_to_handle_at',
  'move_pages',
  'migrate_pages',
];

const CLONE_NEWUSER = '0x10000000';

/**
 * A nested user namespace gives every capability over new kernel surface, so none is made: `unshare` and `clone` are
 * refused with that flag, and `clone3`, whose flags a filter cannot see, says ENOSYS, so that the C library falls back to
 * `clone`.
 */
const NO_NESTED_USER_NAMESPACE: readonly string[] = [
  `unshare errno 1 [0,${CLONE_NEWUSER},SCMP_CMP_MASKED_EQ,${CLONE_NEWUSER}]`,
  `clone errno 1 [0,${CLONE_NEWUSER},SCMP_CMP_MASKED_EQ,${CLONE_NEWUSER}]`,
  'clone3 errno 38',
];

/**
 * The newer way to mount has had holes of its own, and nothing inside needs it: ENOSYS makes mount(8) use the old
 * way, which init needs for two small tmpfs.
 */
const NEW_MOUNT_API: readonly string[] = [
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'open_tree',
  'move_mount',
  'mount_setattr',
];

/** Value of `security.syscalls.deny`. EPERM (1): programs treat it as "not allowed" and go on. */
export const SYSCALL_DENY_LIST: string = [
  ...DENIED.map((name) => `${name} errno 1`),
  ...NEW_MOUNT_API.map((name) => `${name} errno 38`),
  ...NO_NESTED_USER_NAMESPACE,
].join('\n');
