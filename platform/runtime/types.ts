import type { Limits } from '../contracts/index.ts';

/** One folder of the host that a container sees. */
export interface DiskSpec {
  /** Name of the LXD device: a-z, 0-9 and `-`. */
  name: string;
  /** Absolute folder on the host, without symbolic links, below one of the spec's `allowedSources`. */
  source: string;
  /** Mount point in the container; must exist in the image. */
  path: string;
  readonly: boolean;
}

/** One kernel link that moves into the container while it runs. */
export interface LinkSpec {
  /** Its name inside. */
  name: string;
  /** Its name on the host; only links that this site made itself are accepted. */
  parent: string;
}

/** Everything a container is made of. */
export interface ContainerSpec {
  /** The instrument's name; LXD's is `<prefix>-<name>`. */
  name: string;
  /** Fingerprint of an image in the project. */
  image: string;
  limits: Limits;
  disks: readonly DiskSpec[];
  links: readonly LinkSpec[];
  /** Loopback port of the bus on the host, seen as `127.0.0.1:4222` inside. */
  busPort: number;
  /** Kept as `user.bulkhead.<key>`. */
  labels: Readonly<Record<string, string>>;
  /** Folders below which this container's disks must lie; they must lie below the site's own. */
  allowedSources: readonly string[];
}

/** What stands. */
export interface ContainerState {
  name: string;
  status: 'running' | 'stopped' | 'other';
  /** PID of the container's PID 1 on the host; 0 when it does not run. */
  pid: number;
  /** Host id of the container's root; LXD allots it, 65,536 ids follow. 0 when unknown. */
  idmapBase: number;
  labels: Readonly<Record<string, string>>;
  /** Reasons in words why this is not what was created; empty = as created. */
  drift: readonly string[];
  /** Whether the bus can be reached from inside: the proxy's process lives. Always false when stopped. */
  busProxy: boolean;
  /** Its web page, while there is a way to it; `alive`: the proxy's process lives. */
  page?: { socket: string; port: number; alive: boolean };
}

/** Something that LXD says happened. */
export interface RuntimeEvent {
  /**
   * `listening`: the stream (re)opened and events may have been missed before: look at everything.
   * `lost`: the stream broke; it is opened again. The others are about one container.
   */
  kind: 'listening' | 'lost' | 'created' | 'started' | 'stopped' | 'changed' | 'removed' | 'other';
  /** The container, for kinds that have one. */
  name?: string;
  /** LXD's own word, e.g. `instance-shutdown`; for `lost` the reason. */
  action: string;
}

/** How a running container is contained, read from the kernel. */
export interface Containment {
  pid: number;
  /** The outermost mapping of uid 0: host id and how many follow. */
  idmap: { hostBase: number; size: number };
  /** `Seccomp:` of PID 1: 0 off, 1 strict, 2 filter. */
  seccompMode: number;
  /** Whether this kernel enforces AppArmor at all. */
  apparmorAvailable: boolean;
  /** Label of PID 1; undefined without AppArmor. */
  apparmorLabel: string | undefined;
}
