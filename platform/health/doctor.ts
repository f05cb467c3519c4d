import { BulkheadError, describeError } from '../kernel/index.ts';
import { CHECKS } from './checks/index.ts';
import type { Check, DoctorParts, Finding, HealthCheck } from './types.ts';

/** Longest that one check may take. */
const CHECK_MS = 5_000;

/**
 * Looks at the machine and says what is missing or weak and what to do. Changes nothing, works without a running sensor
 * and before anything is installed. Checks run side by side; one that throws or hangs is reported as such.
 * @returns findings in the order of the checks; `error` = the sensor cannot run so, `warning` = it runs, but weaker.
 */
export async function runDoctor(
  parts: DoctorParts,
  checks: readonly HealthCheck[] = CHECKS,
): Promise<Check[]> {
  const found = await Promise.all(checks.map(async (check) => runOne(check, parts)));
  return found.flat();
}

async function runOne(check: HealthCheck, parts: DoctorParts): Promise<Check[]> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new BulkheadError({
          code: 'HEALTH_CHECK_TIMEOUT',
          message: `The check did not answer within ${String(CHECK_MS / 1000)} s.`,
        }),
      );
    }, CHECK_MS);
  });
  try {
    const findings = await Promise.race([check.run(parts, abort.signal), tooLong]);
    return (Array.isArray(findings) ? findings : [findings]).map((finding) => named(check, finding));
  } catch (error) {
    return [
      named(check, {
        severity: 'warning',
        text: `This could not be checked: ${describeError(error)}`,
        hint:
          process.geteuid?.() === 0
            ? 'Report this with the output of `bulkhead doctor --json`.'
            : 'Run it as root.',
      }),
    ];
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
}

function named(check: HealthCheck, { title, ...finding }: Finding): Check {
  return { code: check.code, title: title ?? check.title, ...finding };
}
