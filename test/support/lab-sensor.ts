import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '@bulkhead/platform/contracts';
import { openLog } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { labConfig, openLab, removeLab, type Lab } from '@bulkhead/scripts';
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

/** Manifests of the built packages. */
export async function builtManifests(): Promise<Manifest[]> {
  const names = (await readdir(APPS)).sort();
  return Promise.all(names.map(async (name) => (await loadPackage(join(APPS, name))).manifest));
}

/**
 * Brings up a lab and a sensor on it, healthy.
 * @param prefix starts with `b` and a digit; one per test file
 * @param managed with a downloader that reaches the lab's rule source, and a rule manager
 */
export async function startLabSensor(prefix: string, { managed = false } = {}): Promise<LabSensor> {
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
