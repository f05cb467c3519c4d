/*
 * What an attacker who is root inside a container tries, one subcommand each. Prints `<what>=<ok or errno name>`, one per line.
 * Static, so that it runs in any image. Every attempt that changes something is made where it would only hurt if the
 * containment failed, and with harmless values.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

static void tell(const char *what, long result) {
  printf("%s=%s\n", what, result >= 0 ? "ok" : strerrorname_np(errno));
  fflush(stdout);
}

/* In sweep.c. */
int sweep(int argc, char **argv);

/* --- devices ------------------------------------------------------------------------------------------------------ */

static int make_nodes(int argc, char **argv) {
  const char *dir = argc > 2 ? argv[2] : "/tmp";
  struct { const char *what; mode_t type; dev_t device; } nodes[] = {
      {"block-sda", S_IFBLK, makedev(8, 0)},   {"block-vda", S_IFBLK, makedev(254, 0)},
      {"block-loop0", S_IFBLK, makedev(7, 0)}, {"char-mem", S_IFCHR, makedev(1, 1)},
      {"char-kmsg", S_IFCHR, makedev(1, 11)},  {"char-null", S_IFCHR, makedev(1, 3)},
      {"char-fuse", S_IFCHR, makedev(10, 229)}};
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, nodes[i].what);
    tell(nodes[i].what, mknod(path, nodes[i].type | 0600, nodes[i].device));
  }
  return 0;
}

static void list_devices(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) return;
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char inner[600];
    struct stat at;
    snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    if (lstat(inner, &at)) continue;
    if (S_ISDIR(at.st_mode)) { printf("%s=dir\n", inner); list_devices(inner); }
    else if (S_ISCHR(at.st_mode)) printf("%s=char %u:%u\n", inner, major(at.st_rdev), minor(at.st_rdev));
    else if (S_ISBLK(at.st_mode)) printf("%s=block %u:%u\n", inner, major(at.st_rdev), minor(at.st_rdev));
    else printf("%s=%s\n", inner, S_ISLNK(at.st_mode) ? "link" : S_ISSOCK(at.st_mode) ? "socket" : "file");
  }
  closedir(dir);
}

/* --- mounts ------------------------------------------------------------------------------------------------------- */

static void try_mount(const char *what, const char *source, const char *type, unsigned long flags, const char *data) {
  char target[100];
  snprintf(target, sizeof target, "/tmp/m-%s", what);
  mkdir(target, 0700);
  tell(what, mount(source, target, type, flags, data));
}

static int mounts(void) {
  try_mount("cgroup-devices", "cgroup", "cgroup", 0, "devices");
  try_mount("cgroup-memory", "cgroup", "cgroup", 0, "memory");
  try_mount("cgroup-own", "cgroup", "cgroup", 0, "none,name=hostile");
  try_mount("cgroup2", "cgroup2", "cgroup2", 0, "");
  try_mount("proc", "proc", "proc", 0, "");
  try_mount("sysfs", "sysfs", "sysfs", 0, "");
  try_mount("devtmpfs", "devtmpfs", "devtmpfs", 0, "");
  try_mount("debugfs", "debugfs", "debugfs", 0, "");
  try_mount("tracefs", "tracefs", "tracefs", 0, "");
  try_mount("securityfs", "securityfs", "securityfs", 0, "");
  try_mount("bpf", "bpf", "bpf", 0, "");
  try_mount("ext4", "/dev/vda", "ext4", 0, "");
  try_mount("btrfs", "/dev/loop0", "btrfs", 0, "");
  try_mount("root-rw", "/", NULL, MS_REMOUNT | MS_BIND, "");
  tell("remount-root", mount(NULL, "/", NULL, MS_REMOUNT, NULL));
  tell("remount-run", mount(NULL, "/run/bulkhead", NULL, MS_REMOUNT | MS_BIND, NULL));
  tell("umount-run", umount2("/run/bulkhead", MNT_DETACH));
  return 0;
}

/* Writes `value` and says what happened; the file's own answer to an opening for writing counts. */
static void try_write(const char *path, const char *value) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  long result = fd < 0 ? -1 : write(fd, value, strlen(value));
  tell(path, result);
  if (fd >= 0) close(fd);
}

/* Copies itself and sets every bit that could give rights. */
static int plant(const char *path) {
  char buffer[65536];
  int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;)
    if (write(to, buffer, (size_t)n) != n) return 1;
  tell(path, fchmod(to, 06755));
  return 0;
}

/* Every file below `path` that can be opened for writing; nothing is written. */
static void writable(const char *path, int depth) {
  DIR *dir = opendir(path);
  if (!dir || depth > 14) { if (dir) closedir(dir); return; }
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') continue;
    char inner[1200];
    struct stat at;
    if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) continue;
    if (lstat(inner, &at)) continue;
    if (S_ISDIR(at.st_mode)) writable(inner, depth + 1);
    if (!S_ISREG(at.st_mode)) continue;
    int fd = open(inner, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) { printf("%s=ok\n", inner); close(fd); }
  }
  closedir(dir);
}

/* --- namespaces ------------------------------------------------------------------------------------------------- */

static int child_clone(void *ignored) { (void)ignored; return 0; }

static int namespaces(void) {
  static char stack[65536];
  tell("unshare-user", unshare(CLONE_NEWUSER));
  tell("clone-user", clone(child_clone, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL));
  struct { uint64_t flags, a[10]; } args = {.flags = CLONE_NEWUSER, .a = {0, 0, 0, SIGCHLD}};
  long three = syscall(SYS_clone3, &args, 64);
  if (three == 0) _exit(0);
  tell("clone3-user", three);
  tell("setns-host", setns(open("/proc/1/ns/user", O_RDONLY), CLONE_NEWUSER));
  return 0;
}

/* --- sockets ------------------------------------------------------------------------------------------------------ */

static void try_connect(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(name);
  if (length > sizeof address.sun_path) return;
  memcpy(address.sun_path, name, length);
  /* /proc/net/unix shows every NUL of an abstract name as @ */
  if (name[0] == '@')
    for (size_t i = 0; i < length; i++)
      if (address.sun_path[i] == '@') address.sun_path[i] = 0;
  int results[3];
  int types[3] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
  int best = -1, why = 0;
  for (int i = 0; i < 3; i++) {
    int fd = socket(AF_UNIX, types[i], 0);
    results[i] = connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    if (results[i] == 0) best = 0;
    else why = errno;
    close(fd);
  }
  errno = why;
  tell(name, best);
}

static void try_tcp(const char *address, const char *port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  inet_pton(AF_INET, address, &to.sin_addr);
  char what[100];
  snprintf(what, sizeof what, "%s:%s", address, port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int result = connect(fd, (struct sockaddr *)&to, sizeof to);
  if (result < 0 && errno == EINPROGRESS) {
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int error = ETIMEDOUT;
    socklen_t size = sizeof error;
    if (poll(&wait, 1, 2000) == 1) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    result = error ? -1 : 0;
    errno = error;
  }
  tell(what, result);
  close(fd);
}

/* --- processes, keys, handles, kernel ----------------------------------------------------------------------------- */

static int processes(int argc, char **argv) {
  DIR *dir = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    char path[300], comm[100] = "";
    snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
    FILE *file = fopen(path, "r");
    if (file) { if (fgets(comm, sizeof comm, file)) comm[strcspn(comm, "\n")] = 0; fclose(file); }
    printf("pid %s=%s\n", entry->d_name, comm);
  }
  for (int i = 2; i < argc; i++) {
    char what[100];
    pid_t pid = atoi(argv[i]);
    snprintf(what, sizeof what, "kill %s", argv[i]);
    tell(what, kill(pid, 0));
    snprintf(what, sizeof what, "ptrace %s", argv[i]);
    tell(what, ptrace(PTRACE_SEIZE, pid, 0, 0));
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
    snprintf(what, sizeof what, "vm-read %s", argv[i]);
    tell(what, syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0));
    snprintf(what, sizeof what, "pidfd %s", argv[i]);
    tell(what, syscall(SYS_pidfd_open, pid, 0));
  }
  tell("ptrace 1", ptrace(PTRACE_SEIZE, 1, 0, 0));
  return 0;
}

static int keys(void) {
  tell("add_key", syscall(SYS_add_key, "user", "hostile", "x", 1, KEY_SPEC_USER_KEYRING));
  tell("request_key", syscall(SYS_request_key, "logon", "fscrypt:0", NULL, 0));
  tell("keyctl-session", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
  tell("keyctl-user", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0));
  tell("keyctl-search", syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "logon", "fscrypt:0", 0));
  char line[400];
  FILE *file = fopen("/proc/keys", "r");
  while (file && fgets(line, sizeof line, file)) printf("key %s", line);
  return 0;
}

static int handles(void) {
  struct { struct file_handle head; unsigned char bytes[8]; } handle = {.head = {.handle_bytes = 8, .handle_type = 1}};
  const char *places[] = {"/run/bulkhead", "/opt/instrument", "/", "/var/lib/instrument"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    int mount_fd = open(places[i], O_RDONLY | O_DIRECTORY);
    if (mount_fd < 0) continue;
    memset(handle.bytes, 0, sizeof handle.bytes);
    handle.bytes[0] = 2; /* the root inode of ext4 */
    tell(places[i], syscall(SYS_open_by_handle_at, mount_fd, &handle, O_RDONLY));
    close(mount_fd);
  }
  return 0;
}

static int kernel_code(void) {
  char attributes[128] = {0};
  tell("bpf-prog", syscall(SYS_bpf, 5, attributes, sizeof attributes));
  tell("bpf-map", syscall(SYS_bpf, 0, attributes, sizeof attributes));
  tell("perf", syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
  tell("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC));
  tell("userfaultfd-user", syscall(SYS_userfaultfd, O_CLOEXEC | 1));
  tell("init_module", syscall(SYS_init_module, attributes, sizeof attributes, ""));
  tell("finit_module", syscall(SYS_finit_module, 0, "", 0));
  tell("delete_module", syscall(SYS_delete_module, "nothing", 0));
  tell("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
  tell("kexec_file_load", syscall(SYS_kexec_file_load, -1, -1, 0, "", 0));
  tell("io_uring_setup", syscall(SYS_io_uring_setup, 4, attributes));
  tell("syslog", syscall(SYS_syslog, 3, attributes, 100));
  return 0;
}

/* Looks for programs of the host that pass through this container and tries to write into their executable. */
static int hunt(int seconds) {
  long opened = 0, seen = 0;
  time_t end = time(NULL) + seconds;
  while (time(NULL) < end) {
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(dir));) {
      if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || atoi(entry->d_name) == getpid()) continue;
      char path[300], target[300];
      snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
      ssize_t length = readlink(path, target, sizeof target - 1);
      if (length < 0) continue;
      target[length] = 0;
      if (!strstr(target, "lxd")) continue;
      seen++;
      int held = open(path, O_PATH | O_CLOEXEC);
      for (int i = 0; i < 200 && held >= 0; i++) {
        char again[60];
        snprintf(again, sizeof again, "/proc/self/fd/%d", held);
        int fd = open(again, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) { opened++; close(fd); }
      }
      if (held >= 0) close(held);
    }
    closedir(dir);
  }
  printf("seen=%ld\nopened=%ld\n", seen, opened);
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "sweep")) return sweep(argc, argv);
  if (!strcmp(what, "mknod")) return make_nodes(argc, argv);
  if (!strcmp(what, "devices")) { list_devices("/dev"); return 0; }
  if (!strcmp(what, "mounts")) return mounts();
  if (!strcmp(what, "namespaces")) return namespaces();
  if (!strcmp(what, "processes")) return processes(argc, argv);
  if (!strcmp(what, "keys")) return keys();
  if (!strcmp(what, "handles")) return handles();
  if (!strcmp(what, "kernel")) return kernel_code();
  if (!strcmp(what, "hunt") && argc > 2) return hunt(atoi(argv[2]));
  if (!strcmp(what, "write")) {
    for (int i = 2; i + 1 < argc; i += 2) try_write(argv[i], argv[i + 1]);
    return 0;
  }
  if (!strcmp(what, "writable")) {
    for (int i = 2; i < argc; i++) writable(argv[i], 0);
    return 0;
  }
  if (!strcmp(what, "connect")) {
    for (int i = 2; i < argc; i++) try_connect(argv[i]);
    return 0;
  }
  if (!strcmp(what, "tcp")) {
    for (int i = 2; i + 1 < argc; i += 2) try_tcp(argv[i], argv[i + 1]);
    return 0;
  }
  if (!strcmp(what, "plant") && argc > 2) return plant(argv[2]);
  if (!strcmp(what, "ids")) {
    printf("uid=%d\neuid=%d\n", getuid(), geteuid());
    return 0;
  }
  return 2;
}
