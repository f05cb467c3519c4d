import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BulkheadError,
  describeError,
  run,
  withReverter,
  type Logger,
  type Site,
} from '@bulkhead/platform/kernel';
import {
  addNamespace,
  ipBatch,
  linkCounters,
  linkIsUp,
  quietHostEnd,
  receiveInOrder,
  removeLink,
  removeNamespace,
  setInNamespace,
  turnOffloadsOff,
} from '../lab/namespace.ts';
import type { CaptureFacts } from './check-capture.ts';
import { writeWireFile } from './wire-file.ts';

/**
 * How fast to play. With neither, as fast as it was captured (long pauses shortened, see {@link ReplayOptions}; bursts spread to
 * 20,000 frames per second, so that the player does not lose what a wire would not have carried).
 */
export interface PlayOptions {
  /** Frames per second, 1-1,000,000; ignores the capture's times. */
  pps?: number;
  /** Times the capture's own speed, 0.01-10,000. */
  speed?: number;
  signal?: AbortSignal;
}

/** What one {@link Replay.play} did. */
export interface PlayResult {
  /** Frames that the kernel accepted on the replay link. */
  sent: number;
  /** Frames that it refused or dropped there. */
  failed: number;
  seconds: number;
}

/** A capture that can be played onto a monitor interface. */
export interface Replay {
  /** Interface in the host's namespace where the frames arrive; down until the sensor raises it. */
  readonly monitorDevice: string;
  /** Of the capture that is loaded. */
  readonly facts: CaptureFacts;
  /**
   * Puts another capture in place of the loaded one, on the same monitor interface. When it is refused the loaded one stays.
   * @throws BulkheadError START_CAPTURE_*.
   */
  load(file: string, options?: LoadOptions): Promise<CaptureFacts>;
  /**
   * Plays the loaded capture once.
   * @throws BulkheadError START_REPLAY_UNWATCHED (the monitor interface is down), START_REPLAY_FAILED; an abort rejects with
   *         the signal's reason.
   */
  play(options?: PlayOptions): Promise<PlayResult>;
  /** Removes the link, the namespace and the file. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  /** Pauses in the capture longer than this are shortened to it. Default 1000. */
  maxGapMs?: number;
}

export interface ReplayOptions extends LoadOptions {
  site: Site;
  log: Logger;
  /** A pcap or pcapng file. */
  file: string;
}

const INNER_LINK = 'replay0';
const JUMBO_MTU = 9216;
const DEFAULT_MAX_GAP_MS = 1000;
/** Longer than any capture within bounds takes with shortened pauses, and still an end. */
const PLAY_TIMEOUT_MS = 24 * 3_600_000;

/**
 * Checks a capture and makes a pair of links: one end in the host's namespace for the sensor to watch, the other in a
 * namespace of its own where the frames are sent. They pass no interface of the host but the monitor's end.
 * @throws BulkheadError START_CAPTURE_* (see checkCapture), before any link is made.
 */
export async function openReplay({ site, log, file, maxGapMs }: ReplayOptions): Promise<Replay> {
  const names = replayNames(site);
  await removeReplay(site); // leftovers of a crash
  const report = (error: unknown, what: string) => {
    log.warn({ error: describeError(error) }, `could not undo ${what}`);
  };
  return withReverter(report, async (undo) => {
    await mkdir(names.dir, { recursive: true, mode: 0o700 });
    undo.add('replay folder', () => rm(names.dir, { recursive: true, force: true }));
    const loaded = await loadCapture(names, file, maxGapMs);
    await addNamespace(names.namespace);
    undo.add('replay namespace', () => removeNamespace(names.namespace));
    // Without IPv6 the sending end stays silent: everything that arrives at the sensor is from the capture.
    await setInNamespace(names.namespace, 'net.ipv6.conf.default.disable_ipv6', '1');
    await ipBatch(undefined, [
      `link add ${names.monitor} mtu ${String(JUMBO_MTU)} type veth peer name ${INNER_LINK} mtu ${String(JUMBO_MTU)} netns ${names.namespace}`,
    ]);
    undo.add('replay link', () => removeLink(names.monitor));
    await quietHostEnd(names.monitor);
    await Promise.all([
      receiveInOrder(undefined, names.monitor),
      turnOffloadsOff(names.namespace, INNER_LINK),
    ]);
    await ipBatch(names.namespace, [`link set ${INNER_LINK} arp off`, `link set ${INNER_LINK} up`]);
    const { packets, frames } = loaded.facts;
    log.info({ file, packets, frames, monitor: names.monitor }, 'replay ready');
    return new RunningReplay(site, names, loaded);
  });
}

/** Removes a site's replay, whoever made it and however it ended. */
export async function removeReplay(site: Site): Promise<void> {
  const names = replayNames(site);
  await removeLink(names.monitor);
  await removeNamespace(names.namespace);
  await rm(names.dir, { recursive: true, force: true });
}

interface ReplayNames {
  namespace: string;
  monitor: string;
  dir: string;
}

function replayNames(site: Site): ReplayNames {
  return {
    namespace: `${site.prefix}-replay`,
    monitor: `${site.prefix}replay`,
    dir: join(site.cacheDir, `replay-${site.prefix}`),
  };
}

/** A capture and the file that is played of it. */
interface Loaded {
  facts: CaptureFacts;
  wireFile: string;
}

async function loadCapture(names: ReplayNames, file: string, maxGapMs?: number): Promise<Loaded> {
  const wireFile = join(names.dir, `${randomUUID()}.pcap`);
  try {
    return { facts: await writeWireFile(file, wireFile, maxGapMs ?? DEFAULT_MAX_GAP_MS), wireFile };
  } catch (error) {
    await rm(wireFile, { force: true });
    throw error;
  }
}

/** INVARIANTS: plays and loads run one at a time, in the order of their calls. */
class RunningReplay implements Replay {
  readonly monitorDevice: string;
  readonly #site: Site;
  readonly #names: ReplayNames;
  #loaded: Loaded;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(site: Site, names: ReplayNames, loaded: Loaded) {
    this.monitorDevice = names.monitor;
    this.#site = site;
    this.#names = names;
    this.#loaded = loaded;
  }

  get facts(): CaptureFacts {
    return this.#loaded.facts;
  }

  load(file: string, { maxGapMs }: LoadOptions = {}): Promise<CaptureFacts> {
    return this.#inTurn(async () => {
      const next = await loadCapture(this.#names, file, maxGapMs);
      await rm(this.#loaded.wireFile, { force: true });
      this.#loaded = next;
      return next.facts;
    });
  }

  play(options: PlayOptions = {}): Promise<PlayResult> {
    return this.#inTurn(() => play(this.#names, this.#loaded, options));
  }

  stop(): Promise<void> {
    return removeReplay(this.#site);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

async function play(
  names: ReplayNames,
  { wireFile, facts }: Loaded,
  { pps, speed, signal }: PlayOptions,
): Promise<PlayResult> {
  signal?.throwIfAborted();
  if (!(await linkIsUp(names.monitor))) {
    throw new BulkheadError({
      code: 'START_REPLAY_UNWATCHED',
      message: `The monitor interface ${names.monitor} is down; the frames of ${facts.path} would be lost unseen.`,
      hint: "Attach the replay's monitor interface to the sensor first.",
      fields: { device: names.monitor },
    });
  }
  const before = await linkCounters(names.namespace, INNER_LINK);
  const started = performance.now();
  const rate =
    pps !== undefined
      ? [`--pps=${bounded(pps, 1, 1_000_000)}`]
      : [`--multiplier=${bounded(speed ?? 1, 0.01, 10_000)}`];
  // Root in a namespace of our own: tcpreplay needs a raw socket there and touches no link of the host.
  const command = [
    'netns',
    'exec',
    names.namespace,
    'tcpreplay',
    '--quiet',
    `--intf1=${INNER_LINK}`,
    ...rate,
  ];
  try {
    await run('ip', [...command, wireFile], {
      timeoutMs: PLAY_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new BulkheadError({
      code: 'START_REPLAY_FAILED',
      message: `Replaying ${facts.path} failed: ${describeError(cause)}`,
      fields: { path: facts.path },
      cause,
    });
  }
  const after = await linkCounters(names.namespace, INNER_LINK);
  const sent = after.txPackets - before.txPackets;
  return { sent, failed: facts.frames - sent, seconds: (performance.now() - started) / 1000 };
}

function bounded(value: number, least: number, most: number): string {
  return String(Math.min(most, Math.max(least, value)));
}
