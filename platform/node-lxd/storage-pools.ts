import { apiPath, type Transport } from './transport.ts';
import type { ConfigMap, StoragePool, StoragePoolResources } from './types.ts';

/** `/1.0/storage-pools`: where root disks lie. Pools belong to the daemon, not to a project. */
export class StoragePools {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(): Promise<StoragePool[]> {
    const { metadata } = await this.#transport.call({
      path: apiPath('storage-pools'),
      query: { recursion: 1 },
    });
    return metadata as StoragePool[];
  }

  /** @throws LxdError LXD_NOT_FOUND */
  async get(name: string): Promise<StoragePool> {
    return (await this.#transport.call({ path: apiPath('storage-pools', name) })).metadata as StoragePool;
  }

  /** Makes a pool; a loop file is formatted meanwhile, so this may take seconds. */
  async create(pool: {
    name: string;
    driver: string;
    description?: string;
    config: ConfigMap;
  }): Promise<void> {
    await this.#transport.call({
      method: 'POST',
      path: apiPath('storage-pools'),
      json: pool,
      timeoutMs: 120_000,
    });
  }

  /** Space of the pool. */
  async resources(name: string): Promise<StoragePoolResources> {
    const { metadata } = await this.#transport.call({ path: apiPath('storage-pools', name, 'resources') });
    return metadata as StoragePoolResources;
  }

  /**
   * Deletes a pool's own unpacked copy of an image. The daemon leaves it there when the image was deleted in one project
   * while another still has it.
   */
  async deleteImageCopy(name: string, fingerprint: string): Promise<void> {
    await this.#transport.call({
      method: 'DELETE',
      path: apiPath('storage-pools', name, 'volumes', 'image', fingerprint),
      timeoutMs: 120_000,
    });
  }

  /** Deletes an unused pool and its loop file. */
  async delete(name: string): Promise<void> {
    await this.#transport.call({
      method: 'DELETE',
      path: apiPath('storage-pools', name),
      timeoutMs: 120_000,
    });
  }
}
