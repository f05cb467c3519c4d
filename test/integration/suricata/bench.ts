import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run, waitFor } from '@bulkhead/platform/kernel';
import {
  rulesetApply,
  rulesetJob,
  rulesetStatus,
  rulesetTest,
  type Instrument,
  type RulesetFile,
  type RulesetJob,
  type RulesetStatus,
  type RulesetTrial,
} from '@bulkhead/sdk';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { openBusTunnel, type BusTunnel } from './bus-tunnel.ts';
import { placeSuricataApp, suricataManifest } from './app-bundle.ts';
import { unpackImage } from './unpack-image.ts';

/** What `health` replies. */
export interface HealthReply {
  state: string;
  detail?: string;
  counters: Record<string, number>;
}

/** What `resources` and `configure` reply. */
export interface ChangeReply {
  ok: boolean;
  code?: string;
  message?: string;
  detail?: string;
}

/** One published record. */
export interface Published {
  type: string;
  record: Record<string, unknown>;
}

/** The instrument as it runs in its container — image, user, capability, folders, bus — in a network namespace of its own. */
export class SuricataBench {
  readonly folder: string;
  readonly root: string;
  readonly namespace: string;
  readonly tunnel: BusTunnel;
  readonly bus: BusBench;
  /** An instrument that may send every command that Suricata accepts. */
  readonly manager: Instrument;
  /** Everything that the instrument wrote to its log. */
  readonly log: string[] = [];
  #app: ChildProcess | undefined;

  private constructor(
    folder: string,
    namespace: string,
    bus: BusBench,
    tunnel: BusTunnel,
    manager: Instrument,
  ) {
    this.folder = folder;
    this.root = join(folder, 'root');
    this.namespace = namespace;
    this.bus = bus;
    this.tunnel = tunnel;
    this.manager = manager;
  }

  /** Unpacks the image, starts a bus, makes the namespace with `mon0` and its sending end `tap`. */
  static async open(label: string): Promise<SuricataBench> {
    const folder = await mkdtemp(join(tmpdir(), `${label}-`));
    await chmod(folder, 0o711);
    const namespace = `${label}-suricata`;
    await run('ip', ['netns', 'del', namespace], { allowFailure: true });
    await run('ip', ['netns', 'add', namespace]);
    await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    await run('ip', ['-n', namespace, 'link', 'add', 'tap', 'type', 'veth', 'peer', 'name', 'mon0']);
    for (const link of ['tap', 'mon0']) {
      await inNamespace(namespace, ['sysctl', '-qw', `net.ipv6.conf.${link}.disable_ipv6=1`]);
      // Frames of a capture can be larger than an Ethernet frame: the sender's card cut them up later.
      await run('ip', ['-n', namespace, 'link', 'set', link, 'mtu', '65535', 'up']);
    }
    const bus = await openBusBench(label);
    try {
      const manifest = await suricataManifest();
      const rights = { publish: manifest.asks.publish, accept: manifest.asks.accept };
      const send = manifest.asks.accept.map((command) => ({ to: 'suricata', command }));
      const model = busModel([busInstrument('suricata', rights), busInstrument('manager', { send })], {
        streamMib: 256,
      });
      await bus.bus.ensure(model);
      const tunnel = await openBusTunnel(namespace, bus.site.natsPort, join(folder, 'bus.sock'));
      const manager = await bus.instrument(model, 'manager');
      const bench = new SuricataBench(folder, namespace, bus, tunnel, manager);
      await unpackImage(bench.root);
      await placeSuricataApp(bench.root);
      return bench;
    } catch (error) {
      await bus.dispose();
      await run('ip', ['netns', 'del', namespace], { allowFailure: true });
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Starts the app with fresh transient and kept persistent data. */
  async launch(options: Record<string, unknown> = {}, publish?: string[]): Promise<void> {
    const manifest = await suricataManifest();
    const data = join(this.root, 'var/lib/instrument');
    await rm(join(data, 'transient'), { recursive: true, force: true });
    for (const dir of ['persistent', 'transient', 'resources']) {
      await mkdir(join(data, dir), { recursive: true });
      await chown(join(data, dir), 1000, 1000);
    }
    const run_ = join(this.root, 'run/bulkhead');
    const key = join(run_, 'bus.nk');
    await rm(key, { force: true });
    await writeFile(key, this.bus.bus.identity('suricata').seed, { mode: 0o400 });
    await chown(key, 1000, 1000);
    const file = {
      protocol: 1,
      name: 'suricata',
      package: 'suricata',
      version: manifest.version,
      sensor: 'lab',
      bus: { url: 'nats://127.0.0.1:4222', keyFile: '/run/bulkhead/bus.nk' },
      options,
      interfaces: [{ name: 'mon0', kind: 'mirror', monitor: 'mon' }],
      publish: publish ?? manifest.asks.publish,
      read: [],
      send: [],
      accept: manifest.asks.accept,
    };
    await writeFile(join(run_, 'instrument.json'), JSON.stringify(file));
    this.log.length = 0;
    const caps = `-all,${manifest.asks.capabilities.map((name) => `+${name}`).join(',')}`;
    const enter = [
      'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys"',
      `exec chroot "$0" setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs --inh-caps ${caps} --ambient-caps ${caps} --bounding-set ${caps} ${manifest.command.join(' ')}`,
    ].join(' && ');
    const args = ['netns', 'exec', this.namespace, 'unshare', '-m', 'sh', '-c', enter, this.root];
    const app = spawn('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#app = app;
    for (const stream of [app.stdout, app.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.log.push(line));
    }
  }

  /** Starts the app and waits until it captures. */
  async start(options: Record<string, unknown> = {}, publish?: string[]): Promise<void> {
    await this.launch(options, publish);
    await this.until('Suricata to capture', (health) => health.state === 'ok' || health.state === 'degraded');
  }

  /** SIGTERM, as the sensor stops it; resolves with the exit status. */
  async stop(): Promise<number | null> {
    const app = this.#app;
    if (app === undefined || app.exitCode !== null) return app?.exitCode ?? null;
    const exit = once(app, 'exit');
    app.kill('SIGTERM');
    const [code] = (await exit) as [number | null];
    return code;
  }

  get running(): boolean {
    return this.#app !== undefined && this.#app.exitCode === null && this.#app.signalCode === null;
  }

  async health(): Promise<HealthReply> {
    const reply = (await this.bus.bus.request('suricata', 'health', {}, 5_000)) as Partial<HealthReply>;
    return {
      state: reply.state ?? '',
      counters: reply.counters ?? {},
      ...(reply.detail && { detail: reply.detail }),
    };
  }

  /** Waits for a health reply that fits. */
  async until(
    what: string,
    fits: (health: HealthReply) => boolean,
    timeoutMs = 60_000,
  ): Promise<HealthReply> {
    try {
      return await waitFor(
        what,
        timeoutMs,
        async () => {
          if (!this.running) throw new Error('the instrument ended');
          const health = await this.health().catch(() => undefined);
          return health !== undefined && fits(health) ? health : undefined;
        },
        { intervalMs: 100 },
      );
    } catch (error) {
      const last = JSON.stringify(await this.health().catch(String));
      throw new Error(`${String(error)}; ${last}; its log:\n${this.log.slice(-30).join('\n')}`, {
        cause: error,
      });
    }
  }

  async control(command: 'resources' | 'configure', payload: unknown = {}): Promise<ChangeReply> {
    return (await this.bus.bus.request('suricata', command, payload, 60_000)) as ChangeReply;
  }

  /** Puts a file where the platform places the operator's; undefined removes it. */
  async resource(name: string, text: string | Buffer | undefined): Promise<void> {
    const path = join(this.root, 'var/lib/instrument/resources', name);
    if (text === undefined) await rm(path, { force: true });
    else await writeFile(path, text);
  }

  /** Places a file of a managed ruleset, as a delivery does. @returns how an order names it */
  async deliver(name: string, content: string | Buffer): Promise<RulesetFile> {
    await this.resource(name, content);
    return { file: name, sha256: createHash('sha256').update(content).digest('hex') };
  }

  /** Orders a test or an application and waits for its end. */
  async ruleset(kind: 'test' | 'apply', order: RulesetTrial, timeoutMs = 120_000): Promise<RulesetJob> {
    const command = kind === 'test' ? rulesetTest : rulesetApply;
    const { job } = await this.manager.send('suricata', command, order);
    return waitFor(`ruleset.${kind} to end`, timeoutMs, async () => {
      const report = await this.manager.send('suricata', rulesetJob, { job });
      return report.endedAt === undefined ? undefined : report;
    });
  }

  rulesetStatus(): Promise<RulesetStatus> {
    return this.manager.send('suricata', rulesetStatus, {});
  }

  /** Sends a capture file into `mon0`'s other end. */
  async replay(file: string, ...options: string[]): Promise<void> {
    await inNamespace(this.namespace, ['tcpreplay', '-q', '-i', 'tap', ...options, file], 120_000);
  }

  /** Everything stored so far, in order. */
  async events(): Promise<Published[]> {
    const found: Published[] = [];
    const stop = new AbortController();
    const feed = await this.bus.bus.subscribeEvents(
      { instrument: 'suricata', start: 'beginning' },
      (message) => {
        for (const line of Buffer.from(message.body).toString('utf8').split('\n')) {
          if (line !== '')
            found.push({ type: message.type, record: JSON.parse(line) as Record<string, unknown> });
        }
      },
      stop.signal,
    );
    await feed.caughtUp;
    stop.abort();
    await feed.ended;
    return found;
  }

  /** Process id of the running Suricata. */
  async suricataPid(): Promise<number> {
    const { stdout } = await run('pgrep', ['-f', '-n', '^/usr/bin/suricata -c /var/lib/instrument']);
    return Number(stdout.trim());
  }

  async close(): Promise<void> {
    if (this.running) {
      this.#app?.kill('SIGTERM');
      await Promise.race([
        once(this.#app as ChildProcess, 'exit'),
        new Promise((done) => setTimeout(done, 15_000)),
      ]);
    }
    this.#app?.kill('SIGKILL');
    const { stdout } = await run('ip', ['netns', 'pids', this.namespace], { allowFailure: true });
    for (const pid of stdout.split('\n').filter((line) => line !== '')) tryKill(Number(pid));
    await this.tunnel.close();
    await this.bus.dispose();
    await run('ip', ['netns', 'del', this.namespace], { allowFailure: true });
    await rm(this.folder, { recursive: true, force: true });
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

async function inNamespace(namespace: string, args: readonly string[], timeoutMs = 30_000): Promise<string> {
  return (await run('ip', ['netns', 'exec', namespace, ...args], { timeoutMs })).stdout;
}
