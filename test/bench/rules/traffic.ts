import type { Replay } from '@bulkhead/scripts/replay';

/** Plays the loaded capture over and over until the signal. @returns frames sent */
export async function keepPlaying(replay: Replay, pps: number, signal: AbortSignal): Promise<number> {
  let sent = 0;
  while (!isAborted(signal)) {
    // To its end each time: what was sent must be known.
    sent += (await replay.play({ pps })).sent;
  }
  return sent;
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
