import type { Tone } from '../../components/badge.tsx';

const DAY_MS = 86_400_000;

/** How a certificate stands, as the fleet's own attention judges it: the authority a year before, the others 14 days. Pure. */
export function certificateTone(
  { what, notBefore, notAfter }: { what: string; notBefore: string; notAfter: string },
  nowMs: number,
): [Tone, string] {
  const leftMs = Date.parse(notAfter) - nowMs;
  if (leftMs < 0) return ['bad', 'ended'];
  if (Date.parse(notBefore) > nowMs) return ['bad', 'not valid yet'];
  return leftMs < (what === 'ca' ? 365 : 14) * DAY_MS ? ['warn', 'ends soon'] : ['good', 'valid'];
}
