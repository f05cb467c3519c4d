import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLxd, type LxdClient } from '@bulkhead/node-lxd';
import { tinyImage } from './lxd.ts';

/** A bare LXD project for tests of the client itself, without the runtime. */
export interface ThrowAwayProject {
  name: string;
  /** The daemon. */
  lxd: LxdClient;
  /** The daemon, seen from the project. */
  project: LxdClient;
  /** A folder for files of the test. */
  dir: string;
  /** The tiny image's tarball; not imported. */
  tarball: string;
  /** Makes a stopped container from an imported image; its root disk is writable. */
  make: (name: string, fingerprint: string) => Promise<void>;
  dispose: () => Promise<void>;
}

/** Makes a project and a pool (a plain folder: quick to make) of their own. */
export async function throwAwayProject(): Promise<ThrowAwayProject> {
  const name = `bulkhead-test-lxd-${randomBytes(3).toString('hex')}`;
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-lxd-'));
  const lxd = await openLxd();
  const project = lxd.project(name);
  const dispose = async (): Promise<void> => {
    if ((await lxd.projects.list()).some((found) => found.name === name)) {
      for (const instance of await project.instances.list()) {
        if (instance.status !== 'Stopped') {
          await project.instances.setState(instance.name, { action: 'stop', force: true });
        }
        await project.instances.delete(instance.name);
      }
      for (const image of await project.images.list()) await project.images.delete(image.fingerprint);
      await lxd.projects.delete(name);
    }
    if ((await lxd.storagePools.list()).some((pool) => pool.name === name)) {
      await lxd.storagePools.delete(name);
    }
    await lxd.close();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await lxd.projects.create({
      name,
      config: { 'features.images': 'true', 'features.profiles': 'true', restricted: 'true' },
    });
    await lxd.storagePools.create({ name, driver: 'dir', config: {} });
    const tarball = await tinyImage(dir);
    const make = async (instance: string, fingerprint: string): Promise<void> => {
      await project.instances.create({
        name: instance,
        config: { 'user.who': 'a test' },
        devices: { root: { type: 'disk', path: '/', pool: name } },
        profiles: [],
        source: { type: 'image', fingerprint },
      });
    };
    return { name, lxd, project, dir, tarball, make, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
