import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { run, sitePaths } from '@bulkhead/platform/kernel';
import { openPageBrowser, type Look, type PageBrowser } from '../../e2e/fleet-web/browser.ts';
import { startLabSensor, type LabSensor } from '../lab-sensor.ts';
import { startFleetd, type FleetdProcess } from './fleetd-process.ts';

const BULKHEAD = fileURLToPath(new URL('../../../build/bulkhead.mjs', import.meta.url));

/** A second instrument with a page, and nothing else. */
export const SPARE = 'spare-rules';

/** A fleet that nobody has set up, a whole sensor on lab traffic that belongs to no fleet, and browsers. */
export interface Door {
  readonly fleetd: FleetdProcess;
  readonly world: LabSensor;
  /** Somebody else's browser, at the fleet's front door. */
  visit(path?: string, look?: Look): Promise<Visit>;
  /** `bulkhead`, as somebody types it at the sensor. @returns what it printed */
  atSensor(args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

export interface Visit {
  page: Page;
  /** What console, scripts and policy of the page complained about. */
  troubles: string[];
}

/** @param prefix of the sensor's site: starts with `b` and a digit */
export async function openDoor(prefix: string): Promise<Door> {
  const undo: (() => Promise<void>)[] = [];
  const remove = async () => {
    const results = await Promise.allSettled(undo.splice(0).map((step) => step()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };
  const kept = <T>(opened: Promise<T>, close: (it: T) => Promise<void>): Promise<T> =>
    opened.then((it) => {
      undo.push(() => close(it));
      return it;
    });
  const [fleetd, browser, world] = await Promise.allSettled([
    kept(startFleetd(), (it) => it.remove()),
    kept<PageBrowser>(openPageBrowser(), (it) => it.close()),
    kept(
      startLabSensor(prefix, {
        managed: true,
        also: [{ name: SPARE, package: 'rule-manager', interfaces: {}, grants: { ui: true } }],
      }),
      (it) => it.remove(),
    ),
  ]);
  for (const one of [fleetd, browser, world]) {
    if (one.status === 'fulfilled') continue;
    await remove();
    throw one.reason;
  }
  return joined(valueOf(fleetd), valueOf(browser), valueOf(world), remove);
}

function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

function joined(
  fleetd: FleetdProcess,
  browser: PageBrowser,
  world: LabSensor,
  remove: () => Promise<void>,
): Door {
  const socket = sitePaths(world.sensor.site).sensordSocket;
  return {
    fleetd,
    world,
    visit: async (path = '', look = {}) => {
      const visit = await browser.page({ ...look, ownAuthority: true });
      await visit.page.goto(`${fleetd.url}${path}`);
      return visit;
    },
    atSensor: async (args) => {
      const all = [BULKHEAD, '--socket', socket, ...args];
      return (await run(process.execPath, all, { timeoutMs: 60_000 })).stdout;
    },
    remove,
  };
}
