import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SensorStatus } from '@bulkhead/platform/contracts';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { DebianSystem, type Release } from '../support/debian-system.ts';
import { dnsConversation, makePcap } from '../support/lab-frames.ts';
import { commandsOf, fillIn } from '../support/readme.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OURS = /sensord|nats-server|bulkhead\.mjs|\/opt\/instrument/;

let made = '';
let version = '';
let newer = '';

/** The README's own commands, with what it leaves open filled in. */
async function readme(chapter: string, block: number, at = version): Promise<string> {
  const commands = (await commandsOf(chapter))[block];
  if (commands === undefined)
    throw new Error(`the README's chapter ${chapter} has no block ${String(block)}`);
  return fillIn(commands, { version: at, interface: 'mon7' });
}

async function statusOf(system: DebianSystem): Promise<SensorStatus | undefined> {
  const { stdout, exitCode } = await system.run('bulkhead status --json', { allowFailure: true });
  return exitCode === 0 ? (JSON.parse(stdout) as SensorStatus) : undefined;
}

/** Healthy, and a detection check of this start came back as an event. */
async function seeing(system: DebianSystem): Promise<SensorStatus> {
  let last: SensorStatus | undefined;
  return waitFor('the sensor to see', 180_000, async () => {
    last = await statusOf(system);
    const [monitor] = last?.monitors ?? [];
    return last?.healthy === true && monitor?.check.state === 'ok' ? last : undefined;
  }).catch(async (error: unknown) => {
    const log = await system.run('journalctl -u bulkhead-sensord -u bulkhead -o cat -n 40 --no-pager', {
      allowFailure: true,
    });
    throw new Error(`${String(error)}\n${JSON.stringify(last)}\n${log.stdout.slice(-4_000)}`);
  });
}

/** Stored DNS records, oldest first. */
async function dnsEvents(system: DebianSystem): Promise<string[]> {
  const { stdout } = await system.run('bulkhead events tail --no-follow --type dns --last 1000 --json');
  return stdout.split('\n').filter(Boolean);
}

/** What runs, stands or is mounted in the system, of ours. */
async function standing(system: DebianSystem): Promise<string[]> {
  const { stdout } = await system.run(`
    for process in /proc/[0-9]*; do tr '\\0' ' ' <"$process/cmdline" 2>/dev/null; echo; done
    cut -d' ' -f2 /proc/self/mounts
    ip -o link | cut -d' ' -f2 | sed 's/^bh/link bh/'
    nft list tables
    lxc project list -f csv </dev/null
    lxc storage list -f csv </dev/null`);
  return stdout
    .split('\n')
    .filter((line) => OURS.test(line) || /bulkhead|^link bh|_bh|table .* bh_/.test(line))
    .filter((line) => !line.includes('for process in'));
}

beforeAll(async () => {
  made = await mkdtemp('/var/tmp/bulkhead-package-');
  await writeFile(join(made, 'sudo'), '#!/bin/sh\nexec "$@"\n');
  await chmod(join(made, 'sudo'), 0o755);
  // The machine's own settings: where npm's registry is, and by what authority.
  const environment = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const here = {
    cwd: ROOT,
    timeoutMs: 900_000,
    env: { ...environment, PATH: `${made}:${environment['PATH'] ?? ''}` },
  };
  await run('bash', ['-euc', await readme('Install', 0)], here);
  const house = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  version = house.version;
  newer = `${version}+next`;
  await run(join(ROOT, 'scripts/package'), ['--output', made, '--version', newer, '--suite', '12'], here);
}, 900_000);

afterAll(async () => {
  if (made !== '') await rm(made, { recursive: true, force: true });
});

describe.each<{ release: Release }>([{ release: '12' }, { release: '13' }])(
  'Debian $release',
  ({ release }) => {
    const bundle = () => `bulkhead-${version}-offline`;
    let system: DebianSystem;
    let stored: string[] = [];

    beforeAll(async () => {
      system = await DebianSystem.unpack(release);
      for (const file of [`${bundle()}.tar`, `${bundle()}.tar.sha256`]) {
        await system.copy(join(ROOT, 'build/package', file), `/root/${file}`);
      }
      await writeFile(
        join(system.tree, 'root/dns.pcap'),
        makePcap(dnsConversation().map((packet, at) => ({ ...packet, time: 1 + at / 100 }))),
      );
      await system.boot();
    }, 180_000);

    afterAll(async () => {
      await system.dispose();
    }, 60_000);

    if (release === '12') {
      test('refuses a bundle that was cut off or damaged, by the name of the file, and changes nothing', async () => {
        const before = await system.run('dpkg-query -W');
        await system.run(`
        mkdir broken
        head --bytes=200M ${bundle()}.tar >broken/cut.tar
        ! tar --extract --file broken/cut.tar --directory broken 2>/dev/null`);
        const cut = await system.run(`broken/${bundle()}/install`, { allowFailure: true });
        expect(cut.exitCode).toBe(1);
        expect(cut.stderr).toMatch(/^missing: debian-13\/.*\.deb$/m);
        expect(cut.stderr).toContain('Nothing was changed.');
        await system.run(`
        rm -r broken
        tar --extract --file ${bundle()}.tar
        printf x | dd of="$(ls ${bundle()}/debian-12/nftables_*.deb)" bs=1 seek=1000 conv=notrunc status=none
        echo stray >${bundle()}/stray`);
        const damaged = await system.run(`${bundle()}/install`, { allowFailure: true });
        expect(damaged.exitCode).toBe(1);
        expect(damaged.stderr).toMatch(/^damaged: debian-12\/nftables_.*\.deb$/m);
        expect(damaged.stderr).toContain('Nothing was changed.');
        await system.run(`rm -r ${bundle()}`);
        expect((await system.run('dpkg-query -W')).stdout).toBe(before.stdout);
      });
    }

    test('installs without a network, as the README says, and starts harmlessly', async () => {
      const links = await system.run('ls /sys/class/net');
      expect(links.stdout.split('\n').filter(Boolean)).toEqual(['lo']);
      const { stdout } = await system.run(await readme('Install', 1));
      expect(stdout).toContain(`Bulkhead ${version} is installed.`);
      const status = await waitFor('sensord', 30_000, () => statusOf(system));
      expect(status).toMatchObject({ healthy: true, monitors: [], instruments: [] });
      const units = await system.run(
        'systemctl is-enabled bulkhead; systemctl is-active bulkhead bulkhead-sensord',
      );
      expect(units.stdout.split('\n').filter(Boolean)).toEqual(['enabled', 'active', 'active']);
    });

    test('watches the interface that the README has named, and stores what it saw', async () => {
      await system.run('systemctl start card');
      const { stdout } = await system.run(`set +e\n${await readme('Install', 2)}`, { allowFailure: true });
      // Not healthy at once, and its exit code says so; what it shows and what the doctor finds is there.
      expect(stdout).toMatch(/^sensor: [^]*^ok +Rights/m);
      await seeing(system);
      await system.run('tcpreplay --quiet --intf1 wire dns.pcap');
      stored = await waitFor('DNS records', 60_000, async () => {
        const events = await dnsEvents(system);
        return events.length >= 2 ? events : undefined;
      });
    });

    test('comes back by itself after a reboot, with what it had stored', async () => {
      await system.run('systemctl --quiet enable card');
      await system.reboot();
      await seeing(system);
      expect(await dnsEvents(system)).toEqual(stored);
    });

    if (release === '12') {
      test('a restart of sensord leaves instruments and bus running', async () => {
        const processes = async () =>
          (await system.run('pgrep -x nats-server; bulkhead instrument list --json')).stdout;
        const pids = async () => (await statusOf(system))?.instruments.map(({ pid }) => pid);
        const before = [await processes(), await pids()];
        await system.run('systemctl restart bulkhead-sensord');
        await seeing(system);
        expect([(await processes()).split('\n')[0], await pids()]).toEqual([
          String(before[0]).split('\n')[0],
          before[1],
        ]);
      });

      test('the chapter on sizing can be followed', async () => {
        const { stdout } = await system.run(await readme('Sizing', 0));
        expect(stdout).toContain('sensor: healthy');
      });

      test('a backup is restored onto a system that lost everything', async () => {
        await system.run(await readme('Backup', 0));
        await seeing(system);
        const listed = await system.run('tar --list --file bulkhead-data.tar.zst --zstd');
        expect(listed.stdout).not.toContain('lib/bulkhead/keys');
        await system.run(await readme('Backup', 1));
        await seeing(system);
        expect(await dnsEvents(system)).toEqual(stored);
      });

      test('an upgrade keeps data, keys and configuration', async () => {
        for (const end of ['tar', 'tar.sha256']) {
          await system.copy(
            join(made, `bulkhead-${newer}-offline.${end}`),
            `/root/bulkhead-${newer}-offline.${end}`,
          );
        }
        const key = await system.run('sha256sum /var/lib/bulkhead/keys/sensor.key /etc/bulkhead/sensor.yaml');
        // Its last line shows a sensor that has not yet heard from its instruments, and says so by its exit code.
        const { stdout } = await system.run(await readme('Upgrade', 0, newer), { allowFailure: true });
        expect(stdout).toContain(`Bulkhead ${newer} is installed.`);
        expect(stdout).toContain('INSTRUMENT');
        await seeing(system);
        expect((await system.run("dpkg-query -W -f '${Version}' bulkhead-sensor")).stdout).toBe(newer);
        expect(
          (await system.run('sha256sum /var/lib/bulkhead/keys/sensor.key /etc/bulkhead/sensor.yaml')).stdout,
        ).toBe(key.stdout);
        expect(await dnsEvents(system)).toEqual(stored);
      });
    }

    test('removed, nothing of ours runs or is mounted, and the data stays', async () => {
      expect(await standing(system)).not.toEqual([]);
      await system.run(await readme('Uninstall', 0), { input: 'y\n' }); // apt asks
      expect(await standing(system)).toEqual([]);
      await system.run('test -s /var/lib/bulkhead/keys/sensor.key && test -s /etc/bulkhead/sensor.yaml');
      await system.run('test ! -e /usr/lib/bulkhead && test ! -e /usr/bin/bulkhead');
    });

    if (release === '12') {
      test('installed again, it finds its data', async () => {
        await system.run(`bulkhead-${newer}-offline/install`);
        await seeing(system);
        expect(await dnsEvents(system)).toEqual(stored);
      });
    }

    test('purged, no key, data or configuration is left', async () => {
      await system.run(await readme('Uninstall', 1), { input: 'y\n' });
      expect(await standing(system)).toEqual([]);
      const left = await system.run('ls -d /var/lib/bulkhead /etc/bulkhead /var/cache/bulkhead', {
        allowFailure: true,
      });
      expect(left.stdout).toBe('');
      const failed = await system.run('systemctl --failed --no-legend --plain');
      expect(failed.stdout).not.toContain('bulkhead');
    });
  },
);
