import { sensorClient, type SensorClient } from '@bulkhead/platform/cli';
import { BulkheadError, describeError, openLog, sitePaths } from '@bulkhead/platform/kernel';
import { openNetwork } from '@bulkhead/platform/network';
import type { AttackName } from '../lab/index.ts';
import { endLxd, lxdAnswers } from './lxd-daemon.ts';
import { CHAIN_STAGES, runChain, type ChainParts } from './chain.ts';
import { parseStartOptions, type StartOptions } from './options.ts';
import { openAllInOne } from './all-in-one.ts';
import type { RunningFleet } from './fleet-process.ts';
import { runForeground } from './foreground.ts';
import { runOnce, type OnceReport } from './once.ts';
import { openSensor, type RunningSensor } from './running-sensor.ts';
import { leftovers, takeDownRemains } from './remains.ts';
import { openSource, type Source } from './source.ts';
import { Stages, type StageResult } from './stages.ts';

/** Stages that this program shows, the installation before it included; with `--once` in the lab also those of the chain. */
const STAGES = 8;

/**
 * Runs a sensor in the foreground. @returns the exit code: 0 fine, 1 a stage failed, 2 wrong usage, 130 interrupted
 * before it was up.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const options = parseStartOptions(argv);
  if ('exitCode' in options) return options.exitCode;
  const chained = options.once && options.mode.kind === 'lab';
  const stages = new Stages(chained ? STAGES + CHAIN_STAGES : STAGES, installationStages());
  const interrupted = new AbortController();
  const interrupt = () => {
    if (interrupted.signal.aborted) process.stderr.write('\n(already taking everything down; please wait)\n');
    else process.stderr.write('\nInterrupted: taking everything down ...\n');
    interrupted.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const held: Held = { source: undefined, sensor: undefined, lxdRanBefore: await lxdAnswers() };
  let report: OnceReport | undefined;
  let failure: unknown;
  try {
    report = await bringUp(options, stages, held, interrupted.signal);
  } catch (error) {
    failure = error;
    if (!interrupted.signal.aborted) await explain(error, held.sensor);
  }
  const left = await takeDown(options, stages, held);
  const ok = failure === undefined && left.length === 0;
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ ok, failedStage: stages.failed?.name, stages: stages.results, ...report, leftBehind: left })}\n`,
    );
  }
  // Should a connection of a library linger, it must not keep a finished run alive.
  setTimeout(() => process.exit(), 3_000).unref();
  if (failure !== undefined && interrupted.signal.aborted) return held.wasUp === true ? 0 : 130;
  return ok ? 0 : 1;
}

interface Held {
  source: Source | undefined;
  sensor: RunningSensor | undefined;
  /** An LXD daemon that ran before us is somebody's and stays. */
  lxdRanBefore: boolean;
  fleet?: RunningFleet | undefined;
  client?: SensorClient;
  wasUp?: boolean;
}

async function bringUp(
  options: StartOptions,
  stages: Stages,
  held: Held,
  signal: AbortSignal,
): Promise<OnceReport | undefined> {
  const at = options.site;
  const log = openLog('start', 'warn');
  await stages.run('remains', 'Looking for remains of an earlier run', (progress) =>
    takeDownRemains(at, progress),
  );
  signal.throwIfAborted();
  const source = await stages.run('network', 'Making the network to watch', async (progress) => {
    const network = openNetwork({ site: at, log });
    held.source = await openSource(options.mode, {
      site: at,
      log,
      checkDevice: (device) => network.checkDevice(device),
    });
    progress(`watching ${held.source.text}`);
    return held.source;
  });
  signal.throwIfAborted();
  const sensor = await stages.run('sensor', 'Starting the sensor', async (progress) => {
    held.sensor = await openSensor(at, options.mode.kind, source, progress, signal);
    return held.sensor;
  });
  held.client = sensorClient(sitePaths(at).sensordSocket);
  await stages.run('instruments', 'Waiting until every instrument runs and sees', (progress) =>
    sensor.untilHealthy(progress, signal),
  );
  source.startTraffic();
  const report = await runOnce({ client: held.client, stages, options, signal });
  held.wasUp = true;
  const { lab } = source;
  const chain = lab && {
    client: held.client,
    pageSocket: sitePaths(at).pageSocket('rule-manager'),
    source: lab.ruleSource,
    attack: (kind: AttackName) => lab.attack(kind),
    timeoutMs: options.timeoutS * 1000,
    signal,
  };
  if (options.once) {
    const run = stages.run.bind(stages);
    return chain === undefined ? report : { ...report, chain: await runChain(chain, run) };
  }
  if (options.fleet) {
    held.fleet = await openAllInOne({
      site: at,
      stateDir: sensor.stateDir,
      name: options.mode.kind === 'interface' ? 'sensor' : options.mode.kind,
      client: held.client,
      say: (text) => process.stdout.write(`${text}\n`),
    });
    signal.throwIfAborted();
  }
  if (chain !== undefined) showChain(chain);
  await runForeground({ client: held.client, sensor, signal });
  return report;
}

/** Lets the chain complete while alerts are shown already. */
function showChain(parts: ChainParts): void {
  const say = (text: string): void => {
    if (!parts.signal.aborted) process.stderr.write(`-- ${text}\n`);
  };
  runChain(parts, (_name, title, work) => {
    say(`${title} ...`);
    return work((text) => {
      say(`   ${text}`);
    });
  }).then(
    () => {
      say('rule source, downloader, rule manager, IDS, alert, names: the whole chain works');
    },
    (error: unknown) => {
      say(describeError(error));
    },
  );
}

async function takeDown(options: StartOptions, stages: Stages, held: Held): Promise<string[]> {
  const work = async (progress: (text: string) => void) => {
    await held.fleet?.stop();
    await held.client?.close();
    await held.sensor?.stop(progress);
    await held.source?.stop();
    if (!held.lxdRanBefore && held.sensor !== undefined) await endLxd();
    if (options.mode.kind !== 'interface') await held.sensor?.removeData();
    return leftovers(options.site);
  };
  try {
    const left = await stages.run('teardown', 'Taking everything down', work);
    const kept =
      options.mode.kind === 'interface' && held.sensor !== undefined
        ? ` Recorded data stays in ${held.sensor.stateDir} (scripts/clean --data removes it).`
        : '';
    process.stderr.write(
      left.length === 0
        ? `Nothing is left behind: no container, link, mount, rule or process.${kept} Images and caches stay for the next start; scripts/clean removes them.\n`
        : `LEFT BEHIND: ${left.join('; ')}\n`,
    );
    return left;
  } catch (error) {
    await explain(error, undefined);
    return ['the take-down itself failed; the next start removes what is left'];
  }
}

/** The installation ran before this program; the shell tells how long it took. */
function installationStages(): StageResult[] {
  const seconds = Number(process.env['BULKHEAD_SETUP_SECONDS'] ?? 0);
  return [{ name: 'setup', seconds: Number.isFinite(seconds) ? seconds : 0, ok: true }];
}

async function explain(error: unknown, sensor: RunningSensor | undefined): Promise<void> {
  if (error instanceof BulkheadError) {
    process.stderr.write(
      `${error.code}: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`,
    );
  } else {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
  if (sensor === undefined) return;
  process.stderr.write(`The end of ${sensor.logFile}:\n${await sensor.logTail(15)}\n`);
}
