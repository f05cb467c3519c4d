import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openInstrument, rulesetApply, rulesetJob } from '@bulkhead/sdk';

const instrument = await openInstrument();
const outbox = join(instrument.persistentDir, 'outbox');
await mkdir(outbox, { recursive: true });
let known = '';

/** From the file to the live rules, as a rule manager would. */
async function apply(): Promise<void> {
  const source = join(instrument.resourcesDir, 'rules');
  const began = performance.now();
  const bytes = await readFile(source).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined; // nothing was placed yet
  });
  if (bytes === undefined) return;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 === known) return;
  known = sha256;
  const file = `ruleset-${sha256.slice(0, 12)}.rules`;
  await copyFile(source, join(outbox, sha256));
  await instrument.ask(
    'deliver',
    { sha256, bytes: bytes.length, to: 'suricata', as: file, announce: false },
    { timeoutMs: 60_000 },
  );
  const delivered = performance.now();
  const version = sha256.slice(0, 12);
  const { job } = await instrument.send('suricata', rulesetApply, { version, rules: { file, sha256 } });
  let report = await instrument.send('suricata', rulesetJob, { job });
  while (report.endedAt === undefined) {
    await sleep(100);
    report = await instrument.send('suricata', rulesetJob, { job }, { timeoutMs: 60_000 });
  }
  const seconds = { total: (performance.now() - began) / 1000, delivery: (delivered - began) / 1000 };
  await instrument.publish('bench.applied', { seconds, report });
  await rm(join(outbox, sha256), { force: true });
}

instrument.health(() => ({ state: 'ok' }));
instrument.onResources(() => {
  apply().catch((error: unknown) => {
    void instrument.publish('bench.applied', { error: String(error) });
  });
  return { ok: true };
});
await new Promise<void>((resolve) => {
  instrument.stopping.addEventListener('abort', () => {
    resolve();
  });
});
await instrument.close();
