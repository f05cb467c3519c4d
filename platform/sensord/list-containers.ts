import { describeError, hasCode, type Logger } from '../kernel/index.ts';
import type { ContainerState, RuntimeRoom } from './rooms.ts';

/** What a look at the containers takes. */
export interface ContainerListParts {
  log: Logger;
  runtime: Pick<RuntimeRoom, 'list'>;
  /** Starts the LXD daemon when it does not answer. */
  ensureDaemon: () => Promise<{ started: boolean }>;
}

/** LXD may have been killed: its containers run on without it, and it is started again here. */
export async function listContainers(
  { log, runtime, ensureDaemon }: ContainerListParts,
  onStartedAgain: () => void,
): Promise<ContainerState[]> {
  try {
    return await runtime.list();
  } catch (error) {
    if (!hasCode(error, 'LXD_UNREACHABLE')) throw error;
    const { started } = await ensureDaemon();
    if (started) {
      log.warn({ reason: describeError(error) }, 'LXD was gone and was started again');
      onStartedAgain();
    }
    return runtime.list();
  }
}
