import type {
  GrantChangeResult,
  GrantEdge,
  GrantEffect,
  GrantEntry,
  GrantsMatrix,
  GrantsReport,
  InstrumentGrants,
} from '../../contracts/index.ts';
import { table } from '../wording.ts';

/** A grid with more columns than this is not read any more; the list below it says the same. */
const MAX_COLUMNS = 24;
const MARKS: Readonly<Partial<Record<GrantEdge['kind'], string>>> = {
  events: 'E',
  message: 'M',
  delivery: 'D',
};

/** Everybody's rights for people. */
export function grantsText({ instruments, revision }: GrantsReport): string {
  if (instruments.length === 0) return 'no instruments\n';
  return `${instruments.map(instrumentText).join('\n')}\n(revision ${String(revision)})\n`;
}

function instrumentText(one: InstrumentGrants): string {
  const { instrument, rights } = one;
  const of = (state: GrantEntry['state']) => rights.filter((entry) => entry.state === state);
  const beside = one.unverified === true ? ', runs beside the configuration' : '';
  const lines = [`${instrument} (package ${one.package}${beside})`];
  if (one.problem !== undefined) lines.push(`  ! ${one.problem}`);
  const effect = effectText(instrument, one.effect);
  if (one.effect.state !== 'now' && effect !== '') lines.push(`  ! ${effect}`);
  lines.push(...section('given', merged(of('granted')), sinceText));
  const give = ({ right }: GrantEntry) => `bulkhead grants give ${instrument} ${right}`;
  lines.push(...section('asked for, not given', merged(of('asked')), give));
  if (one.unanswered.length > 0)
    lines.push('  asked for, and nobody is there', ...one.unanswered.map((line) => `    ${line}`));
  const revoke = ({ right, note = '' }: GrantEntry) =>
    one.problem === undefined ? `${note}; bulkhead grants revoke ${instrument} ${right}` : note;
  lines.push(...section('given, without effect', of('ineffective'), revoke));
  if (one.accepts.length > 0)
    lines.push(
      `  takes from those who may send them: ${one.accepts.map((name) => `\`${name}\``).join(', ')}`,
    );
  if (rights.length === 0 && one.unanswered.length === 0) lines.push('  asks for nothing, and has nothing');
  return `${lines.join('\n')}\n`;
}

function section(
  title: string,
  entries: readonly GrantEntry[],
  more: (entry: GrantEntry) => string,
): string[] {
  if (entries.length === 0) return [];
  const lines = entries.flatMap((entry) => {
    const below = more(entry);
    return [`    ${entry.words}`, ...(below === '' ? [] : [`      ${below}`])];
  });
  return [`  ${title}`, ...lines];
}

/** Event types that came with one revision, in one line: an IDS publishes dozens. */
function merged(entries: readonly GrantEntry[]): GrantEntry[] {
  const result: GrantEntry[] = [];
  for (const entry of entries) {
    const last = result.at(-1);
    const type = publishedType(entry);
    const joins =
      type !== undefined &&
      last?.right.startsWith('publish:') === true &&
      last.since?.revision === entry.since?.revision;
    if (!joins) result.push({ ...entry });
    else {
      last.words = last.words.replace(/ events$/, `, ${type} events`);
      last.right = `${last.right} ${entry.right}`;
    }
  }
  return result;
}

function publishedType({ right }: GrantEntry): string | undefined {
  return right.startsWith('publish:') ? right.slice('publish:'.length) : undefined;
}

function sinceText({ right, since, note }: GrantEntry): string {
  const name = right.includes(' ') ? '' : `${right}, `;
  const origin =
    since === undefined
      ? 'given with `bulkhead dev run`'
      : `by ${since.author}, ${since.time}, revision ${String(since.revision)}${since.reason === '' ? '' : `: ${since.reason}`}`;
  return `${name}${origin}${note === undefined ? '' : ` (nothing comes of it: ${note})`}`;
}

function effectText(instrument: string, { state, reason }: GrantEffect): string {
  switch (state) {
    case 'now':
      return 'in force now';
    case 'restart':
      return `takes effect after a restart of ${instrument} (${reason ?? 'it says so'}): bulkhead restart ${instrument}`;
    case 'waiting':
      return `${instrument} has not answered yet; it is told again`;
    case 'not running':
      return `${instrument} does not run; it learns of its rights when it starts`;
  }
}

/** What came of giving or revoking. */
export function changeText(verb: 'give' | 'revoke', result: GrantChangeResult): string {
  const { instrument, rights, unchanged, revision } = result;
  const lines: string[] = [];
  const already = verb === 'give' ? 'given already' : 'not given';
  if (unchanged.length > 0) lines.push(`${already}: ${unchanged.join(', ')}`);
  if (!result.changed)
    return `${[...lines, `nothing to do: revision ${String(revision)} stays`].join('\n')}\n`;
  lines.push(`${verb === 'give' ? 'given' : 'revoked'}: ${rights.join(', ')}`);
  if (verb === 'give') lines.push(effectText(instrument, result.effect));
  else {
    const { endedAfterMs } = result;
    lines.push(
      endedAfterMs === undefined
        ? 'the bus cannot be reached; it is refused as soon as it is back'
        : `refused from now on (after ${String(endedAfterMs)} ms)`,
    );
  }
  return `${[...lines, `revision ${String(revision)} is in force`].join('\n')}\n`;
}

/** Who may talk to whom for people: a grid of the instruments, and every way in words. */
export function matrixText({ instruments, edges, revision }: GrantsMatrix): string {
  const grid =
    instruments.length === 0 || instruments.length > MAX_COLUMNS ? [] : [gridText(instruments, edges)];
  const rows = edges.map(({ from, to, kind, what, idle }) => [
    from,
    to,
    kind,
    `${what}${idle === undefined ? '' : ` (nothing comes of it: ${idle})`}`,
  ]);
  const list =
    edges.length === 0 ? 'nobody may talk to anybody' : table([['FROM', 'TO', 'WHAT', ''], ...rows]);
  return `${[...grid, list].join('\n\n')}\n\nEverything else is refused. (revision ${String(revision)})\n`;
}

function gridText(instruments: readonly string[], edges: readonly GrantEdge[]): string {
  const numbers = instruments.map((_, index) => String(index + 1));
  const cell = (from: string, to: string) => {
    const marks = edges
      .filter((edge) => edge.from === from && edge.to === to)
      .map(({ kind }) => MARKS[kind] ?? '');
    return [...new Set(marks)].sort().join('') || '.';
  };
  const rows = instruments.map((from, index) => [
    `${String(index + 1)} ${from}`,
    ...instruments.map((to) => cell(from, to)),
  ]);
  return `${table([['from \\ to', ...numbers], ...rows])}\nE events, M messages, D files`;
}
