const whole = new Intl.NumberFormat('en');
const dateTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
/** Characters that are not seen and change what is seen around them: turned round, joined, hidden. */
const UNSEEN = /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}\p{Cn}\p{Co}]/gu;

/** `61,432` */
export function count(value: number): string {
  return whole.format(value);
}

/** `1 record`, `2 records` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Date and time where the reader is, of seconds since 1970. */
export function clock(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? String(seconds) : dateTime.format(date);
}

/** As computers read it; undefined when it is no time. */
export function iso(seconds: number): string | undefined {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** Text of the network, in which what cannot be seen is written out: `a⟨U+202E⟩b`. */
export function visible(text: string): string {
  return text.replaceAll(UNSEEN, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return `⟨U+${code}⟩`;
  });
}
