import { BulkheadError } from '../kernel/index.ts';
import type { Membership } from './membership.ts';
import type { SessionEnd } from './session.ts';

/** A way that leads nowhere is told better than that nobody said welcome. */
export async function reasonOf(
  error: SessionEnd['error'],
  welcomed: boolean,
  membership: Membership,
): Promise<BulkheadError | undefined> {
  if (error === undefined) return undefined;
  const { diagnose, explain } = await import('./channel.ts');
  if (!(error instanceof BulkheadError)) return explain(error, membership);
  return welcomed ? error : ((await diagnose(membership)) ?? error);
}

/** For what only a sensor of a fleet can do. */
export function notJoined(): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_NOT_JOINED',
    message: 'This sensor belongs to no fleet.',
    hint: 'Have the fleet make a join token, and run `bulkhead fleet join TOKEN`.',
  });
}
