import type { Link } from '../links.ts';
import { listTables, loadRules, parseTables, type NftTable } from '../nft.ts';
import { unproven } from '../pairs.ts';
import type { ProvenTable } from './record.ts';
import { ACTIVE_PRIORITY, incarnation } from './rules.ts';

/**
 * Loads a table and reads it back: same hooks, device, priority, policies and as many rules as were written. How this nft prints
 * the rules is kept, and is what they are compared with from then on.
 * @throws BulkheadError NETWORK_GUARD_UNPROVEN
 */
export async function loadProven(
  text: string,
  on: { table: string; device: string; ifindex: number },
): Promise<ProvenTable> {
  await loadRules(text);
  const written = parseTables(text).get(on.table);
  const standing = (await listTables()).get(on.table);
  const faults = [...differences(on, written, standing)];
  if (written === undefined || standing === undefined || faults.length > 0) throw unproven(on.device, faults);
  return {
    ...on,
    chains: Object.fromEntries(
      [...standing.chains].map(([name, { hook, policy, rules }]) => [
        name,
        { hook, policy, rules: rules.map(steady) },
      ]),
    ),
  };
}

function* differences(
  on: { table: string; device: string },
  written: NftTable | undefined,
  standing: NftTable | undefined,
): Generator<string> {
  if (written === undefined || standing === undefined) {
    yield `the table ${on.table} is gone`;
    return;
  }
  for (const [name, wanted] of written.chains) {
    const chain = standing.chains.get(name);
    if (chain === undefined) yield `the chain ${name} of ${on.table} is gone`;
    else if (
      chain.hook !== wanted.hook ||
      chain.device !== wanted.device ||
      chain.priority !== ACTIVE_PRIORITY ||
      chain.policy !== wanted.policy ||
      chain.rules.length !== wanted.rules.length
    )
      yield `the chain ${name} of ${on.table} is not what was written`;
  }
}

/** Why a proven table does not stand any more, in words; empty = it stands. */
export function tableFaults(
  proven: ProvenTable,
  tables: ReadonlyMap<string, NftTable>,
  links: readonly Link[],
): string[] {
  const link = links.find((one) => one.ifname === proven.device);
  if (link === undefined) return [`the device ${proven.device} is gone`];
  if (link.ifindex !== proven.ifindex) return [`the device ${proven.device} was made anew`];
  const table = tables.get(proven.table);
  if (table === undefined) return [`the table ${proven.table} is gone`];
  if (table.comment !== incarnation(proven.ifindex))
    return [`the table ${proven.table} belongs to another device`];
  return Object.entries(proven.chains).flatMap(([name, wanted]) => {
    const chain = table.chains.get(name);
    if (chain === undefined) return [`the chain ${name} of ${proven.table} is gone`];
    const same =
      chain.hook === wanted.hook &&
      chain.device === proven.device &&
      chain.priority === ACTIVE_PRIORITY &&
      chain.policy === wanted.policy &&
      chain.rules.length === wanted.rules.length &&
      chain.rules.every((rule, index) => steady(rule) === wanted.rules[index]);
    return same ? [] : [`the chain ${name} of ${proven.table} has other rules`];
  });
}

/** A rule without what changes while it stands: an anonymous set's number, a device that is printed as its index. */
function steady(rule: string): string {
  return rule.replace(/ fwd to "?[^"\s]+"?$/, ' fwd');
}
