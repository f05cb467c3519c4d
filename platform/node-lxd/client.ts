import { openEvents, type EventsOptions, type EventStream } from './events.ts';
import { Files } from './files.ts';
import { Images } from './images.ts';
import { Instances } from './instances.ts';
import { Operations } from './operations.ts';
import { Projects } from './projects.ts';
import { findSocket } from './socket.ts';
import { StoragePools } from './storage-pools.ts';
import { Transport } from './transport.ts';
import { parseServer } from './server.ts';
import type { Server } from './types.ts';

/**
 * One daemon, seen from one project.
 *
 * INVARIANTS: stateless besides idle connections, so it may be shared and called at the same time; every call is bounded
 * in time and answer size; clients made by `project` share the connections of the first, and `close` ends all of them.
 */
export class LxdClient {
  readonly #transport: Transport;
  readonly projectName: string | undefined;
  readonly instances: Instances;
  readonly images: Images;
  readonly files: Files;
  readonly operations: Operations;
  readonly projects: Projects;
  readonly storagePools: StoragePools;

  constructor(transport: Transport, projectName: string | undefined) {
    this.#transport = transport;
    this.projectName = projectName;
    this.operations = new Operations(transport, projectName);
    this.instances = new Instances(transport, this.operations, projectName);
    this.images = new Images(transport, this.operations, projectName);
    this.files = new Files(transport, projectName);
    this.projects = new Projects(transport);
    this.storagePools = new StoragePools(transport);
  }

  /** Path of the socket. */
  get socket(): string {
    return this.#transport.socket;
  }

  /** The same daemon, seen from another project. */
  project(name: string): LxdClient {
    return new LxdClient(this.#transport, name);
  }

  /** What the daemon is and can. */
  async server(options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<Server> {
    return parseServer((await this.#transport.call({ path: '/1.0', ...options })).metadata);
  }

  /** Listens to the daemon; see {@link openEvents}. */
  async events(options: EventsOptions): Promise<EventStream> {
    return openEvents(this.#transport, this.projectName, options);
  }

  /** Ends the connections; running calls fail. */
  async close(): Promise<void> {
    await this.#transport.close();
  }
}

/**
 * A client for the daemon at `socket`, or in one of the known places. Does not connect yet.
 * @throws LxdError LXD_SOCKET_NOT_FOUND
 */
export async function openLxd(
  options: { socket?: string | undefined; project?: string } = {},
): Promise<LxdClient> {
  const socket = options.socket ?? (await findSocket());
  return new LxdClient(new Transport(socket), options.project);
}
