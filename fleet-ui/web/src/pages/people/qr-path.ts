import { encode } from 'uqr';

/** A QR code as one path of an SVG image, in units of its modules. */
export interface QrImage {
  /** Modules on each side, the quiet zone included. */
  size: number;
  /** Covers what is dark. */
  path: string;
}

/** ISO/IEC 18004 asks for four light modules all around. */
const QUIET_ZONE = 4;

/** What a camera reads as `text`. Error correction M: up to 15 % may be unreadable. */
export function qrImage(text: string): QrImage {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_ZONE });
  return { size, path: data.map(rowPath).join('') };
}

/** One flat rectangle for each run of dark modules: without seams between neighbours. */
function rowPath(row: readonly boolean[], y: number): string {
  let path = '';
  for (let x = 0; x < row.length; x += 1) {
    if (row[x] !== true) continue;
    const from = x;
    while (row[x + 1] === true) x += 1;
    const width = x - from + 1;
    path += `M${from} ${y}h${width}v1h-${width}z`;
  }
  return path;
}
