/*
 * The fan-out of one monitor interface: runs (XDP, generic mode) on the host end of the capture engine's output link,
 * decides once per packet which declared filters want it, and clones it to the mirror ports of that set.
 *
 * Rules:
 *  - A filter that cannot decide passes. Everything that is not understood to the last byte needed goes to everyone.
 *  - No packet returns to the host's stack: it is redirected to mirror ports or dropped here.
 *  - Every packet is counted exactly once, under the set of filters that matched or under the reason why none could
 *    decide. User space derives everything else from that.
 *  - A generation of this program and its maps is filled before it is attached and never changed afterwards, so every
 *    packet sees one whole configuration.
 *
 * The kernel stops cloning at the first target that is down or whose MTU is too small, and forgets the rest. Hence
 * `max_len` here, and user space takes a port out of the fan-out before it takes the link down.
 *
 * Self-contained on purpose: needs only gcc-bpf, no kernel or libbpf headers.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
/* The map definitions that libbpf reads from BTF: numbers are encoded as array lengths. */
#define NUMBER(name, value) int(*name)[value]

enum { MAP_ARRAY = 2, MAP_PERCPU_ARRAY = 6, MAP_ARRAY_OF_MAPS = 12 }; /* linux/bpf.h: enum bpf_map_type */
enum { VERDICT_DROP = 1 };                                            /* enum xdp_action */
enum { REDIRECT_BROADCAST = 1 << 3 };                                 /* BPF_F_BROADCAST */

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

/* Same order as in slots.ts. Slots below FIRST_REASON count decided packets by set of matching filters. */
enum {
  FIRST_REASON = 256,
  OVERSIZE = FIRST_REASON, /* dropped: larger than the mirror ports can take */
  TRUNCATED,               /* passed: shorter than its headers say */
  ETHERTYPE,               /* passed: not IP and not known to carry no IP */
  VLAN_DEPTH,              /* passed: more tags than we unwrap */
  MALFORMED,               /* passed: header fields contradict each other */
  FRAGMENT,                /* passed: IP fragment, first or later */
  EXTENSION,               /* passed: IPv6 extension header */
  TUNNEL,                  /* passed: an encapsulation that may carry anything */
  PROTOCOL,                /* passed: IP protocol that we do not know */
  SLOTS = 272,
};
#define EVERYONE 0xff

struct config {
  u32 max_len;  /* bytes of the frame with its tags, FCS excluded */
  u32 filtered; /* 0: no port declares a filter, nothing to parse */
};
struct port_block {
  u8 filters[256]; /* for the low byte of the port: set of filters that list it */
};

/* Every map is made and pinned by user space (see fan-out-generation.ts), then given to this program at load. */
struct {
  NUMBER(type, MAP_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, sizeof(struct config));
  NUMBER(max_entries, 1);
} config SECTION(".maps");
struct {
  NUMBER(type, MAP_ARRAY); /* key: high byte of the port */
  NUMBER(key_size, 4);
  NUMBER(value_size, sizeof(struct port_block));
  NUMBER(max_entries, 256);
} blocks SECTION(".maps");
struct {
  NUMBER(type, MAP_ARRAY_OF_MAPS); /* key: set of matching filters; value: devmap of the ports that get it */
  NUMBER(key_size, 4);
  NUMBER(value_size, 4);
  NUMBER(max_entries, 256);
} targets SECTION(".maps");
struct {
  NUMBER(type, MAP_PERCPU_ARRAY);
  NUMBER(key_size, 4);
  NUMBER(value_size, 8);
  NUMBER(max_entries, SLOTS);
} counts SECTION(".maps");

/* Kernel helpers by number (linux/bpf.h), called by instruction: the ways to declare them differ between compilers. */
INLINE void *map_lookup(const void *map, const void *key) {
  register u64 r1 __asm__("r1") = (u64)map;
  register u64 r2 __asm__("r2") = (u64)key;
  register u64 r0 __asm__("r0");
  __asm__ volatile("call 1" : "=r"(r0), "+r"(r1), "+r"(r2) : : "r3", "r4", "r5", "memory");
  return (void *)r0;
}
INLINE int redirect_map(const void *map, u64 key, u64 flags) {
  register u64 r1 __asm__("r1") = (u64)map;
  register u64 r2 __asm__("r2") = key;
  register u64 r3 __asm__("r3") = flags;
  register u64 r0 __asm__("r0");
  __asm__ volatile("call 51" : "=r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "r4", "r5", "memory");
  return (int)r0;
}

INLINE u16 read16(const u8 *at) { return (u16)(at[0] << 8 | at[1]); }

INLINE u32 filters_of(u16 port) {
  u32 key = port >> 8;
  struct port_block *block = map_lookup(&blocks, &key);
  return block ? block->filters[port & 0xff] : EVERYONE;
}

/* UDP ports whose payload is another packet (IANA): VXLAN and its Linux default, Geneve, GTP-U, Teredo, L2TP, GUE,
 * ESP in UDP, VXLAN-GPE, MPLS in UDP, LISP, BIER/BFD-free list kept to what is in use on mirrored links. */
INLINE int carries_packets(u16 port) {
  switch (port) {
  case 4789: case 8472: case 6081: case 2152: case 3544: case 1701: case 6080: case 4500: case 4790: case 6635:
  case 4341:
    return 1;
  default:
    return 0;
  }
}

/* The slot to count under: a set of filters (0..255), or the reason why none of them could decide. */
INLINE u32 classify(const u8 *at, const u8 *end) {
  if (at + 14 > end) return TRUNCATED;
  u16 type = read16(at + 12);
  at += 14;
#pragma GCC unroll 4
  for (int tag = 0; tag < 4; tag++) {
    if (type != 0x8100 && type != 0x88a8 && type != 0x9100 && type != 0x9200) break;
    if (at + 4 > end) return TRUNCATED;
    type = read16(at + 2);
    at += 4;
  }
  u8 protocol;
  if (type == 0x0800) {
    if (at + 20 > end) return TRUNCATED;
    u32 header = (at[0] & 0x0f) * 4;
    if (at[0] >> 4 != 4 || header < 20) return MALFORMED;
    if (read16(at + 6) & 0x3fff) return FRAGMENT; /* more fragments, or an offset */
    protocol = at[9];
    if ((protocol == 6 || protocol == 17) && read16(at + 2) < header + 4) return MALFORMED;
    at += header;
  } else if (type == 0x86dd) {
    if (at + 40 > end) return TRUNCATED;
    if (at[0] >> 4 != 6) return MALFORMED;
    protocol = at[6];
    if (protocol == 44) return FRAGMENT;
    if (protocol == 0 || protocol == 43 || protocol == 51 || protocol == 60 || protocol == 135 || protocol == 139 ||
        protocol == 140)
      return EXTENSION;
    if (protocol == 59) return 0; /* no next header */
    at += 40;
  } else if (type == 0x0806) {
    return 0; /* ARP carries nothing */
  } else if (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200) {
    return VLAN_DEPTH;
  } else {
    return ETHERTYPE;
  }
  switch (protocol) {
  case 6: case 17:
    break;
  case 1: case 2: case 58: case 89: case 112: case 132: /* ICMP, IGMP, ICMPv6, OSPF, VRRP, SCTP */
    return 0;
  case 4: case 41: case 47: case 50: case 51: case 55: case 94: case 97: case 98: case 103: case 115: case 137:
    return TUNNEL; /* IPIP, 6in4, GRE, ESP, AH, Mobile, IPIP, EtherIP, encapsulation, PIM register, L2TP, MPLS */
  default:
    return PROTOCOL;
  }
  if (at + 4 > end) return TRUNCATED;
  u16 source = read16(at), destination = read16(at + 2);
  if (protocol == 17 && (carries_packets(source) || carries_packets(destination))) return TUNNEL;
  return filters_of(source) | filters_of(destination);
}

SECTION("xdp") int fanout(struct xdp_md *context) {
  const u8 *at = (const u8 *)(u64)context->data;
  const u8 *end = (const u8 *)(u64)context->data_end;
  u32 zero = 0;
  const struct config *settings = map_lookup(&config, &zero);
  if (!settings) return VERDICT_DROP;

  u32 slot = 0;
  if ((u64)(end - at) > settings->max_len) slot = OVERSIZE;
  else if (settings->filtered) slot = classify(at, end);

  u64 *count = map_lookup(&counts, &slot);
  if (count) *count += 1; /* per processor, and XDP does not nest */
  if (slot == OVERSIZE) return VERDICT_DROP;

  u32 set = slot < FIRST_REASON ? slot : EVERYONE;
  void *ports = map_lookup(&targets, &set);
  if (!ports) { /* a set that user space did not foresee */
    set = EVERYONE;
    ports = map_lookup(&targets, &set);
    if (!ports) return VERDICT_DROP;
  }
  return redirect_map(ports, 0, REDIRECT_BROADCAST);
}

u8 licence[] SECTION("license") = "Apache-2.0"; /* uses no helper that the kernel reserves for the GPL */
