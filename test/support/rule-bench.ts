import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  rulesetApply,
  rulesetJob,
  rulesetStatus,
  rulesetTest,
  type Instrument,
  type RulesetFault,
  type RulesetJob,
  type RulesetOrder,
} from '@bulkhead/sdk';
import { waitFor } from '@bulkhead/platform/kernel';
import { RuleManagerApp } from '../../instruments/rule-manager/src/app.ts';
import type {
  OperationName,
  OperationRequest,
  OperationResults,
  Overview,
} from '../../instruments/rule-manager/src/api-types.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from './nats.ts';

const COMMANDS = [rulesetTest.name, rulesetApply.name, rulesetJob.name, rulesetStatus.name];
const OPERATIONS: OperationName[] = ['overview', 'sources.list', 'ruleset.deploy', 'suppression.add'];

/** An instrument that answers `ruleset.*` through the sdk and reads what was delivered to it; what it thinks of rules is said by the test. */
export interface TestIds {
  readonly name: string;
  readonly resourcesDir: string;
  /** What runs. */
  applied: RulesetOrder | undefined;
  /** Says what is wrong with a ruleset; nothing = it is taken. */
  judge: (rules: string, thresholds: string, file: string) => RulesetFault[];
  /** While true, tests take for ever. */
  hangs: boolean;
  tested: number;
}

/** A rule manager on a real bus, IDSs beside it, and the platform's deliveries and downloads. */
export interface RuleBench {
  bus: BusBench;
  app: RuleManagerApp;
  instrument: Instrument;
  folder: string;
  ids: ReadonlyMap<string, TestIds>;
  /** What was asked of `download.request`. */
  downloads: { name: string; url: string; as: string }[];
  /** Sends an operation over HTTP, as an operator unless said otherwise. */
  http: (
    operation: string,
    request: unknown,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; body: Record<string, unknown> }>;
  call: <N extends OperationName>(operation: N, request: OperationRequest<N>) => Promise<OperationResults[N]>;
  overview: () => Promise<Overview>;
  /** Waits until every IDS runs what is wanted. */
  settled: (label: string) => Promise<Overview>;
  /** Stops the rule manager, whatever it is doing, and starts it again on the same folder. */
  restart: (between?: () => void) => Promise<void>;
  /** The bus end of an IDS, to publish alerts with. */
  sender: (name: string) => Instrument;
  dispose: () => Promise<void>;
}

export const OPERATOR = { 'x-bulkhead-user': 'ada', 'x-bulkhead-roles': 'operator' };

/** @param options of the instrument; changes are deployed at once unless said otherwise */
export async function openRuleBench(
  options: Record<string, unknown> = {},
  idsNames: readonly string[] = ['suricata'],
): Promise<RuleBench> {
  const folder = mkdtempSync(join(tmpdir(), 'brules-'));
  const model = busModel([
    ...idsNames.map((name) => busInstrument(name, { accept: COMMANDS, publish: ['alert'] })),
    busInstrument('rule-manager', {
      publish: ['ruleset.deployed', 'ruleset.refused'],
      accept: OPERATIONS,
      read: idsNames.map((from) => ({ from, type: 'alert' })),
      send: idsNames.flatMap((to) => COMMANDS.map((command) => ({ to, command }))),
      services: ['deliver', 'download.request'],
    }),
    busInstrument('portal', {
      send: OPERATIONS.map((command) => ({ to: 'rule-manager', command })),
      read: [{ from: 'rule-manager', type: 'ruleset.deployed' }],
    }),
  ]);
  const dataDir = (name: string) => join(folder, name);
  for (const name of [...idsNames, 'rule-manager']) {
    for (const part of ['persistent', 'transient', 'resources'])
      mkdirSync(join(dataDir(name), part), { recursive: true });
  }
  const bus = await openBusBench('brm');
  await bus.bus.ensure(model);
  const ids = new Map<string, TestIds>();
  const ends = new Map<string, Instrument>();
  for (const name of idsNames) {
    const end = await bus.instrument(model, name, { dataDir: dataDir(name) });
    ends.set(name, end);
    ids.set(name, answerRulesets(end));
  }
  bus.bus.serve('deliver', (from, payload) => Promise.resolve(deliver(folder, from, payload)));
  const downloads: RuleBench['downloads'] = [];
  bus.bus.serve('download.request', (_from, payload) => {
    const { name, url, as } = payload as RuleBench['downloads'][number];
    downloads.push({ name, url, as });
    return Promise.resolve({ state: 'waiting' });
  });
  const start = async () => {
    const instrument = await bus.instrument(model, 'rule-manager', { dataDir: dataDir('rule-manager') });
    const app = await RuleManagerApp.open(instrument, { httpPort: 0, pollMs: 20 });
    app.configure({ quietS: 0, checkS: 1, ...options });
    await app.start();
    return { instrument, app };
  };
  const bench: RuleBench = {
    bus,
    folder,
    ids,
    downloads,
    ...(await start()),
    http: async (operation: string, request: unknown, headers: Record<string, string> = OPERATOR) => {
      const response = await fetch(`http://127.0.0.1:${String(bench.app.httpPort)}/api/${operation}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof request === 'string' ? request : JSON.stringify(request),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    call: async <N extends OperationName>(operation: N, request: OperationRequest<N>) => {
      const { body } = await bench.http(operation, request);
      if (body['ok'] !== true) throw new Error(JSON.stringify(body));
      return body['result'] as OperationResults[N];
    },
    overview: () => bench.call('overview', {}),
    settled: (label: string) =>
      waitFor(label, 60_000, async () => {
        const overview = await bench.overview();
        const { wanted, targets, pending } = overview;
        const live =
          wanted !== undefined && targets.length > 0 && targets.every(({ state }) => state === 'live');
        return live && !pending && overview.job?.endedAt !== undefined ? overview : undefined;
      }),
    restart: async (between) => {
      await bench.instrument.close();
      between?.();
      Object.assign(bench, await start());
    },
    sender: (name) => ends.get(name)!,
    dispose: async () => {
      await bus.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

/** The platform's part: copies from the sender's outbox, as the sensor does, and takes away what is named. */
function deliver(folder: string, from: string, payload: unknown): unknown {
  const { sha256, bytes, to, as, remove } = payload as {
    sha256: string;
    bytes: number;
    to: string;
    as: string;
    remove: string[];
  };
  const outbox = join(folder, from, 'persistent', 'outbox', sha256);
  const resources = join(folder, to, 'resources');
  if (!existsSync(outbox)) throw new Error(`nothing in the outbox for ${as}`);
  copyFileSync(outbox, join(resources, as));
  for (const name of remove) if (name !== as) rmSync(join(resources, name), { force: true });
  return { as, bytes, sha256, changed: true };
}

function answerRulesets(instrument: Instrument): TestIds {
  const jobs = new Map<string, RulesetJob>();
  const ids: TestIds = {
    name: instrument.name,
    resourcesDir: instrument.resourcesDir,
    applied: undefined,
    judge: () => [],
    hangs: false,
    tested: 0,
  };
  const read = (file: { file: string; sha256: string } | undefined): string => {
    if (file === undefined) return '';
    const bytes = readFileSync(join(instrument.resourcesDir, file.file));
    if (createHash('sha256').update(bytes).digest('hex') !== file.sha256) throw new Error('another digest');
    return bytes.toString('utf8');
  };
  const begin = (kind: 'test' | 'apply', order: RulesetOrder): { job: string } => {
    const job = randomBytes(6).toString('hex');
    const rules = read(order.rules);
    ids.tested += 1;
    const faults = ids.judge(rules, read(order.thresholds), order.rules.file);
    if (kind === 'apply' && faults.length === 0) ids.applied = order;
    const times = { startedAt: new Date().toISOString(), endedAt: new Date().toISOString() };
    const failed = { state: 'failed' as const, code: 'SURICATA_RULES_BROKEN', message: 'not taken', faults };
    jobs.set(job, {
      job,
      kind,
      version: order.version,
      ruleCount: rules.split('\n').length - 1,
      testSeconds: 1,
      ...times,
      ...(faults.length === 0 ? { state: 'done' as const } : failed),
    });
    return { job };
  };
  instrument.handle(rulesetTest, ({ capture: _capture, ...order }) => begin('test', order));
  instrument.handle(rulesetApply, (order) => begin('apply', order));
  instrument.handle(rulesetJob, ({ job }) => {
    const found = jobs.get(job);
    if (found === undefined) throw new Error('no such job');
    return ids.hangs ? { ...found, state: 'testing' as const } : found;
  });
  instrument.handle(rulesetStatus, () => ({
    source: 'wanted' as const,
    version: ids.applied?.version ?? null,
    appliedAt: null,
    managed: ids.applied !== undefined,
    digest: '',
    files: [],
    rules: ids.applied === undefined ? 0 : read(ids.applied.rules).split('\n').length - 1,
    loaded: 0,
    failed: 0,
    lastReload: null,
    refusal: null,
  }));
  return ids;
}

/** Text of what an IDS runs. */
export function runs(ids: TestIds): { rules: string; thresholds: string } {
  const text = (file: string | undefined) =>
    file === undefined ? '' : readFileSync(join(ids.resourcesDir, file), 'utf8');
  return { rules: text(ids.applied?.rules.file), thresholds: text(ids.applied?.thresholds?.file) };
}

/** Files at an IDS. */
export function deliveredFiles(ids: TestIds): string[] {
  return readdirSync(ids.resourcesDir).sort();
}
