/** One way through the capture engine: frames that arrive on `input` leave on `output`. */
export interface Pair {
  input: string;
  output: string;
}

/** The interfaces of `instrument.json` that matter here. */
export interface Port {
  name: string;
  kind: string;
}

/**
 * Pairs `in0` with `out0`, `in1` with `out1`, and so on.
 * @throws Error naming the interface that has no partner, or when there is no pair at all
 */
export function findPairs(ports: readonly Port[]): Pair[] {
  const inputs = numbered(ports, 'capture-in', 'in');
  const outputs = numbered(ports, 'capture-out', 'out');
  for (const [number, name] of [...inputs, ...outputs]) {
    if (!inputs.has(number) || !outputs.has(number)) throw new Error(`the interface ${name} has no partner`);
  }
  const pairs = [...inputs].map(([number, input]) => ({ input, output: outputs.get(number) ?? '' }));
  if (pairs.length === 0) throw new Error('no monitor interface is wired to this instrument');
  return pairs;
}

function numbered(ports: readonly Port[], kind: string, prefix: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const port of ports) {
    if (port.kind !== kind) continue;
    const number = new RegExp(`^${prefix}(\\d{1,3})$`).exec(port.name)?.[1];
    if (number === undefined)
      throw new Error(`the interface ${port.name} is not named ${prefix}0, ${prefix}1, ...`);
    found.set(number, port.name);
  }
  return found;
}
