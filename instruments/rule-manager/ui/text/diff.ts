/** A piece of two texts: in both, only in the old one, only in the new one. */
export interface Piece {
  kind: 'same' | 'old' | 'new';
  text: string;
}

/** Work grows with the product of the lengths; longer texts are shown as a whole. */
const MAX_WORDS = 1_500;

/**
 * What changed between two rules, word by word: the longest sequence of words that both have is kept. Pure.
 */
export function diffOf(before: string, after: string): Piece[] {
  const [a, b] = [words(before), words(after)];
  if (a.length > MAX_WORDS || b.length > MAX_WORDS) {
    return joined([
      { kind: 'old', text: before },
      { kind: 'new', text: after },
    ]);
  }
  const lengths = longestCommon(a, b);
  const pieces: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [left, right] = [a[i], b[j]];
    if (left !== undefined && left === right) {
      pieces.push({ kind: 'same', text: left });
      i += 1;
      j += 1;
    } else if (
      right === undefined ||
      (left !== undefined && at(lengths, i + 1, j) >= at(lengths, i, j + 1))
    ) {
      pieces.push({ kind: 'old', text: left ?? '' });
      i += 1;
    } else {
      pieces.push({ kind: 'new', text: right });
      j += 1;
    }
  }
  return joined(pieces);
}

function words(text: string): string[] {
  return text.match(/[\p{L}\p{N}_.]+|\s+|[^\p{L}\p{N}_.\s]/gu) ?? [];
}

/** For each pair of positions: how many words the rests have in common. */
function longestCommon(a: readonly string[], b: readonly string[]): Uint16Array[] {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const row = table[i];
      if (row === undefined) continue;
      row[j] =
        a[i] === b[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
    }
  }
  return table;
}

function at(table: readonly Uint16Array[], i: number, j: number): number {
  return table[i]?.[j] ?? 0;
}

function joined(pieces: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last?.kind === piece.kind) last.text += piece.text;
    else result.push({ ...piece });
  }
  return result;
}
