import { OPERATOR_DIR } from './rule-files.ts';
import { RuleRefusal } from './rule-refusal.ts';
import { startSuricata, type EngineLine } from './suricata-process.ts';

/** How to test rules. */
export interface RuleTest {
  /** The `suricata` program. */
  program: string;
  /** A complete configuration that names the candidate rules. */
  configPath: string;
  logDir: string;
  timeoutMs: number;
}

/** Most lines of Suricata's complaints that are kept. */
const MAX_LINES = 200;

/**
 * Lets Suricata load a candidate ruleset in a process of its own (`suricata -T`), which is the first to go should memory run
 * out.
 * @throws RuleRefusal SURICATA_RULES_BROKEN with file and line of the first fault, SURICATA_RULES_TEST_FAILED
 */
export async function testRules(test: RuleTest): Promise<void> {
  const lines: EngineLine[] = [];
  const process = startSuricata({
    program: test.program,
    args: ['-T', '-c', test.configPath, '-l', test.logDir, '--init-errors-fatal'],
    oomScoreAdj: 1000,
    onLine: (line) => {
      if (lines.length < MAX_LINES) lines.push(line);
    },
  });
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    void process.stop(0);
  }, test.timeoutMs);
  const exit = await process.exited;
  clearTimeout(timer);
  if (late.signal.aborted) {
    throw new RuleRefusal(
      'SURICATA_RULES_TEST_FAILED',
      `Testing the rules took longer than ${String(test.timeoutMs / 1000)} s.`,
    );
  }
  const errors = lines.filter((line) => line.level === 'error').map((line) => line.message);
  const fault = firstFault(errors);
  if (fault !== undefined) throw fault;
  if (exit.code !== 0) {
    const how = exit.signal === null ? `exit ${String(exit.code)}` : exit.signal;
    const why = errors[0] ?? lines.at(-1)?.message ?? 'it said nothing';
    throw new RuleRefusal(
      'SURICATA_RULES_TEST_FAILED',
      `Suricata did not accept the rules (${how}): ${why.slice(0, 300)}.`,
    );
  }
}

/**
 * The first rule that Suricata could not load. It reports the cause first and then
 * `error parsing signature "..." from file F at line N`.
 */
export function firstFault(errors: readonly string[]): RuleRefusal | undefined {
  const at = errors.findIndex((text) => text.startsWith('error parsing signature'));
  if (at === -1) return undefined;
  const match = /from file (\S+) at line (\d+)/.exec(errors[at] ?? '');
  const file = match?.[1]?.replace(new RegExp(`^.*/${OPERATOR_DIR}/`), '').replace(/^.*\//, '');
  const cause = (errors[at - 1] ?? 'the rule cannot be parsed').slice(0, 300);
  return new RuleRefusal('SURICATA_RULES_BROKEN', `${cause}.`, {
    ...(file === undefined ? {} : { file }),
    ...(match?.[2] === undefined ? {} : { line: Number(match[2]) }),
  });
}
