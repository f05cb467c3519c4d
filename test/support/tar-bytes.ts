/** Makes tar archives byte by byte, also ones that no program would write: for tests of what reads them. */

/** One block of header as it will stand in the archive. */
export interface TarBlock {
  name: string;
  type?: string;
  content?: string | Buffer;
  linkName?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Said in the header instead of the content's length. */
  size?: number;
  format?: 'v7' | 'ustar' | 'gnu';
  prefix?: string;
  /** Changes the finished header; the checksum is made afterwards. */
  edit?: (header: Buffer) => void;
}

/** A header and its padded content. */
export function tarBlock(block: TarBlock): Buffer {
  const content = Buffer.from(block.content ?? '');
  const header = Buffer.alloc(512);
  const type = block.type ?? '0';
  const mode = block.mode ?? (type === '5' ? 0o755 : 0o644);
  header.write(block.name, 0, 'utf8');
  header.write(octal(mode, 7), 100);
  header.write(octal(block.uid ?? 0, 7), 108);
  header.write(octal(block.gid ?? 0, 7), 116);
  header.write(octal(block.size ?? content.length, 11), 124);
  header.write(octal(0, 11), 136);
  header.write(type, 156, 'latin1');
  header.write(block.linkName ?? '', 157, 'utf8');
  if (block.format === 'gnu') header.write('ustar  \0', 257, 'latin1');
  else if (block.format !== 'v7') header.write('ustar\x0000', 257, 'latin1');
  if (block.prefix !== undefined) header.write(block.prefix, 345, 'utf8');
  block.edit?.(header);
  header.fill(' ', 148, 156);
  header.write(`${octal(sum(header), 6)}\0 `, 148, 'latin1');
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** Blocks, then the two blocks of zeros that end an archive. */
export function tarBytes(blocks: readonly (TarBlock | Buffer)[]): Buffer {
  return Buffer.concat([
    ...blocks.map((block) => (Buffer.isBuffer(block) ? block : tarBlock(block))),
    Buffer.alloc(1024),
  ]);
}

/** A pax extended header for the entry that follows. */
export function paxBlock(records: Readonly<Record<string, string>>): Buffer {
  const content = Object.entries(records)
    .map(([key, value]) => paxRecord(key, value))
    .join('');
  return tarBlock({ name: 'PaxHeaders/x', type: 'x', content });
}

/** A GNU long name (`L`) or long link (`K`) for the entry that follows. */
export function longNameBlock(type: 'L' | 'K', name: string): Buffer {
  return tarBlock({ name: '././@LongLink', type, content: `${name}\0`, format: 'gnu' });
}

/** What makes the smallest archive that passes for an image. */
export function imageHead(format: 'v7' | 'ustar' | 'gnu' = 'ustar'): TarBlock[] {
  return [
    { name: 'metadata.yaml', content: 'architecture: x86_64\ncreation_date: 1700000000\n', format },
    { name: 'rootfs/', type: '5', format },
    { name: 'rootfs/etc/', type: '5', format },
  ];
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + Buffer.byteLength(rest) !== length) length += 1;
  return `${String(length)}${rest}`;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function sum(header: Buffer): number {
  return header.reduce((total, byte) => total + byte, 0);
}
