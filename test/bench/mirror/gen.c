/*
 * Sends a bounded number of 60-byte frames (64 on the wire with the checksum) and prints what it did as one JSON line.
 *
 *   gen IFACE COUNT RATE DNS_PERMILLE
 *
 * RATE: packets per second, 0 = as fast as it goes. DNS_PERMILLE of the frames are UDP to port 53, the rest to port 9.
 * AF_PACKET with QDISC_BYPASS: the cheapest sender that exercises the ordinary receive path of the other end.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, SIZE = 60 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill(unsigned char *frame, unsigned short port) {
  static const unsigned char head[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0,
                                       0, 192, 0, 2, 1, 198, 51, 100, 1, 0xc0, 0, 0, 0, 0, 26, 0, 0};
  memset(frame, 0, SIZE);
  memcpy(frame, head, sizeof head);
  frame[36] = (unsigned char)(port >> 8), frame[37] = (unsigned char)port;
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: %s IFACE COUNT RATE DNS_PERMILLE\n", argv[0]), 2;
  unsigned long count = strtoul(argv[2], NULL, 10);
  double rate = strtod(argv[3], NULL);
  unsigned long dns = strtoul(argv[4], NULL, 10), due = 0;
  int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1, size = 8 << 20;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(0x0800), .sll_halen = 6};
  to.sll_ifindex = (int)if_nametoindex(argv[1]);
  if (fd < 0 || to.sll_ifindex == 0 || count > 100000000) return perror(argv[1]), 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && bind(fd, (struct sockaddr *)&to, sizeof to) < 0)
    return perror("bind"), 1;
  static unsigned char plain[SIZE], query[SIZE];
  fill(plain, 9), fill(query, 53);
  static struct mmsghdr batch[BATCH];
  static struct iovec io[BATCH];
  unsigned long sent = 0, failed = 0, queries = 0, wanted = 0;
  double start = now();
  while (wanted < count) {
    unsigned n = count - wanted < BATCH ? (unsigned)(count - wanted) : BATCH;
    for (unsigned i = 0; i < n; i++) {
      due += dns;
      int is_query = due >= 1000;
      if (is_query) due -= 1000, queries++;
      io[i] = (struct iovec){is_query ? query : plain, SIZE};
      batch[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &io[i], .msg_iovlen = 1};
    }
    double ahead = rate > 0 ? (double)wanted / rate - (now() - start) : 0;
    if (ahead > 50e-6) { /* asleep, not spinning: what is measured needs the processor */
      struct timespec pause = {(time_t)ahead, (long)((ahead - (double)(time_t)ahead) * 1e9)};
      nanosleep(&pause, NULL);
    }
    for (unsigned done = 0; done < n;) {
      int got = sendmmsg(fd, batch + done, n - done, 0);
      if (got > 0) sent += (unsigned)got, done += (unsigned)got;
      else if (errno == EINTR) continue;
      else failed++, done++; /* ENOBUFS: the other end's backlog was full; counted as not delivered */
    }
    wanted += n;
  }
  double seconds = now() - start;
  printf("{\"wanted\":%lu,\"sent\":%lu,\"failed\":%lu,\"queries\":%lu,\"seconds\":%.6f}\n", wanted, sent, failed, queries, seconds);
  return 0;
}
