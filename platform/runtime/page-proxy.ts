import { lstat, mkdir, rm } from 'node:fs/promises';
import { isLxdError, type ConfigMap, type LxdClient } from '@bulkhead/node-lxd';
import { BulkheadError, sitePaths, type Logger, type Site } from '../kernel/index.ts';
import { liveProxies } from './bus-proxy.ts';
import { lxdName } from './lxd-names.ts';
import type { Records } from './records.ts';

/** Name of the device; with its dash, no link of an instrument can be called so. */
export const PAGE_DEVICE = 'web-page';

/** Of `sockaddr_un`, without the final zero. */
const MAX_SOCKET_PATH = 107;
const TRIES = 5;

/** The LXD device that leads from a socket of the host, for root only, to a port on the container's loopback. Pure. */
export function pageDevice(site: Site, instrument: string, port: number): ConfigMap {
  const socket = sitePaths(site).pageSocket(instrument);
  if (
    !Number.isInteger(port) ||
    port < 1024 ||
    port > 65_535 ||
    Buffer.byteLength(socket) > MAX_SOCKET_PATH
  ) {
    throw new BulkheadError({
      code: 'RUNTIME_SPEC_INVALID',
      message: `The web page of ${instrument} cannot be reached: port ${String(port)}, socket ${socket}.`,
      fields: { instrument },
    });
  }
  return {
    type: 'proxy',
    bind: 'host',
    listen: `unix:${socket}`,
    connect: `tcp:127.0.0.1:${String(port)}`,
    uid: '0',
    gid: '0',
    mode: '0600',
  };
}

/** The page behind a device, as {@link pageDevice} writes it. Pure. */
export function pageOf(device: ConfigMap | undefined): { socket: string; port: number } | undefined {
  const socket = /^unix:(\/.*)$/.exec(device?.['listen'] ?? '')?.[1];
  const port = /^tcp:127\.0\.0\.1:(\d+)$/.exec(device?.['connect'] ?? '')?.[1];
  return socket === undefined || port === undefined ? undefined : { socket, port: Number(port) };
}

/**
 * Ways from the host to the web pages of containers, added to them while they run and taken away again: LXD takes a
 * second to add one, which the start of an instrument need not wait for.
 *
 * INVARIANTS: changes of one container's page run one after another, whoever asks; different containers do not wait for each
 * other. What is remembered lies in the records, so another process goes on from there.
 */
export class PageProxies {
  readonly #lxd: LxdClient;
  readonly #site: Site;
  readonly #log: Logger;
  readonly #records: Records;
  readonly #running = new Map<string, Promise<void>>();

  constructor(parts: { lxd: LxdClient; site: Site; log: Logger; records: Records }) {
    this.#lxd = parts.lxd;
    this.#site = parts.site;
    this.#log = parts.log;
    this.#records = parts.records;
  }

  /**
   * Makes the page of a running container reachable through its socket; nothing happens when it is.
   * @throws BulkheadError RUNTIME_NOT_RUNNING, RUNTIME_SPEC_INVALID, RUNTIME_PAGE_EXPOSED; LxdError
   */
  async serve(name: string, port: number): Promise<void> {
    return this.#inTurn(name, () => this.#serve(name, port));
  }

  /** Takes the way to a page away, with the connections on it. Nothing happens when there is none. */
  async close(name: string): Promise<void> {
    return this.#inTurn(name, () => this.#close(name));
  }

  async #serve(name: string, port: number): Promise<void> {
    const device = pageDevice(this.#site, name, port);
    const { pagesDir, pageSocket } = sitePaths(this.#site);
    const instance = await this.#lxd.instances.get(lxdName(this.#site, name));
    if (instance.status !== 'Running') {
      throw new BulkheadError({
        code: 'RUNTIME_NOT_RUNNING',
        message: `Container ${name} does not run, so its page is not served.`,
        fields: { instrument: name },
      });
    }
    const now = pageOf(instance.devices[PAGE_DEVICE]);
    if (now?.port === port && (await liveProxies()).listeners.has(device['listen'] ?? '')) return;
    await this.#close(name);
    const record = await this.#records.read(name);
    if (record === undefined) return; // not a container of ours: the drift check says so
    // Before the socket is there: LXD makes it first and narrows its mode then.
    await mkdir(pagesDir, { recursive: true, mode: 0o700 });
    await this.#refuseOpenFolder(pagesDir, name);
    await this.#records.write(name, { ...record, page: device });
    await this.#lxd.instances.patch(lxdName(this.#site, name), { devices: { [PAGE_DEVICE]: device } });
    const { mode, uid } = await lstat(pageSocket(name));
    if (uid !== 0 || (mode & 0o077) !== 0) {
      await this.#close(name);
      throw exposed(name, pageSocket(name));
    }
    this.#log.info({ instrument: name, socket: pageSocket(name) }, 'the page is served');
  }

  async #refuseOpenFolder(pagesDir: string, name: string): Promise<void> {
    const folder = await lstat(pagesDir);
    if (!folder.isDirectory() || folder.uid !== 0 || (folder.mode & 0o077) !== 0)
      throw exposed(name, pagesDir);
  }

  async #close(name: string): Promise<void> {
    await this.#dropDevice(lxdName(this.#site, name));
    // LXD leaves the socket where a proxy was killed.
    await rm(sitePaths(this.#site).pageSocket(name), { force: true });
    const record = await this.#records.read(name);
    if (record?.page === undefined) return;
    const { page: _, ...others } = record;
    await this.#records.write(name, others);
  }

  /** LXD ends the proxy's process, and with it every connection. */
  async #dropDevice(id: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { instance, etag } = await this.#lxd.instances.getTagged(id);
        const { [PAGE_DEVICE]: page, ...devices } = instance.devices;
        if (page === undefined) return;
        const { architecture, config, profiles, description, ephemeral } = instance;
        await this.#lxd.instances.put(
          id,
          { architecture, config, profiles, description, ephemeral, devices },
          etag === undefined ? {} : { etag },
        );
        return;
      } catch (error) {
        if (isLxdError(error, 'LXD_NOT_FOUND')) return;
        if (attempt >= TRIES || !isLxdError(error, 'LXD_CHANGED')) throw error;
      }
    }
  }

  async #inTurn(name: string, work: () => Promise<void>): Promise<void> {
    const before = this.#running.get(name) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(work);
    this.#running.set(name, turn);
    try {
      await turn;
    } finally {
      if (this.#running.get(name) === turn) this.#running.delete(name);
    }
  }
}

function exposed(name: string, path: string): BulkheadError {
  return new BulkheadError({
    code: 'RUNTIME_PAGE_EXPOSED',
    message: `The page of ${name} is not served: others than root may use ${path}.`,
    hint: 'Give the folder to root with mode 0700; the sensor tries again by itself.',
    fields: { instrument: name, path },
  });
}
