import { setTimeout as sleep } from 'node:timers/promises';
import { isLxdError } from '@bulkhead/node-lxd';

const TRIES = 60;
const PAUSE_MS = 500;

/**
 * Does something to a container as soon as LXD is done with what it still does by itself: after a failed start it cleans
 * up in the background, and refuses everything meanwhile ("Instance is busy running a ...").
 */
export async function whenIdle<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= TRIES || !isLxdError(error) || !error.message.includes('busy running')) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
