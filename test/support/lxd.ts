import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes, randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLxd, type LxdClient } from '@bulkhead/node-lxd';
import { openLog, run, site, sitePaths, type Site } from '@bulkhead/platform/kernel';
import {
  lxdName,
  openRuntime,
  siteSources,
  type ContainerSpec,
  type ContainerState,
  type DiskSpec,
  type IdFiles,
  type Runtime,
} from '@bulkhead/platform/runtime';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Host id of the instrument's user minus that of the container's root. */
export const INSTRUMENT_UID = 1000;

/** A runtime with a project, pool and folders of its own. */
export interface ThrowAwayRuntime {
  site: Site;
  lxd: LxdClient;
  /** Same daemon, seen from the project. */
  project: LxdClient;
  runtime: Runtime;
  /** Fingerprint of the imported image. */
  image: string;
  /** Makes the folders of an instrument and a container for it, started unless told otherwise. */
  launch: (name: string, options?: LaunchOptions) => Promise<ContainerState>;
  /** The spec that `launch` would use, with its folders made. */
  spec: (name: string, options?: LaunchOptions) => Promise<ContainerSpec>;
  /** Removes everything, also after failures. */
  dispose: () => Promise<void>;
}

/** How a test's instrument differs from one that sleeps. */
export interface LaunchOptions {
  /** What runs inside. Default: sleeps. */
  command?: readonly string[];
  caps?: readonly string[];
  limits?: Partial<ContainerSpec['limits']>;
  disks?: readonly DiskSpec[];
  links?: ContainerSpec['links'];
  start?: boolean;
}

/** Path of the `base` image as `images/build` leaves it. */
export async function baseImage(): Promise<string> {
  const dir = sitePaths(site()).imagesDir;
  let text: string;
  try {
    text = await readFile(join(dir, 'base.json'), 'utf8');
  } catch (cause) {
    throw new Error(`There is no base image in ${dir}: run images/build base first.`, { cause });
  }
  return join(dir, (JSON.parse(text) as { file: string }).file);
}

/** Where a test's runtime lives and what its containers are made of. */
export interface ThrowAwayOptions {
  /** Of a daemon of the test's own; default: the machine's. */
  socket?: string;
  /** `base` as instruments have it, or `tiny`, whose PID 1 stays root with every capability. Default `base`. */
  image?: 'base' | 'tiny';
  /** See RuntimeParts. */
  idFiles?: IdFiles;
}

/** Opens a runtime of a site of its own. */
export async function throwAwayRuntime(
  prefix: string,
  options: ThrowAwayOptions = {},
): Promise<ThrowAwayRuntime> {
  const { socket } = options;
  const home = await mkdtemp(join(tmpdir(), `bulkhead-${prefix}-`));
  const suffix = randomBytes(3).toString('hex');
  const at = site({
    prefix,
    stateDir: join(home, 'state'),
    runDir: join(home, 'run'),
    cacheDir: join(home, 'cache'),
    natsPort: randomInt(20_000, 30_000),
    lxdProject: `bulkhead-test-${prefix}-${suffix}`,
    lxdPool: `bulkhead-test-${prefix}-${suffix}`,
    lxdSocket: socket,
  });
  for (const folder of siteSources(at)) await mkdir(folder, { recursive: true, mode: 0o711 });
  const lxd = await openLxd({ socket });
  const runtime = openRuntime({
    lxd,
    site: at,
    log: openLog('runtime', 'error'),
    ...(options.idFiles === undefined ? {} : { idFiles: options.idFiles }),
  });
  const dispose = async (): Promise<void> => {
    await runtime.removeAll();
    await lxd.close();
    await rm(home, { recursive: true, force: true });
  };
  try {
    await runtime.prepare();
    const file = options.image === 'tiny' ? await tinyImage(home) : await baseImage();
    const image = await runtime.ensureImage(file);
    const spec = async (name: string, options: LaunchOptions = {}) => makeSpec(at, image, name, options);
    const launch = async (name: string, options: LaunchOptions = {}): Promise<ContainerState> => {
      await runtime.create(await spec(name, options));
      if (options.start !== false) await runtime.start(name);
      const state = (await runtime.list()).find((container) => container.name === name);
      if (state === undefined) throw new Error(`LXD does not list ${name}`);
      return state;
    };
    return {
      site: at,
      lxd,
      project: namedAsInstruments(lxd.project(at.lxdProject), at),
      runtime,
      image,
      launch,
      spec,
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The project's instances by the names of instruments: what a test says to LXD reads like what it says to the runtime. */
function namedAsInstruments(project: LxdClient, at: Site): LxdClient {
  const named = (value: unknown): unknown => {
    if (typeof value === 'string') return lxdName(at, value);
    const source = value as { name?: string };
    return typeof source.name === 'string' ? { ...source, name: lxdName(at, source.name) } : value;
  };
  const instances = new Proxy(project.instances, {
    get: (target, key) => {
      const method = Reflect.get(target, key, target) as unknown;
      if (typeof method !== 'function') return method;
      return (first: unknown, ...rest: unknown[]): unknown =>
        Reflect.apply(method, target, first === undefined ? [] : [named(first), ...rest]);
    },
  });
  return new Proxy(project, {
    get: (target, key) => {
      if (key === 'instances') return instances;
      const member = Reflect.get(target, key, target) as unknown;
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

async function makeSpec(
  at: Site,
  image: string,
  name: string,
  options: LaunchOptions,
): Promise<ContainerSpec> {
  const runDir = sitePaths(at).instrumentRunDir(name);
  await mkdir(runDir, { recursive: true, mode: 0o755 });
  const limits = { memoryMib: 128, cpuCores: 1, processes: 64, openFiles: 256, ...options.limits };
  const command = options.command ?? ['/usr/bin/sleep', 'infinity'];
  const lines = [
    `uid=${String(INSTRUMENT_UID)}`,
    `gid=${String(INSTRUMENT_UID)}`,
    `caps=${(options.caps ?? []).join(',')}`,
    `nofile=${String(limits.openFiles)}`,
    ...command.map((word) => `arg=${word}`),
  ];
  await writeFile(join(runDir, 'init.conf'), `${lines.join('\n')}\n`, { mode: 0o644 });
  return {
    name,
    image,
    limits,
    disks: [{ name: 'run', source: runDir, path: '/run/bulkhead', readonly: true }, ...(options.disks ?? [])],
    links: options.links ?? [],
    busPort: at.natsPort,
    labels: { digest: 'test' },
    allowedSources: siteSources(at),
  };
}

/**
 * Builds an image of one static program (`lxd-tiny-init.c`), some 300 kB, into `dir`, for tests that need no system inside.
 * @returns the tarball's path.
 */
export async function tinyImage(dir: string): Promise<string> {
  const root = join(dir, 'tiny', 'rootfs');
  const folders = ['sbin', 'dev', 'proc', 'sys', 'tmp', 'etc', 'root', 'run/bulkhead', 'opt/instrument'];
  for (const folder of [...folders, 'var/lib/instrument'])
    await mkdir(join(root, folder), { recursive: true });
  await compile(join(here, 'lxd-tiny-init.c'), join(root, 'sbin', 'init'));
  const metadata = {
    architecture: 'x86_64',
    creation_date: 1_700_000_000,
    properties: { description: 'tiny' },
  };
  await writeFile(join(dirname(root), 'metadata.yaml'), JSON.stringify(metadata)); // JSON is YAML
  const file = join(dir, 'tiny.tar.gz');
  await run('tar', ['--owner=0', '--group=0', '-C', dirname(root), '-czf', file, 'metadata.yaml', 'rootfs']);
  return file;
}

/** Compiles C files to one static program. */
export async function compile(sources: string | readonly string[], target: string): Promise<void> {
  const files = typeof sources === 'string' ? [sources] : sources;
  await run('gcc', ['-static', '-O1', '-Wall', '-o', target, ...files], { timeoutMs: 120_000 });
}
