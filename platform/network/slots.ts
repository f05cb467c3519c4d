/** Slots of the map `counts` in `bpf/fanout.bpf.c`, in the same order. Slots below this count decided packets by set. */
export const EVERYONE_SLOT_LIMIT = 256;

/** Dropped: larger than the mirror ports take. */
export const OVERSIZE_SLOT = 256;

/** Passed to everyone because no filter could decide, by reason. */
export const UNDECIDED_SLOTS: Readonly<Record<number, string>> = Object.freeze({
  257: 'truncated',
  258: 'ethertype',
  259: 'vlan-depth',
  260: 'malformed',
  261: 'fragment',
  262: 'extension-header',
  263: 'tunnel',
  264: 'protocol',
});
