import { z } from 'zod';
import type { Pair } from './pairs.ts';

/** The one nftables table of the capture engine, in its own network namespace. */
export const TABLE = 'forward';

/**
 * The rules that forward, as one transaction: nothing stands in between, whether the table was there or not.
 *
 * `dup` and a drop instead of `fwd`: `fwd` and tc's redirect mark the packet as redirected, the mark survives the next veth,
 * and the host's fan-out (generic XDP) passes marked packets by.
 */
export function renderRules(pairs: readonly Pair[]): string {
  const chains = pairs.flatMap(({ input, output }) => [
    `  chain ${input}_in {`,
    `    type filter hook ingress device "${input}" priority 0; policy drop;`,
    `    counter dup to "${output}"`,
    `  }`,
    // Nothing goes back to where the protected traffic comes from.
    `  chain ${input}_out {`,
    `    type filter hook egress device "${input}" priority -500; policy drop;`,
    `    counter`,
    `  }`,
    // Nothing comes in from the side of the instruments.
    `  chain ${output}_in {`,
    `    type filter hook ingress device "${output}" priority -500; policy drop;`,
    `    counter`,
    `  }`,
  ]);
  return [
    `add table netdev ${TABLE}`,
    `delete table netdev ${TABLE}`,
    `table netdev ${TABLE} {`,
    ...chains,
    `}`,
    ``,
  ].join('\n');
}

const ListSchema = z.object({
  nftables: z.array(
    z.object({
      chain: z
        .object({
          name: z.string(),
          hook: z.string().optional(),
          dev: z.unknown().optional(),
          policy: z.string().optional(),
        })
        .optional(),
      rule: z.object({ chain: z.string(), expr: z.array(z.record(z.string(), z.unknown())) }).optional(),
    }),
  ),
});

/** What stands in the kernel. */
export interface RuleState {
  /** Empty = everything is as it was installed; else what is missing or strange, in words. */
  faults: string[];
  /** `<interface>.<what>` -> packets. */
  counters: Record<string, number>;
}

/** Compares `nft -j list table netdev forward` with what must stand there. */
export function readRules(json: string, pairs: readonly Pair[]): RuleState {
  const { nftables } = ListSchema.parse(JSON.parse(json));
  const faults: string[] = [];
  const counters: Record<string, number> = {};
  const expected = pairs.flatMap(({ input, output }) => [
    { chain: `${input}_in`, hook: 'ingress', to: output, counter: `${input}.forwarded` },
    { chain: `${input}_out`, hook: 'egress', to: undefined, counter: `${input}.egress_dropped` },
    { chain: `${output}_in`, hook: 'ingress', to: undefined, counter: `${output}.ingress_dropped` },
  ]);
  for (const want of expected) {
    const chain = nftables.find((entry) => entry.chain?.name === want.chain)?.chain;
    const rules = nftables
      .filter((entry) => entry.rule?.chain === want.chain)
      .map((entry) => entry.rule?.expr ?? []);
    const [expr = []] = rules;
    const count = expr
      .map((part) => part['counter'] as { packets?: unknown } | undefined)
      .find((part) => part !== undefined);
    counters[want.counter] = typeof count?.packets === 'number' ? count.packets : 0;
    const dup = expr
      .map((part) => part['dup'] as { dev?: unknown; addr?: unknown } | undefined)
      .find((part) => part !== undefined);
    const statements = expr.filter((part) => !('counter' in part) && !('dup' in part)).length;
    if (chain?.policy !== 'drop' || chain.hook !== want.hook)
      faults.push(`the chain ${want.chain} does not drop`);
    if (rules.length !== 1 || count === undefined || statements > 0)
      faults.push(`the rule of ${want.chain} was changed`);
    if (want.to !== undefined && dup === undefined)
      faults.push(`${want.chain} does not forward to ${want.to}`);
    if (want.to === undefined && dup !== undefined) faults.push(`${want.chain} forwards`);
  }
  return { faults, counters };
}
