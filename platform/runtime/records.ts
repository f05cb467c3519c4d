import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigMap, DeviceMap } from '@bulkhead/node-lxd';
import { writeFileAtomic, type Site } from '../kernel/index.ts';

/** What was asked of LXD when a container was created. */
export interface ContainerRecord {
  version: 1;
  image: string;
  idmapBase: number;
  config: ConfigMap;
  devices: DeviceMap;
  /** The device of its web page, as long as that may be there: written before it is added, erased after it is gone. */
  page?: ConfigMap | undefined;
}

/**
 * Our own memory of what we created, kept outside LXD (root only), so that a change in LXD can be told from what we made.
 */
export class Records {
  readonly #dir: string;

  constructor(site: Site) {
    this.#dir = join(site.stateDir, 'runtime', 'containers');
  }

  /** undefined when there is none, or it cannot be read as one. */
  async read(name: string): Promise<ContainerRecord | undefined> {
    try {
      const value = JSON.parse(await readFile(this.#file(name), 'utf8')) as Partial<ContainerRecord>;
      const whole =
        value.version === 1 && typeof value.config === 'object' && typeof value.devices === 'object';
      return whole ? (value as ContainerRecord) : undefined;
    } catch {
      return undefined;
    }
  }

  async write(name: string, record: ContainerRecord): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.#file(name), JSON.stringify(record), 0o600);
  }

  async remove(name: string): Promise<void> {
    await rm(this.#file(name), { force: true });
  }

  async removeAll(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#dir, `${name}.json`);
  }
}
