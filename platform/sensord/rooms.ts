import type { Limits, MirrorFilter, StoredEvent } from '../contracts/index.ts';

/*
 * What sensord uses of each room, as small as it is. The rooms themselves know nothing of these; main.ts joins them.
 */

export interface ContainerSpec {
  name: string;
  /** LXD image fingerprint. */
  image: string;
  limits: Limits;
  disks: { name: string; source: string; path: string; readonly: boolean }[];
  links: { name: string; parent: string }[];
  busPort: number;
  labels: Record<string, string>;
  allowedSources: string[];
}

export interface ContainerState {
  name: string;
  status: 'running' | 'stopped' | 'other';
  pid: number;
  idmapBase: number;
  labels: Readonly<Record<string, string>>;
  drift: readonly string[];
}

export interface RuntimeRoom {
  prepare(): Promise<void>;
  ensureImage(file: string): Promise<string>;
  list(): Promise<ContainerState[]>;
  create(spec: ContainerSpec): Promise<{ idmapBase: number }>;
  start(name: string): Promise<void>;
  stop(name: string, options: { graceMs: number }): Promise<void>;
  remove(name: string): Promise<void>;
  log(name: string, options: { lines: number }): Promise<string[]>;
  removeAll(): Promise<void>;
}

export interface StorageRoom {
  ensure(name: string, options: { sizeMib: number }): Promise<void>;
  unlock(name: string, options: { ownerId: number; containerRootId: number }): Promise<{ path: string }>;
  lock(name: string): Promise<void>;
  destroy(name: string): Promise<void>;
  list(): Promise<{ name: string; state: string; sizeMib: number; usedMib?: number | undefined }[]>;
  placeResources(
    name: string,
    files: Readonly<Record<string, string>>,
    options: { ownerGroupId: number },
  ): Promise<{ path: string; changed: boolean; digest: string }>;
}

export interface BusModel {
  sensor: string;
  encrypt: boolean;
  streamMib: number;
  instruments: {
    name: string;
    publish: string[];
    read: { from: string; type: string }[];
    send: { to: string; command: string }[];
    accept: string[];
  }[];
}

export interface BusRoom {
  ensure(model: BusModel): Promise<{ restarted: boolean; reloaded: boolean }>;
  isUp(): boolean;
  identity(name: string): Promise<{ publicKey: string; seed: string }> | { publicKey: string; seed: string };
  request(instrument: string, command: string, payload: unknown, timeoutMs: number): Promise<unknown>;
  publishPlatform(type: string, record: Record<string, unknown>): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

export type EventListener = (event: StoredEvent) => void;

export interface PortState {
  instrument: string;
  port: string;
  intact: boolean;
}

export interface NetworkRoom {
  checkDevice(device: string): Promise<{ ok: true } | { ok: false; reason: string }>;
  attachMonitor(monitor: { name: string; device: string }): Promise<void>;
  detachMonitor(name: string): Promise<void>;
  captureLinks(
    monitor: string,
  ): Promise<{ inHost: string; inContainer: string; outHost: string; outContainer: string }>;
  mirrorPort(port: {
    instrument: string;
    port: string;
    monitor: string;
    filter: MirrorFilter;
  }): Promise<{ hostEnd: string; containerEnd: string }>;
  removeMirrorPort(port: { instrument: string; port: string }): Promise<void>;
  setFanout(monitor: string, ports: { hostEnd: string; filter: MirrorFilter }[]): Promise<void>;
  inject(monitor: string, frame: Buffer): Promise<void>;
  removeAll(): Promise<void>;
}
