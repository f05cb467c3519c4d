/** What is asked: a name (`*.` before it: all below), or an address. */
export interface Question {
  kind: 'name' | 'address';
  text: string;
}

const BELOW = '*.';

/** What somebody typed, as a question. `below`: the names below it. Undefined when nothing was typed. Pure. */
export function questionOf(typed: string, below: boolean): Question | undefined {
  const text = typed.trim();
  if (text === '') return undefined;
  if (isAddress(text)) return { kind: 'address', text };
  return { kind: 'name', text: below && !text.startsWith(BELOW) ? `${BELOW}${text}` : text };
}

/** Looks like an address; whether it is one, the instrument says. Pure. */
export function isAddress(text: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) || /^[0-9a-f.]*:[0-9a-f:.]+$/i.test(text);
}

/** Whether the names below one are asked for. Pure. */
export function isBelow({ kind, text }: Question): boolean {
  return kind === 'name' && text.startsWith(BELOW);
}

/** What stands in the search field for it. Pure. */
export function typedOf(question: Question | undefined): string {
  if (question === undefined) return '';
  return isBelow(question) ? question.text.slice(BELOW.length) : question.text;
}

/** The part of the address behind `#`: a question can be sent to somebody. Pure. */
export function hashOf({ kind, text }: Question): string {
  return `#${kind}=${encodeURIComponent(text)}`;
}

/** The question in an address, if there is one. Pure. */
export function questionIn(hash: string): Question | undefined {
  const [, kind, encoded = ''] = /^#(name|address)=(.+)$/s.exec(hash) ?? [];
  if (kind !== 'name' && kind !== 'address') return undefined;
  try {
    return { kind, text: decodeURIComponent(encoded) };
  } catch {
    return undefined;
  }
}
