import { run } from '../kernel/index.ts';

/** One chain of a netdev table, as the kernel reports it. */
export interface NftChain {
  hook: string;
  device: string;
  priority: number;
  policy: string;
  /** Rules as `nft` prints them. */
  rules: string[];
}

/** One netdev table, as the kernel reports it. */
export interface NftTable {
  name: string;
  comment: string | undefined;
  counters: Map<string, { packets: number; bytes: number }>;
  chains: Map<string, NftChain>;
}

/**
 * Reads all netdev tables of this namespace. Parses the text form: the JSON form of nft 1.0.6 (Debian 12) leaves out the
 * device of a chain and the comment of a table, and those are what must be proven.
 */
export async function listTables(): Promise<Map<string, NftTable>> {
  // Terse: what is in a set is no part of a guard, and may be thousands of lines.
  const { stdout } = await run('nft', ['-t', 'list', 'ruleset', 'netdev'], { maxOutputBytes: 16 << 20 });
  return parseTables(stdout);
}

/** The pure part of {@link listTables}. Lines that it does not know inside a chain are kept as rules, so nothing hides. */
export function parseTables(text: string): Map<string, NftTable> {
  const tables = new Map<string, NftTable>();
  let table: NftTable | undefined;
  let chain: NftChain | undefined;
  let counter: string | undefined;
  let inSet = false;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const open = /^(table netdev|chain|counter|set|map) "?([^\s"]+)"? \{$/.exec(line);
    if (open?.[1] === 'table netdev') {
      table = { name: open[2] ?? '', comment: undefined, counters: new Map(), chains: new Map() };
      tables.set(table.name, table);
    } else if (table === undefined || line === '') {
      continue;
    } else if (open?.[1] === 'chain') {
      chain = { hook: '', device: '', priority: Number.NaN, policy: '', rules: [] };
      table.chains.set(open[2] ?? '', chain);
    } else if (open?.[1] === 'counter') {
      counter = open[2];
    } else if (open !== null) {
      inSet = true;
    } else if (line === '}') {
      if (chain !== undefined) chain = undefined;
      else if (counter !== undefined) counter = undefined;
      else if (inSet) inSet = false;
      else table = undefined;
    } else if (counter !== undefined) {
      const packets = /packets (\d+) bytes (\d+)/.exec(line);
      if (packets) table.counters.set(counter, { packets: Number(packets[1]), bytes: Number(packets[2]) });
    } else if (chain === undefined) {
      table.comment = /^comment "(.*)"$/.exec(line)?.[1] ?? table.comment;
    } else {
      const head =
        /^type filter hook (\w+) devices?(?: =)? \{?\s*"?([^\s"{}]+)"?\s*\}? priority ((?:filter )?[-+]? ?\d+|filter); policy (\w+);$/.exec(
          line,
        );
      if (head) {
        chain.hook = head[1] ?? '';
        chain.device = head[2] ?? '';
        chain.priority = Number((head[3] ?? '').replace('filter', '').replaceAll(' ', '') || 0);
        chain.policy = head[4] ?? '';
      } else {
        chain.rules.push(line);
      }
    }
  }
  return tables;
}

/** Loads one ruleset text as one transaction: all of it or nothing. */
export async function loadRules(text: string): Promise<void> {
  await run('nft', ['-f', '-'], { input: text });
}

/** Removes a netdev table; quiet when it is not there (adding an existing table changes nothing). */
export async function deleteTable(name: string): Promise<void> {
  await loadRules(`add table netdev ${name}\ndelete table netdev ${name}\n`);
}
