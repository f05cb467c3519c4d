import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '@bulkhead/platform/contracts';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { labConfig, openLab, removeLab, type AttackName, type Lab } from '@bulkhead/scripts';
import { startTestSensor, testSite, type TestSensor } from './sensor.ts';

const APPS = fileURLToPath(new URL('../../build/apps', import.meta.url));

/** A real sensor that watches a real lab. */
export interface LabSensor {
  lab: Lab;
  sensor: TestSensor;
  /** The configuration it was started with; change a copy of it and give it to `sensor.configure`. */
  config: ReturnType<typeof labConfig>;
  remove(): Promise<void>;
}

export interface LabSensorOptions {
  /** With a downloader that reaches the lab's rule source, and a rule manager. */
  managed?: boolean;
  /** Further instruments, as they stand in a configuration. */
  also?: LabSensor['config']['instruments'];
}

/** Manifests of the built packages. */
export async function builtManifests(): Promise<Manifest[]> {
  const names = (await readdir(APPS)).sort();
  return Promise.all(names.map(async (name) => (await loadPackage(join(APPS, name))).manifest));
}

/**
 * Brings up a lab and a sensor on it, healthy.
 * @param prefix starts with `b` and a digit; one per test file
 */
export async function startLabSensor(
  prefix: string,
  { managed = false, also = [] }: LabSensorOptions = {},
): Promise<LabSensor> {
  const at = testSite(prefix);
  const lab = await openLab({ site: at, log: openLog('lab', 'error') });
  let sensor: TestSensor | undefined;
  const remove = async () => {
    try {
      await sensor?.remove();
    } finally {
      await lab.stop().finally(() => removeLab(at));
    }
  };
  try {
    const manifests = await builtManifests();
    const config = labConfig('lab', lab.monitorDevice, manifests, managed ? lab.ruleSource : undefined);
    config.instruments.push(...also);
    sensor = await startTestSensor(prefix, config);
    await sensor.healthy(240_000);
    return { lab, sensor, config, remove };
  } catch (error) {
    const log = await sensor?.log().catch(() => '');
    await remove();
    throw new Error(`the sensor did not come up; the end of its log:\n${log?.slice(-4000) ?? ''}`, {
      cause: error,
    });
  }
}

/**
 * Attacks until an alert is stored that is not older than the call.
 * @throws Error after a minute, or when an attack cannot be made; with what the sensor says of itself and its last complaints
 */
export async function attackUntilSeen({ lab, sensor }: LabSensor, attack: AttackName): Promise<void> {
  const since = new Date().toISOString();
  let attacks = 0;
  await waitFor(
    'an alert',
    60_000,
    async () => {
      await lab.attack(attack);
      attacks += 1;
      await sleep(500);
      return (await sensor.stored({ type: 'alert', since })).length > 0;
    },
    { intervalMs: 500 },
  ).catch(async (cause: unknown) => {
    // A sensor that cannot even say how it stands must not hide what went wrong first.
    const standing = await standingOf(sensor).catch(String);
    throw new Error(`${String(attacks)} attacks and no alert: ${String(cause)}; ${standing}`, { cause });
  });
}

/** How the sensor says it stands, and its last complaints; short, because it stands in a test's message. */
async function standingOf(sensor: TestSensor): Promise<string> {
  const { instruments, monitors, attention } = await sensor.status();
  const states = instruments.map(({ name, state, health, failures, detail, counters }) =>
    [name, state, health, failures, detail ?? '', counters['decoder.pkts'] ?? ''].join(' '),
  );
  const complaints = (await sensor.log())
    .split('\n')
    .filter((line) => /"level":[456]0/.test(line))
    .slice(-12);
  return [...states, JSON.stringify(monitors[0]), JSON.stringify(attention), ...complaints].join('\n');
}
