import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Hub } from '@bulkhead/fleet-server/events';
import { HUB_LOG } from '../../support/fleet/hub-bench.ts';

test('without nats-server, or with something else in its place, the fleet says which file is missing and what to do', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-hub-missing-'));
  const other = join(dir, 'no-program');
  await writeFile(other, 'of a test', { mode: 0o644 });
  try {
    for (const natsServer of [join(dir, 'nats-server'), other]) {
      await expect(Hub.open({ dir: join(dir, 'nats'), natsServer, log: HUB_LOG })).rejects.toMatchObject({
        code: 'FLEET_HUB_START_FAILED',
        message: expect.stringContaining(natsServer) as string,
        hint: expect.stringContaining('events.natsServer') as string,
      });
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
