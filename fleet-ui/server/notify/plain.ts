/**
 * One line of plain text, whatever came in: names, signatures and addresses are taken from traffic that somebody else made. Line
 * breaks cannot begin a header or a line of a log, and nothing turns the direction of writing or hides.
 */
export function plain(value: unknown, most: number): string {
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
  // Cut before it is looked through: it may be large.
  const line = text
    .slice(0, most * 4)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  // Cutting may leave half of a character.
  return line.length <= most ? line : `${line.slice(0, most - 1).replace(/\p{Cs}$/u, '')}…`;
}

/** Cuts to so many bytes of UTF-8, between characters. */
export function cutBytes(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8');
}
