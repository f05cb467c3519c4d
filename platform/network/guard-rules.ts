import type { NftTable } from './nft.ts';

/** Before any other hook of the host sees the packet. */
const PRIORITY = -500;

/**
 * What must stand in the kernel before a link is raised, and as long as it is up.
 * `host-end`: nothing that arrives from a container enters the host (XDP and tc, which run before, only redirect).
 * `monitor`: nothing leaves; what arrives goes to the capture engine or nowhere.
 */
export interface Guard {
  kind: 'host-end' | 'monitor';
  table: string;
  device: string;
  ifindex: number;
  /** Monitor only: host end of the capture engine's input; undefined = everything that arrives is dropped. */
  forwardTo?: string | undefined;
}

/** Names of the counters in our tables. */
export const GUARD_COUNTERS = Object.freeze({
  /** Host end: frames that the container tried to send. */
  refused: 'refused',
  /** Monitor: frames that something on this host tried to send. */
  egress: 'egress',
  /** Monitor: frames given to the capture engine. */
  forwarded: 'forwarded',
  /** Monitor: frames that arrived while there was no capture engine link. */
  unforwarded: 'unforwarded',
});

/** The comment ties a table to one incarnation of a device: a device made anew under the same name is not guarded. */
function comment(guard: Guard): string {
  return `ifindex ${String(guard.ifindex)}`;
}

function ingressRule(guard: Guard): string {
  if (guard.kind === 'host-end') return `counter name "${GUARD_COUNTERS.refused}"`;
  if (guard.forwardTo === undefined) return `counter name "${GUARD_COUNTERS.unforwarded}"`;
  return `counter name "${GUARD_COUNTERS.forwarded}" dup to "${guard.forwardTo}"`;
}

/** Ruleset text that replaces the table by a whole one in one transaction; its counters start at 0. */
export function guardText(guard: Guard): string {
  const counters =
    guard.kind === 'host-end'
      ? [GUARD_COUNTERS.refused]
      : [GUARD_COUNTERS.egress, GUARD_COUNTERS.forwarded, GUARD_COUNTERS.unforwarded];
  const chain = (name: string, hook: string, rule: string): string =>
    `  chain ${name} {\n    type filter hook ${hook} device "${guard.device}" priority ${String(PRIORITY)}; policy drop;\n` +
    `    ${rule}\n  }\n`;
  return (
    `add table netdev ${guard.table}\ndelete table netdev ${guard.table}\ntable netdev ${guard.table} {\n` +
    `  comment "${comment(guard)}"\n` +
    counters.map((name) => `  counter ${name} {\n  }\n`).join('') +
    (guard.kind === 'monitor' ? chain('out', 'egress', `counter name "${GUARD_COUNTERS.egress}"`) : '') +
    chain('in', 'ingress', ingressRule(guard)) +
    `}\n`
  );
}

/** Ruleset text that points a standing monitor guard elsewhere, in one transaction; counters go on. */
export function redirectText(guard: Guard): string {
  return `flush chain netdev ${guard.table} in\nadd rule netdev ${guard.table} in ${ingressRule(guard)}\n`;
}

/** Why a guard does not stand, in words; empty = it stands. Compares all that the kernel reports. */
export function guardFaults(
  guard: Guard,
  table: NftTable | undefined,
  ifindex: number | undefined,
): string[] {
  const faults: string[] = [];
  if (ifindex === undefined) faults.push(`the device ${guard.device} is gone`);
  else if (ifindex !== guard.ifindex) faults.push(`the device ${guard.device} was made anew`);
  if (table === undefined) return [...faults, `the table ${guard.table} is gone`];
  if (table.comment !== comment(guard)) faults.push(`the table ${guard.table} belongs to another device`);
  const check = (name: string, hook: string, rule: string): void => {
    const chain = table.chains.get(name);
    if (chain === undefined) faults.push(`the chain ${name} of ${guard.table} is gone`);
    else if (chain.hook !== hook || chain.device !== guard.device || chain.priority !== PRIORITY)
      faults.push(`the chain ${name} of ${guard.table} is not on the ${hook} of ${guard.device}`);
    else if (chain.policy !== 'drop') faults.push(`the chain ${name} of ${guard.table} does not drop`);
    else if (chain.rules.length !== 1 || chain.rules[0] !== rule)
      faults.push(`the chain ${name} of ${guard.table} has other rules`);
  };
  check('in', 'ingress', ingressRule(guard));
  if (guard.kind === 'monitor') check('out', 'egress', `counter name "${GUARD_COUNTERS.egress}"`);
  return faults;
}

/** True when the only fault is where the ingress forwards to, so that {@link redirectText} mends it. */
export function onlyForwardingDiffers(
  guard: Guard,
  table: NftTable | undefined,
  ifindex: number | undefined,
): boolean {
  const chain = table?.chains.get('in');
  if (table === undefined || chain === undefined) return false;
  const ruleFree = {
    ...table,
    chains: new Map(table.chains).set('in', { ...chain, rules: [ingressRule(guard)] }),
  };
  return guardFaults(guard, ruleFree, ifindex).length === 0;
}
