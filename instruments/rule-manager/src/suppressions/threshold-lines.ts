import type { Document } from '../documents/schemas.ts';
import { compareTexts } from '../documents/scope.ts';
import { isCheckSid } from '../rules/reserved.ts';

/**
 * Suppressions and limits in the language of Suricata's threshold.config. Every value was validated when it was saved; nothing
 * here is free text.
 * @param documents those that hold, the deciding one last
 * @param runs whether a sid is in the ruleset: Suricata warns of others
 * @returns the lines, in one order, and the sids that have a limit
 */
export function thresholdLines(
  documents: readonly Document<'suppression'>[],
  runs: (sid: number) => boolean,
  note: (text: string) => void,
): { lines: string[]; limited: Set<number> } {
  const suppress = new Set<string>();
  const limits = new Map<string, string>();
  const limited = new Set<number>();
  for (const { body, scope } of documents) {
    const { sid, gid, action, track } = body;
    // The detection check must stay seen, whatever a document says.
    if (isCheckSid(sid)) continue;
    if (!runs(sid)) {
      note(`a suppression of sid ${String(sid)} is left out: the rule is off`);
      continue;
    }
    const rule = `gen_id ${String(gid)}, sig_id ${String(sid)}`;
    if (action.type !== 'suppress') {
      if (limits.has(rule)) note(`sid ${String(sid)} has several limits; the narrowest and latest holds`);
      limits.set(
        rule,
        `threshold ${rule}, type ${action.type}, track ${action.per}, count ${String(action.count)}, seconds ${String(action.seconds)}`,
      );
      limited.add(sid);
      continue;
    }
    const addresses = 'address' in scope ? [scope.address] : (body.addresses ?? []);
    if (addresses.length === 0) suppress.add(`suppress ${rule}`);
    for (const address of addresses) {
      suppress.add(`suppress ${rule}, track ${track}, ip ${address.toLowerCase()}`);
    }
  }
  const lines = [...suppress, ...limits.values()].sort(compareTexts);
  return { lines, limited };
}
