import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { BulkheadError } from './errors.ts';

/**
 * Where one sensor keeps its things on a machine and how it names what it makes in the kernel and in LXD.
 * Two sensors on one machine (a test beside a running one) differ in `prefix` and folders and cannot collide.
 */
export interface Site {
  /** 2-4 characters `[a-z][a-z0-9]*`; starts every link, nftables table and LXD name of this sensor. Default `bh`. */
  readonly prefix: string;
  /** Durable state: configuration, keys, volumes, streams. Default `/var/lib/bulkhead`. */
  readonly stateDir: string;
  /** Sockets, pid files, what instruments see under `/run/bulkhead`; memory-backed. Default `/run/bulkhead`. */
  readonly runDir: string;
  /** Content-addressed, can be deleted any time: images, app bundles, nats-server. Default `/var/cache/bulkhead`. */
  readonly cacheDir: string;
  /** What was built for this sensor and is only read: images, nats-server, packet programs. Default: `cacheDir`. */
  readonly shippedDir: string;
  /** Loopback TCP port of nats-server. Default 4222. */
  readonly natsPort: number;
  /** LXD project and storage pool. Default `bulkhead` for both. */
  readonly lxdProject: string;
  readonly lxdPool: string;
  /** Unix socket of the LXD daemon; undefined = look in the known places. */
  readonly lxdSocket: string | undefined;
}

/** A site from some of its values; the rest are the defaults of a sensor that owns the machine. */
export function site(values: Partial<Site> = {}): Site {
  const prefix = values.prefix ?? 'bh';
  if (!/^[a-z][a-z0-9]{1,3}$/.test(prefix)) {
    throw new BulkheadError({
      code: 'KERNEL_SITE_INVALID',
      message: `The site prefix ${JSON.stringify(prefix)} is not 2-4 characters of a-z and 0-9 starting with a letter.`,
    });
  }
  const cacheDir = values.cacheDir ?? '/var/cache/bulkhead';
  return Object.freeze({
    prefix,
    stateDir: values.stateDir ?? '/var/lib/bulkhead',
    runDir: values.runDir ?? '/run/bulkhead',
    cacheDir,
    shippedDir: values.shippedDir ?? cacheDir,
    natsPort: values.natsPort ?? 4222,
    lxdProject: values.lxdProject ?? 'bulkhead',
    lxdPool: values.lxdPool ?? 'bulkhead',
    lxdSocket: values.lxdSocket,
  });
}

/**
 * Which end of which pair a link is:
 * `i`/`I` host/container end of a capture engine's input, `o`/`O` host/container end of its output,
 * `m`/`c` host/container end of a mirror port, `k`/`j` outer/inner end of a detection check's pair,
 * `a`/`A` host/container end of an active interface, `v` a VLAN of a network interface.
 */
export type LinkRole = 'i' | 'I' | 'o' | 'O' | 'm' | 'c' | 'k' | 'j' | 'a' | 'A' | 'v';

/**
 * A kernel link name of at most 15 characters: `<prefix><role>-<8 hex of the key>`, e.g. `bhm-1f0c9a3e`.
 * @param key what the link belongs to, e.g. `suricata/mon0` or a monitor interface's name.
 */
export function linkName(at: Site, role: LinkRole, key: string): string {
  return `${at.prefix}${role}-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
}

/** An nftables netdev table name of this sensor: `<prefix>_<room-specific rest>`. */
export function tableName(at: Site, rest: string): string {
  return `${at.prefix}_${rest.replaceAll('-', '_')}`;
}

/** The fixed places below a site's folders. */
export function sitePaths(at: Site) {
  return Object.freeze({
    /** In a folder of its own that only root may enter. */
    sensordSocket: join(at.runDir, 'api', 'sensord.sock'),
    /** Per instrument: what it sees read-only at `/run/bulkhead`. */
    instrumentRunDir: (name: string) => join(at.runDir, 'instruments', name),
    /** Sockets to the web pages of instruments; only root may enter. */
    pagesDir: join(at.runDir, 'ui'),
    pageSocket: (name: string) => join(at.runDir, 'ui', `${name}.sock`),
    volumesDir: join(at.stateDir, 'volumes'),
    /** Mount points of unlocked volumes. */
    mountsDir: join(at.stateDir, 'mounts'),
    keysDir: join(at.stateDir, 'keys'),
    resourcesDir: (name: string) => join(at.stateDir, 'resources', name),
    busDir: join(at.stateDir, 'bus'),
    imagesDir: join(at.shippedDir, 'images'),
    appsDir: join(at.cacheDir, 'apps'),
    toolsDir: join(at.shippedDir, 'tools'),
    natsServer: join(at.shippedDir, 'tools', 'nats-server'),
    bpfDir: join(at.shippedDir, 'bpf'),
  });
}
