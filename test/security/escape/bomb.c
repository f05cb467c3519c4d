/*
 * What an instrument does that uses all it can get. Never ends by itself; says on its console how far it came.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "";
  signal(SIGTERM, SIG_DFL);
  if (!strcmp(kind, "fork")) {
    long made = 0;
    for (;;) {
      pid_t child = fork();
      if (child == 0) for (;;) pause();
      if (child > 0) { made++; continue; }
      printf("forked=%ld %s\n", made, strerrorname_np(errno));
      fflush(stdout);
      for (;;) pause();
    }
  }
  if (!strcmp(kind, "memory")) {
    pid_t child = fork();
    if (child == 0) {
      for (;;) {
        char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) _exit(3);
        memset(block, 1, 1 << 20);
      }
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("memory=%s\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "killed" : "survived");
    fflush(stdout);
    for (;;) pause();
  }
  if (!strcmp(kind, "fd")) {
    long made = 0;
    while (open("/dev/null", O_RDONLY) >= 0) made++;
    printf("fds=%ld %s\n", made, strerrorname_np(errno));
    fflush(stdout);
    for (;;) pause();
  }
  if (!strcmp(kind, "log")) {
    char line[4096];
    memset(line, 'L', sizeof line);
    line[sizeof line - 1] = '\n';
    for (;;) if (write(1, line, sizeof line) < 0) return 1;
  }
  if (!strcmp(kind, "cpu")) {
    for (int i = 0; i < 8; i++) if (fork() == 0) for (;;) ;
    for (;;) pause();
  }
  return 2;
}
