import { isLxdError, type InstanceFull, type LxdClient } from '@bulkhead/node-lxd';
import { BulkheadError, withReverter, type Logger, type Site } from '../kernel/index.ts';
import { liveProxies, restartProxy, type LiveProxies } from './bus-proxy.ts';
import { whenIdle } from './busy.ts';
import { lastLines, startErrors } from './console-log.ts';
import { instanceOf, LABEL_PREFIX } from './container-config.ts';
import { containmentFaults, containmentOf } from './containment.ts';
import { checkSources } from './disk-sources.ts';
import { driftOf } from './drift.ts';
import { collisions, foreignRanges, ID_FILES, IDS_PER_CONTAINER, type IdFiles } from './id-ranges.ts';
import { ImageStore } from './image-store.ts';
import { ensurePool } from './pool.ts';
import { ensureProject, siteSources } from './project.ts';
import { instrumentOf, lxdName } from './lxd-names.ts';
import { PAGE_DEVICE, PageProxies, pageOf } from './page-proxy.ts';
import { Records } from './records.ts';
import { removeEverything } from './teardown.ts';
import type { Containment, ContainerSpec, ContainerState, RuntimeEvent } from './types.ts';
import { watchEvents } from './watch.ts';

/** What the runtime works with. */
export interface RuntimeParts {
  /** A client for the daemon; the runtime chooses the project itself. */
  lxd: LxdClient;
  site: Site;
  log: Logger;
  /** Who has which ids; default: the machine's own files. */
  idFiles?: IdFiles;
}

/**
 * The containers of one site.
 *
 * INVARIANTS: changes of one container must not be asked for at the same time (the reconciler serialises them per
 * instrument); changes of different containers may. Nothing is remembered between calls except records on disk, so a
 * new process continues where the last one ended. A container that `start` returned for is contained.
 */
export class Runtime {
  /** Ways to the web pages of running containers; `stop` and `remove` end them. May be changed at any time. */
  readonly pages: PageProxies;
  readonly #daemon: LxdClient;
  readonly #lxd: LxdClient;
  readonly #site: Site;
  readonly #log: Logger;
  readonly #records: Records;
  readonly #images: ImageStore;
  readonly #idFiles: IdFiles;

  constructor(parts: RuntimeParts) {
    this.#daemon = parts.lxd;
    this.#lxd = parts.lxd.project(parts.site.lxdProject);
    this.#site = parts.site;
    this.#log = parts.log;
    this.#records = new Records(parts.site);
    this.#images = new ImageStore(this.#lxd, parts.log);
    this.pages = new PageProxies({
      lxd: this.#lxd,
      site: parts.site,
      log: parts.log,
      records: this.#records,
    });
    this.#idFiles = parts.idFiles ?? ID_FILES;
  }

  /**
   * Makes project and pool, or sets the project's restrictions back. Call it at start and from time to time.
   * @returns restrictions that somebody had changed, in words.
   */
  async prepare(): Promise<{ repaired: string[] }> {
    const repaired = await ensureProject(this.#daemon, this.#site, this.#log);
    await ensurePool(this.#daemon, this.#site, this.#log);
    return { repaired };
  }

  /** Imports an image file whose entries were checked, once. @returns its fingerprint. */
  async ensureImage(file: string, expected?: string): Promise<string> {
    return this.#images.ensure(file, expected);
  }

  /** All containers of the site, also such that somebody else put there. */
  async list(): Promise<ContainerState[]> {
    const [instances, proxied] = await Promise.all([this.#lxd.instances.listFull(), liveProxies()]);
    return Promise.all(instances.map((instance) => this.#stateOf(instance, proxied)));
  }

  /**
   * Makes a stopped container. Its id range is allotted by LXD here: give the folders on its disks to it before `start`.
   * @throws BulkheadError RUNTIME_EXISTS, RUNTIME_SPEC_INVALID, RUNTIME_SOURCE_REFUSED, RUNTIME_LINK_REFUSED,
   *         RUNTIME_ID_RANGE_COLLISION; LxdError with the daemon's reason.
   */
  async create(spec: ContainerSpec): Promise<{ idmapBase: number }> {
    const wanted = instanceOf(spec, this.#site);
    await checkSources(spec, siteSources(this.#site));
    return withReverter(
      (error, what) => {
        this.#log.error({ err: error, what, instrument: spec.name }, 'could not undo');
      },
      async (undo) => {
        await this.#createInstance(spec, wanted);
        undo.add('container', () => this.remove(spec.name));
        const idmapBase = await this.#checkIdRange(spec.name);
        await this.#records.write(spec.name, {
          version: 1,
          image: spec.image,
          idmapBase,
          config: wanted.config,
          devices: wanted.devices,
        });
        return { idmapBase };
      },
    );
  }

  /**
   * Starts a container and checks in the kernel that it is contained; if not, it is stopped again.
   * @throws BulkheadError RUNTIME_DRIFT (it is not what was created), RUNTIME_START_FAILED, RUNTIME_NOT_CONTAINED; LxdError.
   */
  async start(name: string): Promise<{ pid: number }> {
    const before = await this.#lxd.instances.get(this.#id(name));
    const drift = driftOf(await this.#records.read(name), before);
    if (drift.length > 0) {
      throw new BulkheadError({
        code: 'RUNTIME_DRIFT',
        message: `Container ${name} is not what was created: ${drift.join('; ')}.`,
        hint: 'It was edited behind the sensor. The sensor removes it and makes it again.',
        fields: { instrument: name },
      });
    }
    if (before.status !== 'Running') {
      // Left by one that ended by itself; LXD would wait a second for it.
      await this.pages.close(name);
      await this.#startInstance(name);
    }
    try {
      const { pid } = await this.containment(name);
      return { pid };
    } catch (error) {
      await this.#kill(name);
      throw error;
    }
  }

  /**
   * How a running container is contained.
   * @throws BulkheadError RUNTIME_NOT_CONTAINED when something is missing, RUNTIME_NOT_RUNNING.
   */
  async containment(name: string): Promise<Containment> {
    const { pid } = await this.#lxd.instances.state(this.#id(name));
    if (pid <= 0) {
      throw new BulkheadError({
        code: 'RUNTIME_NOT_RUNNING',
        message: `Container ${name} does not run${await this.#lastWords(name)}`,
        fields: { instrument: name },
      });
    }
    const containment = await containmentOf(pid);
    const faults = containmentFaults(containment);
    if (faults.length > 0) {
      throw new BulkheadError({
        code: 'RUNTIME_NOT_CONTAINED',
        message: `Container ${name} is not contained: ${faults.join('; ')}.`,
        hint: 'The sensor runs nothing uncontained. Check the kernel and the LXD installation with `bulkhead doctor`.',
        fields: { instrument: name },
      });
    }
    return containment;
  }

  /** Asks the container to halt, and kills it when it has not within `graceMs`. Nothing happens when it does not run. */
  async stop(name: string, options: { graceMs: number }): Promise<void> {
    const { status } = await this.#lxd.instances.get(this.#id(name));
    await this.pages.close(name);
    if (status === 'Stopped') return;
    const timeout = Math.max(1, Math.ceil(options.graceMs / 1000));
    try {
      if (options.graceMs <= 0) throw new Error('no grace');
      await this.#lxd.instances.setState(
        this.#id(name),
        { action: 'stop', timeout },
        { timeoutMs: (timeout + 30) * 1000 },
      );
    } catch (error) {
      if (isLxdError(error, 'LXD_UNREACHABLE', 'LXD_NOT_FOUND')) throw error;
      await this.#kill(name);
    }
  }

  /** Kills and deletes a container; nothing happens when there is none. Its folders are not touched. */
  async remove(name: string): Promise<void> {
    try {
      await this.pages.close(name);
      await this.#kill(name);
      await whenIdle(() => this.#lxd.instances.delete(this.#id(name)));
    } catch (error) {
      if (!isLxdError(error, 'LXD_NOT_FOUND')) throw error;
    }
    await this.#records.remove(name);
  }

  /** The last lines that the container wrote to its console, safe to print. */
  async log(name: string, options: { lines: number }): Promise<string[]> {
    try {
      return lastLines(await this.#lxd.instances.consoleLog(this.#id(name)), options.lines);
    } catch (error) {
      if (isLxdError(error, 'LXD_NOT_FOUND', 'LXD_UNREACHABLE')) throw error;
      return []; // a container that never ran has none
    }
  }

  /** Follows what happens to containers until `signal` aborts; see {@link watchEvents}. */
  async watch(listener: (event: RuntimeEvent) => void, signal: AbortSignal): Promise<void> {
    const told = (event: RuntimeEvent): void => {
      listener(event.name === undefined ? event : { ...event, name: instrumentOf(this.#site, event.name) });
    };
    await watchEvents(this.#lxd, this.#log, told, signal);
  }

  /** Starts the dead proxies of running containers again. @returns the names of those containers. */
  async repairBusProxies(): Promise<string[]> {
    const broken = (await this.list()).filter((state) => state.status === 'running' && !state.busProxy);
    for (const { name } of broken) {
      await restartProxy(this.#lxd, this.#id(name));
      this.#log.warn({ instrument: name }, 'the bus proxy had died and was started again');
    }
    return broken.map(({ name }) => name);
  }

  /** Removes every container, image and record of the site, its project and its pool. Missing things are no error. */
  async removeAll(): Promise<void> {
    await removeEverything(this.#daemon, this.#lxd, this.#site);
    await this.#records.removeAll();
  }

  async #stateOf(instance: InstanceFull, live: LiveProxies): Promise<ContainerState> {
    const pid = instance.state?.pid ?? 0;
    const running = instance.status === 'Running';
    const instrument = instrumentOf(this.#site, instance.name);
    const labels = Object.entries(instance.config)
      .filter(([key]) => key.startsWith(LABEL_PREFIX))
      .map(([key, value]) => [key.slice(LABEL_PREFIX.length), value] as const);
    const page = pageOf(instance.devices[PAGE_DEVICE]);
    return {
      name: instrument,
      status: running ? 'running' : instance.status === 'Stopped' ? 'stopped' : 'other',
      pid: running ? pid : 0,
      idmapBase: Number(instance.config['volatile.idmap.base'] ?? 0),
      labels: Object.fromEntries(labels),
      drift: driftOf(await this.#records.read(instrument), instance),
      busProxy: running && live.listeningPids.has(pid),
      ...(page === undefined
        ? {}
        : { page: { ...page, alive: running && live.listeners.has(`unix:${page.socket}`) } }),
    };
  }

  async #createInstance(spec: ContainerSpec, wanted: ReturnType<typeof instanceOf>): Promise<void> {
    try {
      await this.#lxd.instances.create({
        name: this.#id(spec.name),
        ...wanted,
        source: { type: 'image', fingerprint: spec.image },
      });
    } catch (error) {
      const exists = (await this.#lxd.instances.list()).some(
        (instance) => instance.name === this.#id(spec.name),
      );
      if (!exists || isLxdError(error, 'LXD_UNREACHABLE')) throw error;
      throw new BulkheadError({
        code: 'RUNTIME_EXISTS',
        message: `There is a container ${spec.name} already.`,
        hint: 'Remove it first.',
        fields: { instrument: spec.name },
        cause: error,
      });
    }
  }

  async #startInstance(name: string): Promise<void> {
    try {
      await whenIdle(() => this.#lxd.instances.setState(this.#id(name), { action: 'start', timeout: 60 }));
    } catch (error) {
      if (!isLxdError(error, 'LXD_OPERATION_FAILED')) throw error;
      const text = await this.#lxd.instances.logFile(this.#id(name), 'lxc.log').catch(() => '');
      throw new BulkheadError({
        code: 'RUNTIME_START_FAILED',
        message: `Container ${name} could not be started: ${startErrors(text) ?? error.message}`,
        hint: 'Check that its image holds all mount points and that its links and folders exist.',
        fields: { instrument: name },
        cause: error,
      });
    }
  }

  /** Compares the range that LXD chose with every other container's and with the other users of the machine. */
  async #checkIdRange(name: string): Promise<number> {
    const instances = await this.#daemon.instances.listEverywhere();
    const ranges = instances.map((instance) => ({
      owner: `container ${instance.name} of project ${instance.project}`,
      first: Number(instance.config['volatile.idmap.base'] ?? 0),
      count: IDS_PER_CONTAINER,
    }));
    const isOurs = (owner: string): boolean =>
      owner === `container ${this.#id(name)} of project ${this.#site.lxdProject}`;
    const own = ranges.find((range) => isOurs(range.owner));
    const others = ranges.filter((range) => !isOurs(range.owner) && range.first > 0);
    const faults =
      own === undefined || own.first < 1
        ? ['LXD allotted no id range']
        : [...others, ...(await foreignRanges(this.#idFiles))].flatMap((other) => collisions([own, other]));
    if (own !== undefined && faults.length === 0) return own.first;
    throw new BulkheadError({
      code: 'RUNTIME_ID_RANGE_COLLISION',
      message: `Container ${name} has no id range of its own: ${faults.slice(0, 3).join('; ')}.`,
      hint: "Give root ranges in /etc/subuid and /etc/subgid that no other user's overlap, and restart LXD.",
      fields: { instrument: name },
    });
  }

  #id(instrument: string): string {
    return lxdName(this.#site, instrument);
  }

  async #kill(name: string): Promise<void> {
    const { status } = await this.#lxd.instances.get(this.#id(name));
    if (status === 'Stopped') return;
    try {
      await whenIdle(() =>
        this.#lxd.instances.setState(this.#id(name), { action: 'stop', force: true, timeout: 30 }),
      );
    } catch (error) {
      // It may have ended by itself in between.
      if ((await this.#lxd.instances.get(this.#id(name))).status !== 'Stopped') throw error;
    }
  }

  async #lastWords(name: string): Promise<string> {
    const lines = await this.log(name, { lines: 3 }).catch(() => []);
    return lines.length === 0 ? '.' : `; its last words: ${lines.join(' | ').slice(0, 400)}`;
  }
}

/** Opens the runtime of a site. Nothing is made before `prepare`. */
export function openRuntime(parts: RuntimeParts): Runtime {
  return new Runtime(parts);
}
