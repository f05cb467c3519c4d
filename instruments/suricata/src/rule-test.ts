import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { MAX_FAULTS, type RulesetFault } from '@bulkhead/sdk';
import { checkCapture } from './check-capture.ts';
import { LineSplitter } from './eve-lines.ts';
import { EvePipe } from './eve-pipe.ts';
import { CHECK } from './reserved.ts';
import { shortName } from './rule-files.ts';
import { RuleRefusal, fault, refuseAll } from './rule-refusal.ts';
import { startSuricata, type EngineLine } from './suricata-process.ts';

/** How to test rules. */
export interface RuleTest {
  /** The `suricata` program. */
  program: string;
  /** A complete configuration that names the candidate rules and, as its run folder and EVE output, the two below. */
  configPath: string;
  logDir: string;
  evePath: string;
  /** Folder of the capture on which the rules are tried; the packet of a detection check is put in. Read before it. */
  captureDir: string;
  /** Whether there is such a capture. */
  tried: boolean;
  timeoutMs: number;
  signal: AbortSignal;
}

/** How often a signature fired. */
export interface AlertCount {
  sid: number;
  count: number;
}

/** Most lines of Suricata's complaints that are kept: two for each fault. */
const MAX_LINES = 4 * MAX_FAULTS;
/** Most different signatures that are counted and told. */
const MAX_SIDS = 1_000;
const MAX_EVE_LINE = 4 * 2 ** 20;
/** A run over recorded traffic gives way to the one that watches. */
const NICE = 10;

/**
 * Lets Suricata load a candidate ruleset in a process of its own, as `suricata -T` does, and read a capture with the packet of a
 * detection check in it: rules that load and hide the check (a pass rule, a suppression) are found out before they are live.
 * The process is the first to go should memory run out, and is confined as the one that watches.
 * @returns what fired, most frequent first, the check left out
 * @throws RuleRefusal SURICATA_RULES_BROKEN with every fault, SURICATA_RULES_BLIND, SURICATA_CAPTURE_UNREADABLE,
 *         SURICATA_RULES_TEST_FAILED
 */
export async function testRules(test: RuleTest): Promise<AlertCount[]> {
  await placeCheck(test.captureDir);
  const counts = new Map<number, number>();
  const splitter = new LineSplitter(MAX_EVE_LINE, (line) => {
    count(line, counts);
  });
  const pipe = await EvePipe.create(test.evePath, (chunk) => {
    splitter.push(chunk);
  });
  let lines: EngineLine[];
  try {
    lines = await runToEnd(test);
  } catch (error) {
    pipe.destroy();
    throw error;
  }
  await pipe.finish();
  splitter.end();
  // The rules were loaded, so what is wrong now is the capture; Suricata ends well all the same.
  const unread = lines.find(({ level }) => level === 'error');
  if (test.tried && unread !== undefined) {
    throw new RuleRefusal('SURICATA_CAPTURE_UNREADABLE', sentence(unread.message));
  }
  if (!counts.has(CHECK.signatureId)) {
    throw new RuleRefusal(
      'SURICATA_RULES_BLIND',
      'With these rules the packet of a detection check raises no alert: something hides it.',
    );
  }
  counts.delete(CHECK.signatureId);
  return [...counts]
    .map(([sid, times]) => ({ sid, count: times }))
    .sort((a, b) => b.count - a.count || a.sid - b.sid)
    .slice(0, MAX_SIDS);
}

async function placeCheck(dir: string): Promise<void> {
  const file = join(dir, 'check.pcap');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await rm(file, { force: true });
  await writeFile(file, checkCapture(), { mode: 0o600 });
  // Suricata reads the files of a folder by age; the check is older than anything recorded.
  await utimes(file, 1, 1);
}

async function runToEnd(test: RuleTest): Promise<EngineLine[]> {
  const lines: EngineLine[] = [];
  const process = startSuricata({
    program: test.program,
    args: [
      ...['-r', test.captureDir, '--runmode', 'single'],
      ...['-c', test.configPath, '-l', test.logDir, '--init-errors-fatal'],
    ],
    oomScoreAdj: 1000,
    onLine: (line) => {
      if (lines.length < MAX_LINES) lines.push(line);
    },
  });
  if (test.tried) giveWay(process.pid);
  const late = AbortSignal.any([AbortSignal.timeout(test.timeoutMs), test.signal]);
  const kill = (): void => void process.stop(0);
  late.addEventListener('abort', kill, { once: true });
  const exit = await process.exited;
  late.removeEventListener('abort', kill);
  test.signal.throwIfAborted();
  if (late.aborted) {
    throw new RuleRefusal(
      'SURICATA_RULES_TEST_FAILED',
      `Testing the rules took longer than ${String(test.timeoutMs / 1000)} s.`,
    );
  }
  const errors = lines.filter((line) => line.level === 'error').map((line) => line.message);
  refuseAll(ruleFaults(errors));
  if (exit.code !== 0) {
    const how = exit.signal === null ? `exit ${String(exit.code)}` : exit.signal;
    const why = errors[0] ?? lines.at(-1)?.message ?? 'it said nothing';
    throw new RuleRefusal(
      'SURICATA_RULES_TEST_FAILED',
      `Suricata did not accept the rules (${how}): ${why.slice(0, 300)}.`,
    );
  }
  return lines;
}

/**
 * The rules that Suricata could not load. It reports the cause first and then
 * `error parsing signature "..." from file F at line N`.
 */
export function ruleFaults(errors: readonly string[]): RulesetFault[] {
  return errors
    .flatMap((text, at) => {
      if (!text.startsWith('error parsing signature')) return [];
      const [, file, line] = /from file (\S+) at line (\d+)/.exec(text) ?? [];
      const before = errors[at - 1];
      const cause = before === undefined || before.startsWith('error parsing') ? undefined : before;
      return fault('SURICATA_RULES_BROKEN', sentence(cause ?? 'the rule cannot be parsed'), {
        file: file === undefined ? undefined : shortName(file),
        line: line === undefined ? undefined : Number(line),
      });
    })
    .slice(0, MAX_FAULTS);
}

function count(line: Buffer, counts: Map<number, number>): void {
  if (!line.includes('"event_type":"alert"')) return;
  let sid: unknown;
  try {
    sid = (JSON.parse(line.toString('utf8')) as { alert?: { signature_id?: unknown } }).alert?.signature_id;
  } catch {
    return; // cut off
  }
  if (typeof sid !== 'number' || (counts.size > MAX_SIDS && !counts.has(sid))) return;
  counts.set(sid, (counts.get(sid) ?? 0) + 1);
}

function sentence(text: string): string {
  return `${text.slice(0, 300).replace(/[.\s]+$/, '')}.`;
}

function giveWay(pid: number): void {
  try {
    setPriority(pid, NICE);
  } catch {
    // It has ended already; its exit says why.
  }
}
