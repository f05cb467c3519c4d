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
  /** Monitor only: the name of the host end of the capture engine's input, and whether that link exists now. */
  input?: { link: string; exists: boolean };
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
  if (guard.input?.exists !== true) return `counter name "${GUARD_COUNTERS.unforwarded}"`;
  // `dup` and drop, not `fwd`: that marks the packet as redirected, and generic XDP at the fan-out skips marked packets.
  return `counter name "${GUARD_COUNTERS.forwarded}" dup to "${guard.input.link}"`;
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

/**
 * Why a guard does not stand, in words; empty = it stands. Compares all that the kernel reports. A monitor's ingress that
 * copies to a capture link that is gone (printed as its number) is no fault of the guard: see {@link forwardsAsWanted}.
 */
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
  const check = (name: string, hook: string, allowed: readonly string[]): void => {
    const chain = table.chains.get(name);
    if (chain === undefined) faults.push(`the chain ${name} of ${guard.table} is gone`);
    else if (chain.hook !== hook || chain.device !== guard.device || chain.priority !== PRIORITY)
      faults.push(`the chain ${name} of ${guard.table} is not on the ${hook} of ${guard.device}`);
    else if (chain.policy !== 'drop') faults.push(`the chain ${name} of ${guard.table} does not drop`);
    else if (chain.rules.length !== 1 || !allowed.includes(withoutNumber(chain.rules[0] ?? '')))
      faults.push(`the chain ${name} of ${guard.table} has other rules`);
  };
  if (guard.kind === 'host-end') {
    check('in', 'ingress', [ingressRule(guard)]);
  } else {
    const states = [true, false].map((exists) => ({
      ...guard,
      input: { link: guard.input?.link ?? '', exists },
    }));
    check('in', 'ingress', [...states.map(ingressRule), STALE]);
    check('out', 'egress', [`counter name "${GUARD_COUNTERS.egress}"`]);
  }
  return faults;
}

/** True when a monitor's ingress goes where the guard says now; {@link redirectText} makes it so. */
export function forwardsAsWanted(guard: Guard, table: NftTable | undefined): boolean {
  return table?.chains.get('in')?.rules[0] === ingressRule(guard);
}

/** A copy to a link that no longer exists. */
const STALE = `counter name "${GUARD_COUNTERS.forwarded}" dup to *`;

function withoutNumber(rule: string): string {
  return rule.replace(/ dup to "?\d+"?$/, ' dup to *');
}
