/**
 * The parts of the LXD REST API that this client speaks.
 * Source: https://documentation.ubuntu.com/lxd/stable-5.0/rest-api/ (structures of `shared/api`, Apache-2.0); names
 * are the API's own. Fields that we do not use are left out and ignored in answers.
 */

/** `config` maps of instances, projects, pools. All values are strings, also numbers and booleans. */
export type ConfigMap = Readonly<Record<string, string>>;
/** Device name -> its options; `type` says what it is (`disk`, `nic`, `proxy`, ...). */
export type DeviceMap = Readonly<Record<string, ConfigMap>>;

/** GET /1.0 (`api.Server`). */
export interface Server {
  api_extensions: readonly string[];
  api_version: string;
  auth: string;
  config: Readonly<Record<string, unknown>>;
  environment: {
    driver: string;
    driver_version: string;
    kernel_version: string;
    os_name: string;
    os_version: string;
    server: string;
    server_name: string;
    server_pid: number;
    server_version: string;
    kernel_features: ConfigMap | null;
    lxc_features: ConfigMap | null;
    storage_supported_drivers: readonly { name: string; version: string; remote: boolean }[];
  };
}

/** `api.Instance`. */
export interface Instance {
  name: string;
  type: string;
  status: string;
  status_code: number;
  architecture: string;
  created_at: string;
  last_used_at: string;
  description: string;
  ephemeral: boolean;
  stateful: boolean;
  profiles: readonly string[];
  project: string;
  /** As set on the instance itself, with `volatile.*` and `image.*`. */
  config: ConfigMap;
  devices: DeviceMap;
  /** With the profiles applied. */
  expanded_config: ConfigMap;
  expanded_devices: DeviceMap;
}

/** `api.InstancePut`: replaces everything that can be changed. */
export interface InstancePut {
  architecture?: string;
  config: ConfigMap;
  devices: DeviceMap;
  profiles: readonly string[];
  description?: string;
  ephemeral?: boolean;
  stateful?: boolean;
}

/** POST /1.0/instances (`api.InstancesPost`), from an image that the daemon has, or empty. */
export interface InstanceCreate extends Partial<InstancePut> {
  name: string;
  type?: 'container';
  source: { type: 'image'; fingerprint: string } | { type: 'image'; alias: string } | { type: 'none' };
}

/** `api.InstanceState`, of a container. */
export interface InstanceState {
  status: string;
  status_code: number;
  /** PID of the container's PID 1 on the host; 0 when stopped. */
  pid: number;
  processes: number;
  memory: { usage: number; usage_peak: number; swap_usage: number; swap_usage_peak: number };
  /** Nanoseconds. */
  cpu: { usage: number };
  network: Readonly<Record<string, { state: string; hwaddr: string; mtu: number; host_name: string }>> | null;
}

/** GET with `recursion=2` (`api.InstanceFull`). `state` is null when the daemon cannot tell it. */
export interface InstanceFull extends Instance {
  state: InstanceState | null;
}

/** PUT /1.0/instances/{name}/state (`api.InstanceStatePut`). */
export interface InstanceStateChange {
  action: 'start' | 'stop' | 'restart' | 'freeze' | 'unfreeze';
  /** Seconds the container gets to halt before the change fails; -1 = for ever. */
  timeout?: number;
  /** Kill instead of asking. */
  force?: boolean;
  stateful?: boolean;
}

/** `api.Image`. */
export interface Image {
  fingerprint: string;
  filename: string;
  /** Bytes. */
  size: number;
  architecture: string;
  type: string;
  public: boolean;
  cached: boolean;
  auto_update: boolean;
  properties: ConfigMap | null;
  aliases: readonly { name: string; description: string }[];
  created_at: string;
  uploaded_at: string;
  last_used_at: string;
}

/** `api.ImageAliasesEntry`. */
export interface ImageAlias {
  name: string;
  target: string;
  description: string;
  type: string;
}

/** `api.Project`. */
export interface Project {
  name: string;
  description: string;
  config: ConfigMap;
  /** URLs of what is in it. */
  used_by: readonly string[];
}

/** `api.StoragePool`. */
export interface StoragePool {
  name: string;
  driver: string;
  description: string;
  config: ConfigMap;
  status: string;
  used_by: readonly string[] | null;
}

/** GET /1.0/storage-pools/{name}/resources (`api.ResourcesStoragePool`). Bytes and inodes. */
export interface StoragePoolResources {
  space: { used: number; total: number };
  inodes: { used: number; total: number };
}

/** `api.Operation`. */
export interface Operation {
  id: string;
  class: 'task' | 'websocket' | 'token';
  description: string;
  created_at: string;
  updated_at: string;
  status: string;
  /** 103 running, 200 success, 400 failure, 401 cancelled, ... */
  status_code: number;
  resources: Readonly<Record<string, readonly string[]>> | null;
  metadata: Readonly<Record<string, unknown>> | null;
  may_cancel: boolean;
  err: string;
}

/** How far an operation is, as far as the daemon says. */
export interface Progress {
  /** What the daemon is doing, e.g. `download_progress`; `upload` for bytes that this client sends. */
  stage: string;
  /** The daemon's own words, e.g. `rootfs: 45% (3.2MB/s)`. */
  text: string;
  /** 0-100 when known. */
  percent: number | undefined;
}
