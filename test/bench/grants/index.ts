import { run, sitePaths, site } from '@bulkhead/platform/kernel';
import type { Bench, BenchContext, Measurement } from '../result.ts';
import { measureRevocations } from './revocations.ts';
import { measureThroughput } from './throughput.ts';

/** Taking rights away on a bus with 50 instruments, and what 50 accounts cost one publisher. */
export const bench: Bench = {
  name: 'grants',
  title:
    'taking rights away with 50 instruments connected: publish, outstanding pull and message; throughput with 50 accounts against 2',
  timeoutMs: 400_000,
  run: measure,
};

async function measure(context: BenchContext): Promise<Measurement> {
  const revocations = await measureRevocations(context);
  const throughput = await measureThroughput(context);
  const version = await run(sitePaths(site()).natsServer, ['--version']);
  return {
    figures: [...revocations, ...throughput.figures],
    targets: [
      { figure: 'revoked_p99_ms', max: 1_000 },
      { figure: 'events_after_revocation', max: 0 },
      { figure: 'others_reconnects', max: 0 },
      { figure: 'others_publish_errors', max: 0 },
      { figure: 'throughput_50_over_2', min: 0.98 },
    ],
    versions: { 'nats-server': version.stdout.trim().replace(/^nats-server: v/, '') },
    notes: [
      'a revocation takes the rights to publish, to read and to send at once; its time is from the call that changes the bus to the last of the three refusals, as the instrument sees it',
      'the time of a revocation is that of nats-server checking and taking the new configuration, and of comparing the streams before it; both grow with the number of instruments and with other busy programs',
      `throughput: ${String(throughput.pairs)} pairs of rounds, in turns, with servers that are started anew every 20`,
    ],
  };
}
