import { table } from '../wording.ts';

export interface ForeseenPlan {
  steps: string[];
  interruptions: string[];
  problems: string[];
}

export interface Difference {
  pointer: string;
  before?: unknown;
  after?: unknown;
}

export interface RevisionEntry {
  number: number;
  author: string;
  reason: string;
  time: string;
  origin: 'file' | 'apply' | 'rollback';
  restores?: number;
  result?: { state: 'applied' | 'failed'; error?: string; rolledBackTo?: number };
}

/** A dry run for people. */
export function planText({ steps, interruptions, problems }: ForeseenPlan): string {
  if (problems.length > 0) {
    return `This would be refused:\n${bullets(problems)}`;
  }
  if (steps.length === 0) return 'Nothing would have to be done.\n';
  const numbered = steps.map((step, index) => `  ${String(index + 1)}. ${step}\n`).join('');
  const stops =
    interruptions.length === 0
      ? 'Nothing that runs would be interrupted.\n'
      : `What would be interrupted:\n${bullets(interruptions)}`;
  return `What would be done:\n${numbered}${stops}Nothing was changed.\n`;
}

/** Differences for people, one place after another. */
export function differencesText(differences: readonly Difference[]): string {
  if (differences.length === 0) return 'no difference\n';
  return differences
    .map(({ pointer, before, after }) => {
      const lines = [
        ...(before === undefined ? [] : [`  - ${shown(before)}`]),
        ...(after === undefined ? [] : [`  + ${shown(after)}`]),
      ];
      return `${pointer}\n${lines.join('\n')}\n`;
    })
    .join('');
}

/** The history for people, newest first. */
export function historyText(revisions: readonly RevisionEntry[], current: number): string {
  const rows = [...revisions]
    .reverse()
    .map((entry) => [
      `${entry.number === current ? '*' : ' '}${String(entry.number)}`,
      entry.time.replace(/\.\d+Z$/, 'Z'),
      entry.author,
      resultText(entry, current),
      entry.restores === undefined
        ? entry.reason
        : `back to ${String(entry.restores)}${entry.reason === '' ? '' : `: ${entry.reason}`}`,
    ]);
  return `${table([[' REV', 'TIME', 'AUTHOR', 'RESULT', 'REASON'], ...rows])}\n`;
}

function resultText({ number, result }: RevisionEntry, current: number): string {
  if (number === current) return 'in force';
  if (result === undefined) return 'being applied';
  if (result.state === 'applied') return 'was applied';
  const back = result.rolledBackTo === undefined ? '' : `, rolled back to ${String(result.rolledBackTo)}`;
  return `FAILED${back}: ${cut(result.error ?? 'no reason known', 200)}`;
}

function shown(value: unknown): string {
  return cut(JSON.stringify(value), 400);
}

function cut(text: string, characters: number): string {
  return text.length > characters ? `${text.slice(0, characters - 3)}...` : text;
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `  - ${line}\n`).join('');
}
