import { BulkheadError } from '@bulkhead/platform/kernel';

/** A whole configuration that a sensor should have. Higher revisions win; the same one again changes nothing. */
export interface DesiredConfiguration {
  revision: number;
  yaml: string;
  author: string;
  reason: string;
}

/** What became of it on the sensor. */
export interface ConfigOutcome {
  revision: number;
  ok: boolean;
  code?: string;
  message?: string;
  /** In the sensor's own history. */
  sensorRevision?: number;
}

interface Wait {
  revision: number;
  resolve: (outcome: ConfigOutcome) => void;
  reject: (error: BulkheadError) => void;
}

/** Who waits for the result of a configuration. Each wait ends: by the result, the time, or the end of the link. */
export class ConfigWaits {
  readonly #waits = new Map<string, Set<Wait>>();

  /** @throws BulkheadError FLEET_LINKS_CONFIG_TIMEOUT, FLEET_LINKS_LOST */
  async wait(sensor: string, revision: number, timeoutMs: number): Promise<ConfigOutcome> {
    const set = this.#waits.get(sensor) ?? new Set();
    this.#waits.set(sensor, set);
    let timer: NodeJS.Timeout | undefined;
    let mine: Wait | undefined;
    try {
      return await new Promise((resolve, reject) => {
        mine = { revision, resolve, reject };
        set.add(mine);
        timer = setTimeout(() => {
          reject(
            new BulkheadError({
              code: 'FLEET_LINKS_CONFIG_TIMEOUT',
              message: `${sensor} did not say within ${String(timeoutMs / 1000)} s what became of revision ${String(revision)}.`,
              fields: { sensor, revision },
            }),
          );
        }, timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      if (mine !== undefined) set.delete(mine);
      if (set.size === 0 && this.#waits.get(sensor) === set) this.#waits.delete(sensor);
    }
  }

  done(sensor: string, outcome: ConfigOutcome): void {
    for (const wait of this.#waits.get(sensor) ?? []) {
      if (wait.revision === outcome.revision) wait.resolve(outcome);
    }
  }

  lost(sensor: string, why: string): void {
    for (const wait of this.#waits.get(sensor) ?? []) {
      wait.reject(
        new BulkheadError({
          code: 'FLEET_LINKS_LOST',
          message: `The link to ${sensor} ended before it said what became of the configuration: ${why}`,
          fields: { sensor },
        }),
      );
    }
  }
}
