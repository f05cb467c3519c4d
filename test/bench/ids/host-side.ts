import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog, run, waitFor } from '@bulkhead/platform/kernel';
import { openReplay } from '@bulkhead/scripts/replay';
import { readMtu } from '../../../instruments/suricata/src/budget.ts';
import { renderConfig } from '../../../instruments/suricata/src/config.ts';
import { OptionsSchema } from '../../../instruments/suricata/src/options.ts';
import { unpackImage } from '../../integration/suricata/unpack-image.ts';
import { testSite } from '../../support/sensor.ts';
import { findProcess, processorNs } from './processor-time.ts';
import { SETTLE_MS, type Counts, type Side } from './side.ts';

const PREFIX = { host: 'b78', debian: 'b79' } as const;

/**
 * The same Suricata binary directly on the host, as root, EVE to a file: with the configuration that the instrument writes, or
 * with Debian's own as it is installed. The rules are those of the instrument.
 */
export async function openHostSide(
  name: 'host' | 'debian',
  folder: string,
  capture: string,
  filesDir: string,
): Promise<Side> {
  const root = join(folder, `${name}-root`);
  await unpackImage(root);
  const logDir = join(root, 'var/log/ids');
  await mkdir(logDir, { recursive: true });
  await cp(join(filesDir, 'rules'), join(root, 'etc/suricata/rules'), { recursive: true });
  const at = testSite(PREFIX[name]);
  const replay = await openReplay({ site: at, log: openLog('ids', 'error'), file: capture });
  const device = replay.monitorDevice;
  await run('ip', ['link', 'set', device, 'up']);
  const command = [
    '/usr/bin/suricata',
    '--af-packet',
    '-l',
    '/var/log/ids',
    '-c',
    '/var/log/ids/suricata.yaml',
  ];
  if (name === 'host') {
    await writeFile(join(logDir, 'suricata.yaml'), await instrumentConfig(filesDir, device));
  } else {
    const text = await readFile(join(root, 'etc/suricata/suricata.yaml'), 'utf8');
    const changes: [RegExp, string][] = [
      [/^ {2}- interface: eth0$/gm, `  - interface: ${device}`],
      [/^default-rule-path: .*$/m, 'default-rule-path: /etc/suricata/rules'],
      [/^ {2}- suricata\.rules$/m, '  - reserved.rules\n  - starter.rules'],
      [/^ {2}filename: \/var\/run\/.*$/m, '  filename: /var/log/ids/command.sock'],
    ];
    await writeFile(
      join(logDir, 'suricata.yaml'),
      changes.reduce((now, [from, to]) => now.replace(from, to), text),
    );
  }
  const enter =
    'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"';
  const child = spawn('unshare', ['-m', 'sh', '-c', enter, root, ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (part: Buffer) => {
    said = (said + part.toString('utf8')).slice(-4_000);
  });
  const exited = once(child, 'exit');
  const remove = async (): Promise<void> => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await exited;
    await replay.stop();
    await rm(root, { recursive: true, force: true });
  };
  try {
    await waitFor('Suricata on the host', 60_000, async () => {
      if (child.exitCode !== null)
        throw new Error(`Suricata on the host ended: exit ${String(child.exitCode)}: ${said}`);
      const log = await readFile(join(logDir, 'suricata.log'), 'utf8').catch(() => '');
      return (said + log).includes('Engine started');
    });
    const pid = await findProcess(new RegExp(`^/usr/bin/suricata .*/var/log/ids`), root);
    let sent = 0;
    return {
      name,
      round: async (next, pps) => {
        await replay.load(next);
        const before = await processorNs(pid);
        const played = await replay.play({ pps });
        await sleep(SETTLE_MS);
        sent += played.sent + played.failed;
        return { packets: played.sent, suricataNs: (await processorNs(pid)) - before };
      },
      finish: async () => {
        process.kill(pid, 'SIGTERM');
        await exited;
        const eve = join(logDir, 'eve.json');
        return { lost: sent - (await decodedPackets(eve)), events: await countFile(eve) };
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What the instrument would write for this machine, but for EVE into a file. */
async function instrumentConfig(filesDir: string, device: string): Promise<string> {
  return renderConfig(await readFile(join(filesDir, 'suricata.yaml'), 'utf8'), {
    options: OptionsSchema.parse({}),
    interfaces: [{ name: device, mtu: await readMtu(device) }],
    // The instrument's default limits: both sides are given the same.
    budget: { memoryMib: 3072, cores: Math.min(2, availableParallelism()) },
    landlock: true,
    paths: {
      runDir: '/var/log/ids',
      configDir: '/var/log/ids',
      rulesDir: '/etc/suricata/rules',
      ruleFiles: ['reserved.rules', 'starter.rules'],
      evePath: '/var/log/ids/eve.json',
      commandSocket: '/var/log/ids/command.sock',
    },
  });
}

/** Packets that the decoder saw, from the last record of statistics, which Suricata writes when it ends. */
async function decodedPackets(file: string): Promise<number> {
  const { stdout } = await run('sh', ['-c', 'grep -a \'"event_type":"stats"\' "$0" | tail -n 1', file]);
  const record = JSON.parse(stdout) as { stats: { decoder: { pkts: number } } };
  return record.stats.decoder.pkts;
}

async function countFile(file: string): Promise<Counts> {
  const counts: Counts = {};
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const type = /"event_type":"([a-z0-9_]+)"/.exec(line)?.[1] ?? 'none';
    counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}
