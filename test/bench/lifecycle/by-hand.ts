import { spawn } from 'node:child_process';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { run, sitePaths, type Site } from '@bulkhead/platform/kernel';
import { openBusBench, busInstrument, busModel, type BusBench } from '../../support/nats.ts';

/** The same app in a container that somebody makes with `lxc`, without a sensor. */
export interface ByHand {
  /** From `lxc launch` to the first healthy reply, in ms. */
  launch(): Promise<number>;
  /** Ends and deletes the container; not measured. */
  remove(): Promise<void>;
  dispose(): Promise<void>;
}

const NAME = 'by-hand';
const PROGRAM_UID = 1000;

/**
 * Prepares everything that is not measured: a project, the image in it, a bus with the instrument's key, the folders.
 * @param site of the sensor: its pool is used, so both sides copy from the same storage
 * @param image archive that the sensor imports too
 */
export async function prepareByHand(site: Site, image: string, app: string, dir: string): Promise<ByHand> {
  const project = `${site.lxdProject}-hand`;
  const bus: BusBench = await openBusBench('bl1');
  const model = busModel([busInstrument('tick')]);
  await bus.bus.ensure(model);
  const lxc = (args: readonly string[], input?: string) =>
    run('lxc', [...args, '--project', project], {
      timeoutMs: 120_000,
      ...(input === undefined ? {} : { input }),
    });
  await run('lxc', [
    'project',
    'create',
    project,
    '-c',
    'features.images=true',
    '-c',
    'features.profiles=true',
  ]);
  await lxc(['image', 'import', image, '--alias', 'app']);
  const folders = { run: join(dir, 'run'), data: join(dir, 'data') };
  for (const folder of [folders.run, join(folders.data, 'persistent'), join(folders.data, 'transient')])
    await mkdir(folder, { recursive: true, mode: 0o755 });
  const identity = bus.bus.identity('tick');
  await writeFile(join(folders.run, 'bus.nk'), identity.seed, { mode: 0o444 });
  await writeFile(
    join(folders.run, 'init.conf'),
    `uid=${String(PROGRAM_UID)}\ngid=${String(PROGRAM_UID)}\ncaps=\nnofile=1024\narg=/usr/bin/node\narg=/opt/instrument/main.mjs\n`,
  );
  await writeFile(
    join(folders.run, 'instrument.json'),
    JSON.stringify({
      ...{ protocol: 1, name: 'tick', package: 'tick', version: '0.1.0', sensor: 'lab' },
      bus: { url: 'nats://127.0.0.1:4222', keyFile: '/run/bulkhead/bus.nk' },
      ...{ options: {}, interfaces: [], publish: [], read: [], send: [], accept: [] },
    }),
  );
  const disk = (source: string, path: string) => ({ type: 'disk', source, path });
  // Everything in one document, so that one `lxc launch` does: a row of `lxc config device add` would take longer.
  const instance = stringify({
    config: { 'limits.memory': '256MiB', 'limits.processes': '64', 'security.idmap.isolated': 'true' },
    devices: {
      root: { type: 'disk', path: '/', pool: site.lxdPool },
      app: { ...disk(app, '/opt/instrument'), readonly: 'true' },
      run: { ...disk(folders.run, '/run/bulkhead'), readonly: 'true' },
      data: disk(folders.data, '/var/lib/instrument'),
      bus: {
        ...{ type: 'proxy', bind: 'container', listen: 'tcp:127.0.0.1:4222' },
        connect: `tcp:127.0.0.1:${String(bus.site.natsPort)}`,
      },
    },
  });
  const document = join(dir, 'instance.yaml');
  await writeFile(document, instance);
  return {
    launch: async () => {
      const beganMs = performance.now();
      await launched(project, document);
      await healthy(bus);
      return performance.now() - beganMs;
    },
    remove: async () => {
      await lxc(['delete', '--force', NAME]);
    },
    dispose: async () => {
      await lxc(['delete', '--force', NAME]).catch(() => undefined);
      await lxc(['image', 'delete', 'app']).catch(() => undefined);
      await run('lxc', ['project', 'delete', project]).catch(() => undefined);
      await bus.dispose();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** From a file: an open pipe as standard input would make `lxc` wait. */
async function launched(project: string, document: string): Promise<void> {
  const input = await open(document);
  const child = spawn('lxc', ['launch', 'app', NAME, '--no-profiles', '--project', project], {
    stdio: [input.fd, 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  await input.close();
  if (code !== 0) throw new Error(`lxc launch: ${said}`);
}

async function healthy(bus: BusBench): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const reply = await bus.bus.request('tick', 'health', {}, 1000).catch(() => undefined);
    if ((reply as { state?: string } | undefined)?.state === 'ok') return;
    if (performance.now() > deadline) throw new Error('the container by hand did not get healthy');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The image archive `base` that scripts/setup built. */
export function imageArchive(site: Site, file: string): string {
  return join(sitePaths(site).imagesDir, file);
}
