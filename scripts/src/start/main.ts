import { BulkheadError, describeError, openLog, sitePaths } from '@bulkhead/platform/kernel';
import type { AttackName } from '../lab/index.ts';
import { joinFleet, openAllInOne, tryAllInOne } from './all-in-one.ts';
import { CHAIN_STAGES, runChain, type ChainParts } from './chain.ts';
import type { RunningFleet } from './fleet-watch.ts';
import { runForeground, type Shown } from './foreground.ts';
import { endLxd, lxdAnswers } from './lxd-daemon.ts';
import { Member } from './member.ts';
import { runOnce, type OnceReport } from './once.ts';
import { parseStartOptions, type StartOptions } from './options.ts';
import { takeDownRemains } from './remains.ts';
import type { RunningSensor } from './running-sensor.ts';
import { availableMemoryMib, tooManyFor } from './sites.ts';
import { Stages, type StageResult } from './stages.ts';

/** Stages that this program shows, the installation before it included; with `--once` in the lab also those of the chain. */
const STAGES = 8;

/**
 * Runs a sensor, or several with their fleet, in the foreground. @returns the exit code: 0 fine, 1 a stage failed, 2 wrong usage, 130 interrupted
 * before it was up.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const options = parseStartOptions(argv);
  if ('exitCode' in options) return options.exitCode;
  const chained = options.once && options.mode.kind === 'lab';
  const further = options.sites.length - 1;
  const stages = new Stages(STAGES + further + (chained ? CHAIN_STAGES : 0), installationStages());
  const interrupted = new AbortController();
  const interrupt = () => {
    if (interrupted.signal.aborted) process.stderr.write('\n(already taking everything down; please wait)\n');
    else process.stderr.write('\nInterrupted: taking everything down ...\n');
    interrupted.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const held: Held = { members: membersOf(options), fleet: undefined, lxdRanBefore: await lxdAnswers() };
  let report: OnceReport | undefined;
  let failure: unknown;
  try {
    report = await bringUp(options, stages, held, interrupted.signal);
  } catch (error) {
    failure = error;
    if (!interrupted.signal.aborted) await explain(error, failedSensor(held));
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
  /** In the order in which they come up. */
  members: readonly [Member, ...Member[]];
  fleet: RunningFleet | undefined;
  /** An LXD daemon that ran before us is somebody's and stays. */
  lxdRanBefore: boolean;
  wasUp?: boolean;
}

/** `lab`, `lab-2`, `lab-3`; on a real NIC the one is called `sensor`. */
function membersOf({ sites, mode }: StartOptions): [Member, ...Member[]] {
  const name = mode.kind === 'interface' ? 'sensor' : mode.kind;
  const log = openLog('start', 'warn');
  const [first, ...others] = sites;
  return [
    new Member({ site: first, mode, name, small: false, log }),
    ...others.map(
      (site, index) => new Member({ site, mode, name: `${name}-${String(index + 2)}`, small: true, log }),
    ),
  ];
}

/** The one that was coming up when it failed. */
function failedSensor({ members }: Held): RunningSensor | undefined {
  return members.findLast(({ sensor }) => sensor !== undefined)?.sensor;
}

async function bringUp(
  options: StartOptions,
  stages: Stages,
  held: Held,
  signal: AbortSignal,
): Promise<OnceReport | undefined> {
  const [first, ...others] = held.members;
  await stages.run('remains', 'Looking for remains of an earlier run', async (progress) => {
    for (const { site } of held.members) await takeDownRemains(site, progress);
    if (others.length > 0) await refuseTooMany(held.members.length);
  });
  signal.throwIfAborted();
  const source = await stages.run('network', 'Making the network to watch', (progress) =>
    first.makeNetwork(progress),
  );
  signal.throwIfAborted();
  const { sensor, client } = await stages.run('sensor', 'Starting the sensor', (progress) =>
    first.startSensor(source, progress, signal),
  );
  await stages.run('instruments', 'Waiting until every instrument runs and sees', (progress) =>
    sensor.untilHealthy(progress, signal),
  );
  source.startTraffic();
  const report = await runOnce({ client, stages, options, signal });
  const { lab } = source;
  const chain = lab && {
    client,
    pageSocket: sitePaths(first.site).pageSocket('rule-manager'),
    source: lab.ruleSource,
    attack: (kind: AttackName) => lab.attack(kind),
    timeoutMs: options.timeoutS * 1000,
    signal,
  };
  if (options.once) {
    held.wasUp = true;
    const run = stages.run.bind(stages);
    return chain === undefined ? report : { ...report, chain: await runChain(chain, run) };
  }
  const shown: [Shown, ...Shown[]] = [{ name: first.name, site: first.site, sensor, client }];
  if (options.fleet) {
    const say = (text: string) => process.stdout.write(`${text}\n`);
    const names = held.members.map(({ name }) => name);
    const parts = { site: first.site, stateDir: sensor.stateDir, names, say };
    held.fleet = others.length === 0 ? await tryAllInOne(parts) : await openAllInOne(parts);
    signal.throwIfAborted();
    if (held.fleet !== undefined && others.length > 0) {
      await joinFleet(held.fleet, first.site, first.name);
      shown.push(...(await bringUpOthers(others, stages, held.fleet, signal)));
      say(`The fleet has ${String(names.length)} sensors: ${names.join(', ')}`);
    }
  }
  held.wasUp = true;
  if (chain !== undefined) showChain(chain);
  await runForeground({ shown, signal });
  return report;
}

/** One after the other: two at once would be slower on a small machine. */
async function bringUpOthers(
  members: readonly Member[],
  stages: Stages,
  fleet: RunningFleet,
  signal: AbortSignal,
): Promise<Shown[]> {
  const shown: Shown[] = [];
  for (const member of members) {
    const { name, site } = member;
    const running = await stages.run(
      name,
      `Starting the sensor ${name}, on a lab of its own`,
      async (progress) => {
        const up = await member.up(progress, signal);
        await joinFleet(fleet, site, name);
        progress('joined the fleet');
        return up;
      },
    );
    signal.throwIfAborted();
    shown.push({ name, site, ...running });
  }
  return shown;
}

/** @throws BulkheadError START_SENSORS_TOO_MANY */
async function refuseTooMany(sensors: number): Promise<void> {
  const why = tooManyFor(sensors, await availableMemoryMib());
  if (why === undefined) return;
  throw new BulkheadError({
    code: 'START_SENSORS_TOO_MANY',
    message: `${why}.`,
    hint: 'Name a smaller number with --sensors, or end something else first.',
    fields: { sensors },
  });
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
  const started = held.members.filter(({ sensor }) => sensor !== undefined);
  const work = async (progress: (text: string) => void) => {
    await held.fleet?.stop();
    // What one of them cannot let go must not keep the others standing.
    const ends = await Promise.allSettled(
      held.members.map((member) =>
        member.down((text) => {
          progress(held.members.length === 1 ? text : `${member.name}: ${text}`);
        }),
      ),
    );
    const failure = ends.find((end) => end.status === 'rejected');
    if (failure === undefined && !held.lxdRanBefore && started.length > 0) await endLxd();
    const left: string[] = [];
    for (const member of held.members) left.push(...(await member.removeData()));
    if (failure !== undefined) throw failure.reason;
    return left;
  };
  try {
    const left = await stages.run('teardown', 'Taking everything down', work);
    const kept =
      options.mode.kind === 'interface' && started[0]?.sensor !== undefined
        ? ` Recorded data stays in ${started[0].sensor.stateDir} (scripts/clean --data removes it).`
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
