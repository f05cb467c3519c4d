/*
 * Sends and receives raw Ethernet frames for tests.
 *
 *   packets send IFACE [bypass]   lines "COUNT HEX" on stdin; `bypass` = PACKET_QDISC_BYPASS; prints "sent N refused M"
 *   packets listen IFACE          prints "ready", then each received frame as hex (a VLAN tag that the kernel took off is
 *                                 put back), until stdin closes; then "dropped N"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_on(const char *name, unsigned *index) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  *index = if_nametoindex(name);
  if (fd < 0 || *index == 0) {
    perror(name);
    exit(1);
  }
  return fd;
}

static int send_frames(const char *name, int bypass) {
  unsigned index;
  int fd = open_on(name, &index), one = 1;
  if (bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) < 0) {
    perror("PACKET_QDISC_BYPASS");
    return 1;
  }
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)index, .sll_halen = 6};
  static char hex[40000];
  static unsigned char frame[20000];
  unsigned long count, sent = 0, refused = 0;
  while (scanf("%lu %39999s", &count, hex) == 2) {
    size_t length = strlen(hex) / 2;
    for (size_t i = 0; i < length; i++) sscanf(hex + 2 * i, "%2hhx", &frame[i]);
    memcpy(to.sll_addr, frame, 6);
    to.sll_protocol = htons((unsigned short)(frame[12] << 8 | frame[13]));
    for (unsigned long n = 0; n < count; n++) {
      if (sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)length) sent++;
      else refused++;
    }
  }
  printf("sent %lu refused %lu\n", sent, refused);
  return 0;
}

static int listen_frames(const char *name) {
  unsigned index;
  int fd = open_on(name, &index), one = 1, size = 64 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one);
  struct packet_mreq promiscuous = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)index, .sll_protocol = htons(ETH_P_ALL)};
  if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
    perror("bind");
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("ready\n");
  static unsigned char frame[70000];
  int stopping = 0;
  for (;;) {
    struct pollfd watch[2] = {{.fd = fd, .events = POLLIN}, {.fd = stopping ? -1 : 0, .events = POLLIN | POLLHUP}};
    int ready = poll(watch, 2, stopping ? 200 : -1);
    if (ready == 0) break; /* stdin closed and nothing came for a while */
    char byte;
    if (watch[1].revents && read(0, &byte, 1) <= 0) stopping = 1;
    if (!(watch[0].revents & POLLIN)) continue;
    struct sockaddr_ll from;
    struct iovec io = {frame + 4, sizeof frame - 4};
    char control[256];
    struct msghdr message = {&from, sizeof from, &io, 1, control, sizeof control, 0};
    ssize_t length = recvmsg(fd, &message, 0);
    if (length < 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
    unsigned char *start = frame + 4;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
      struct tpacket_auxdata *aux = (void *)CMSG_DATA(c);
      if (!(aux->tp_status & TP_STATUS_VLAN_VALID)) continue;
      unsigned short type = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : 0x8100;
      memmove(frame, frame + 4, 12);
      start = frame;
      length += 4;
      frame[12] = (unsigned char)(type >> 8), frame[13] = (unsigned char)type;
      frame[14] = (unsigned char)(aux->tp_vlan_tci >> 8), frame[15] = (unsigned char)aux->tp_vlan_tci;
    }
    for (ssize_t i = 0; i < length; i++) printf("%02x", start[i]);
    printf("\n");
  }
  struct tpacket_stats statistics = {0};
  socklen_t size_of = sizeof statistics;
  getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size_of);
  printf("dropped %u\n", statistics.tp_drops);
  return 0;
}

int main(int argc, char **argv) {
  if (argc >= 3 && strcmp(argv[1], "send") == 0) return send_frames(argv[2], argc > 3 && strcmp(argv[3], "bypass") == 0);
  if (argc == 3 && strcmp(argv[1], "listen") == 0) return listen_frames(argv[2]);
  fprintf(stderr, "usage: %s send|listen IFACE [bypass]\n", argv[0]);
  return 2;
}
