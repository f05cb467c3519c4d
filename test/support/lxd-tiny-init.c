/*
 * PID 1 of the tiny image: raises lo, mounts /tmp, says so, reaps children, ends on SIGPWR (LXD's halt signal) or SIGTERM.
 * It stays root with every capability that a container can have: the image of an attacker. With an argument it is one of
 * a few tiny programs; with /opt/instrument/main present it starts that beside itself.
 */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_signal(int number) { stop = number; }

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "cat") == 0) {
    char buffer[4096];
    for (ssize_t n; (n = read(0, buffer, sizeof buffer)) > 0;)
      if (write(1, buffer, (size_t)n) != n) return 1;
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "exit7") == 0) {
    fputs("to stderr\n", stderr);
    return 7;
  }
  if (argc == 2 && strcmp(argv[1], "flood") == 0) {
    static char line[65536];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 64; i++)
      if (write(1, line, sizeof line) < 0) return 1;
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "sleep") == 0) {
    for (;;) pause();
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGPWR, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq lo = {.ifr_name = "lo"};
  ioctl(fd, SIOCGIFFLAGS, &lo);
  lo.ifr_flags |= IFF_UP;
  ioctl(fd, SIOCSIFFLAGS, &lo);
  mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=16m");
  if (access("/opt/instrument/main", X_OK) == 0 && fork() == 0) {
    execl("/opt/instrument/main", "main", (char *)NULL);
    _exit(127);
  }
  puts("tiny init is up");
  fflush(stdout);
  while (!stop) {
    if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD) usleep(20000);
  }
  puts("tiny init ends");
  return 0;
}
