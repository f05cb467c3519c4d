/*
 * A disk with a volatile write cache, for tests of power cuts and of failing disks.
 *
 *   volatile-disk MOUNTPOINT SIZE_MIB
 *
 * Serves one file, MOUNTPOINT/disk, over the FUSE protocol (include/uapi/linux/fuse.h). A loop device on that file is
 * the disk: its writes arrive here as FUSE_WRITE, its cache flushes (REQ_OP_FLUSH, and the flush that a forced unit
 * access becomes) as FUSE_FSYNC. `now` is what a reader sees, `stable` what would survive a power cut for certain;
 * sectors that were written since the last flush survive or not, each by chance.
 *
 * Commands, one line each on standard input, one line of answer each on standard output:
 *   cut FILE SEED KEEP GRAIN WAIT  after WAIT further write requests (or a second without any) writes what a power cut
 *                              leaves: of the unflushed units of GRAIN bytes (512 or 4096) KEEP per cent survive, chosen
 *                              by SEED. Answers "cut UNFLUSHED KEPT".
 *   fault none|write|flush|both  from now on writes or flushes fail with EIO. Answers "fault".
 *   stat                       answers "stat WRITES FLUSHES UNFLUSHED REFUSED".
 * One thread serves requests and commands, so a cut falls between two requests and is never a mixture.
 * Ends at the end of standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR 512u
#define BLOCK 4096u
#define MAX_WRITE (1u << 20)
#define FILE_NODE 2u

static int device;
static uint64_t size;
static uint8_t *now, *stable, *dirty;
static int fail_write, fail_flush;
static uint64_t writes, flushes, refused;

/* The cut that was asked for and waits for its moment. */
static struct {
  char path[4096];
  unsigned long long seed, wait;
  unsigned keep, grain;
  int asked;
} next_cut;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void *room(uint64_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  return memory;
}

static void reply(uint64_t unique, int error, const void *data, size_t length) {
  struct fuse_out_header head = {(uint32_t)(sizeof head + length), error, unique};
  struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, length}};
  /* ENOENT: whoever asked was interrupted and no longer waits. */
  if (writev(device, parts, length ? 2 : 1) < 0 && errno != ENOENT) die("reply");
}

static struct fuse_attr attributes(uint64_t node) {
  struct fuse_attr attr = {0};
  attr.ino = node;
  attr.nlink = 1;
  attr.blksize = BLOCK;
  attr.mode = node == FILE_NODE ? (S_IFREG | 0600) : (S_IFDIR | 0700);
  if (node == FILE_NODE) attr.size = size, attr.blocks = size / SECTOR;
  return attr;
}

static void take_write(const struct fuse_in_header *in, const struct fuse_write_in *request) {
  const uint8_t *data = (const uint8_t *)(request + 1);
  if (fail_write) {
    refused++;
    reply(in->unique, -EIO, NULL, 0);
    return;
  }
  if (request->offset > size || request->size > size - request->offset) {
    reply(in->unique, -ENOSPC, NULL, 0);
    return;
  }
  memcpy(now + request->offset, data, request->size);
  if (request->size > 0)
    for (uint64_t at = request->offset / SECTOR; at <= (request->offset + request->size - 1) / SECTOR; at++) dirty[at] = 1;
  writes++;
  struct fuse_write_out out = {request->size, 0};
  reply(in->unique, 0, &out, sizeof out);
}

static void take_flush(uint64_t unique) {
  if (fail_flush) {
    refused++;
    reply(unique, -EIO, NULL, 0);
    return;
  }
  for (uint64_t at = 0; at < size / SECTOR; at++) {
    if (!dirty[at]) continue;
    memcpy(stable + at * SECTOR, now + at * SECTOR, SECTOR);
    dirty[at] = 0;
  }
  flushes++;
  reply(unique, 0, NULL, 0);
}

static void serve(const uint8_t *buffer) {
  const struct fuse_in_header *in = (const struct fuse_in_header *)buffer;
  const void *arg = in + 1;
  switch (in->opcode) {
    case FUSE_INIT: {
      struct fuse_init_out out = {0};
      out.major = FUSE_KERNEL_VERSION;
      out.minor = 31;
      out.max_readahead = 1 << 17;
      out.flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES;
      out.max_background = 64;
      out.congestion_threshold = 48;
      out.max_write = MAX_WRITE;
      out.max_pages = MAX_WRITE / 4096;
      out.time_gran = 1;
      reply(in->unique, 0, &out, sizeof out);
      return;
    }
    case FUSE_LOOKUP: {
      struct fuse_entry_out out = {0};
      if (strcmp(arg, "disk") != 0) return reply(in->unique, -ENOENT, NULL, 0);
      out.nodeid = FILE_NODE;
      out.attr_valid = out.entry_valid = 3600;
      out.attr = attributes(FILE_NODE);
      return reply(in->unique, 0, &out, sizeof out);
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
      struct fuse_attr_out out = {0};
      out.attr_valid = 3600;
      out.attr = attributes(in->nodeid);
      return reply(in->unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
      struct fuse_open_out out = {0};
      return reply(in->unique, 0, &out, sizeof out);
    }
    case FUSE_READ: {
      const struct fuse_read_in *request = arg;
      uint64_t from = request->offset < size ? request->offset : size;
      uint64_t length = request->size < size - from ? request->size : size - from;
      return reply(in->unique, 0, now + from, length);
    }
    case FUSE_WRITE:
      return take_write(in, arg);
    case FUSE_FSYNC:
      return take_flush(in->unique);
    case FUSE_STATFS: {
      struct fuse_statfs_out out = {0};
      out.st.bsize = out.st.frsize = BLOCK;
      out.st.namelen = 255;
      return reply(in->unique, 0, &out, sizeof out);
    }
    case FUSE_READDIR:
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_DESTROY:
      return reply(in->unique, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;
    default:
      return reply(in->unique, -ENOSYS, NULL, 0);
  }
}

/* xorshift64*: the same seed gives the same cut on every machine. */
static uint64_t chance(uint64_t *state) {
  *state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
  return (*state * 2685821657736338717ull) >> 33;
}

static int empty(const uint8_t *block) {
  return block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0;
}

static void cut(void) {
  const char *path = next_cut.path;
  uint64_t seed = next_cut.seed;
  unsigned keep = next_cut.keep, grain = next_cut.grain;
  next_cut.asked = 0;
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1, unflushed = 0, kept = 0;
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, (off_t)size) < 0) die(path);
  for (uint64_t block = 0; block < size / BLOCK; block++) {
    uint8_t left[BLOCK];
    memcpy(left, stable + block * BLOCK, BLOCK);
    for (uint64_t unit = 0; unit < BLOCK / grain; unit++) {
      int touched = 0;
      uint64_t at = block * BLOCK + unit * grain;
      for (uint64_t sector = at / SECTOR; sector < (at + grain) / SECTOR; sector++) touched |= dirty[sector];
      if (!touched) continue;
      unflushed++;
      if (chance(&state) % 100 >= keep) continue;
      kept++;
      memcpy(left + unit * grain, now + at, grain);
    }
    if (!empty(left) && pwrite(file, left, BLOCK, (off_t)(block * BLOCK)) != BLOCK) die(path);
  }
  close(file);
  printf("cut %llu %llu\n", (unsigned long long)unflushed, (unsigned long long)kept);
  fflush(stdout);
}

static void command(char *line) {
  char word[16];
  if (sscanf(line, "cut %4095s %llu %u %u %llu", next_cut.path, &next_cut.seed, &next_cut.keep, &next_cut.grain,
             &next_cut.wait) == 5 && (next_cut.grain == SECTOR || next_cut.grain == BLOCK)) {
    next_cut.asked = 1;
    next_cut.wait += writes;
    if (next_cut.wait == writes) cut();
  } else if (sscanf(line, "fault %15s", word) == 1) {
    fail_write = !strcmp(word, "write") || !strcmp(word, "both");
    fail_flush = !strcmp(word, "flush") || !strcmp(word, "both");
    printf("fault\n");
  } else {
    uint64_t unflushed = 0;
    for (uint64_t at = 0; at < size / SECTOR; at++) unflushed += dirty[at];
    printf("stat %llu %llu %llu %llu\n", (unsigned long long)writes, (unsigned long long)flushes,
           (unsigned long long)unflushed, (unsigned long long)refused);
  }
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: volatile-disk MOUNTPOINT SIZE_MIB\n"), 2;
  size = strtoull(argv[2], NULL, 10) << 20;
  now = room(size), stable = room(size), dirty = room(size / SECTOR);
  device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) die("/dev/fuse");
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40700,user_id=0,group_id=0", device);
  if (mount("volatile-disk", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0) die("mount");
  static uint8_t buffer[MAX_WRITE + 65536];
  static char lines[8192];
  size_t held = 0;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    struct pollfd ends[2] = {{device, POLLIN, 0}, {0, POLLIN, 0}};
    int waiting = poll(ends, 2, next_cut.asked ? 1000 : -1);
    if (waiting < 0 && errno != EINTR) die("poll");
    if (waiting <= 0) ends[0].revents = ends[1].revents = 0;
    if (waiting == 0 && next_cut.asked) cut();
    if (ends[0].revents) {
      ssize_t length = read(device, buffer, sizeof buffer);
      if (length < 0 && errno == ENODEV) return 0; /* unmounted */
      if (length < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT) die("request");
      if (length > 0) serve(buffer);
      if (next_cut.asked && writes >= next_cut.wait) cut();
    }
    if (ends[1].revents) {
      ssize_t length = read(0, lines + held, sizeof lines - 1 - held);
      if (length <= 0) {
        umount2(argv[1], MNT_DETACH);
        return 0;
      }
      held += (size_t)length;
      lines[held] = 0;
      for (char *end; (end = strchr(lines, '\n')) != NULL;) {
        *end = 0;
        command(lines);
        held -= (size_t)(end + 1 - lines);
        memmove(lines, end + 1, held + 1);
      }
    }
  }
}
