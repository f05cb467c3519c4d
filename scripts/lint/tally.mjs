// Counts one tier from vitest's JSON report: node scripts/lint/tally.mjs REPORT EXIT_STATUS
// Prints "PASSED FAILED", then one line for each thing that failed. Its text output is for people and is not read.
import { readFileSync } from 'node:fs';

/**
 * Every test that did not pass counts as failed: one that was skipped, or that never ran because a hook before it failed, has
 * proved nothing. A file that failed without a failing test (it did not load, its clean-up threw) is one failure, and so are a
 * tier that ran no test and a run that ended badly for a reason that no test shows.
 */
export function tally(report, exitStatus) {
  const failures = [];
  let passed = 0;
  for (const file of report?.testResults ?? []) {
    const bad = file.assertionResults.filter((test) => test.status !== 'passed');
    passed += file.assertionResults.length - bad.length;
    for (const test of bad) failures.push(`${file.name}: ${test.fullName} (${why(test)})`);
    if (file.status !== 'passed' && bad.length === 0) {
      failures.push(`${file.name}: ${firstLine(file.message) || 'the file failed'}`);
    }
  }
  if (report === undefined) failures.push(`the tier ended with status ${exitStatus} and left no report`);
  else if (passed === 0 && failures.length === 0) failures.push('the tier ran no test');
  else if (exitStatus !== 0 && failures.length === 0) {
    failures.push(`every test passed, and yet the tier ended with status ${exitStatus}`);
  }
  return { passed, failures };
}

/** The last screen of a log is often all that is kept of a run: what was wrong stands beside the name. */
function why({ status, failureMessages }) {
  const said = String(failureMessages?.[0] ?? '')
    .split('\n    at ', 1)[0]
    .replace(/\s+/g, ' ')
    .trim();
  return said === '' ? status : `${status}: ${said.slice(0, 2000)}`;
}

function firstLine(text) {
  return String(text ?? '').split('\n', 1)[0];
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // never written, or cut short: tally() counts that as a failure
  }
}

const [file, exitStatus] = process.argv.slice(2);
if (file === undefined || exitStatus === undefined) {
  process.stderr.write('usage: node scripts/lint/tally.mjs REPORT EXIT_STATUS\n');
  process.exitCode = 2;
} else {
  const { passed, failures } = tally(readReport(file), Number(exitStatus));
  const lines = failures.map((failure) => failure.replaceAll(`${process.cwd()}/`, ''));
  process.stdout.write([`${passed} ${failures.length}`, ...lines, ''].join('\n'));
}
