import { table } from '../wording.ts';

/** One file among an instrument's resources, as the local API tells it. */
export interface PlacedFile {
  as: string;
  from: string;
  by?: string;
  download?: string;
  source?: string;
  sha256?: string;
  bytes?: number;
  at?: string;
  revoked: boolean;
}

/** What a receiver said when it was told. */
export interface Announced {
  ok: boolean;
  code?: string;
  message?: string;
  detail?: string;
}

/** Files of one instrument as a table for people. */
export function resourcesText(instrument: string, files: readonly PlacedFile[]): string {
  if (files.length === 0) return `${instrument} was given no files\n`;
  const rows = files.map((file) => [
    file.as,
    fromText(file),
    file.at?.replace(/\.\d+Z$/, 'Z') ?? 'at its next start',
    file.bytes === undefined ? '-' : sizeText(file.bytes),
    file.sha256 ?? '-',
  ]);
  return `${table([['FILE', 'FROM', 'SINCE', 'SIZE', 'SHA-256'], ...rows])}\n`;
}

/** An import, as it went. */
export function placedText(
  instrument: string,
  file: { as: string; bytes: number; sha256: string; changed: boolean; announced?: Announced },
): string {
  const what = file.changed ? 'has' : 'had already';
  return `${instrument} ${what} ${file.as} (${sizeText(file.bytes)}, SHA-256 ${file.sha256})\n${announcedText(instrument, file.announced)}`;
}

/** What the receiver said, in a line; empty when there is nothing to say. */
export function announcedText(instrument: string, announced: Announced | undefined): string {
  if (announced === undefined) return `${instrument} does not run; it finds its files when it starts\n`;
  if (!announced.ok)
    return `${instrument} did not take it up: ${printable(announced.message ?? '')} (${printable(announced.code ?? '')})\n`;
  return announced.detail === undefined ? '' : `${instrument}: ${printable(announced.detail)}\n`;
}

/** `812 B`, `3.4 MiB` */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${String(bytes)} B`;
  if (bytes < 1 << 20) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

/** An instrument's or a source's words, for a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?').slice(0, 300);
}

function fromText({ from, by, download, source, revoked }: PlacedFile): string {
  if (from === 'configuration') return `configuration (${source ?? ''})`;
  if (from === 'operator') return `import by ${printable(by ?? 'unknown')}`;
  const what = download === undefined ? from : `${from}, download ${download}`;
  return revoked ? `${what} (may deliver no more)` : what;
}
