const SI = ['', 'k', 'M', 'G', 'T', 'P'];

/** At most three digits that matter: `0`, `12`, `1.2 k`, `34 M`. */
export function compactNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  let size = Math.abs(value);
  let unit = 0;
  // 999.6 k would be rounded to 1000 k.
  while (size >= 999.5 && unit < SI.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 && Number.isInteger(size) ? 0 : size < 9.95 ? 1 : 0;
  const text = size.toFixed(digits).replace(/\.0$/, '');
  return `${value < 0 && text !== '0' ? '-' : ''}${text}${unit === 0 ? '' : ` ${SI[unit] ?? ''}`}`;
}

/** Binary sizes: `512 B`, `1.5 KiB`, `20 GiB`. */
export function byteWords(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let size = Math.max(0, bytes);
  let unit = 0;
  while (size >= 1023.5 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 9.95 ? size.toFixed(0) : size.toFixed(1).replace(/\.0$/, '')} ${units[unit] ?? ''}`;
}

/** A share of a hundred; small ones are not rounded away: `0 %`, `< 0.01 %`, `0.4 %`, `12 %`. */
export function percentWords(part: number, of: number): string {
  if (of <= 0 || part <= 0) return '0 %';
  const percent = (part / of) * 100;
  if (percent < 0.01) return '< 0.01 %';
  return `${percent < 1 ? percent.toFixed(2).replace(/0$/, '') : percent < 9.95 ? percent.toFixed(1).replace(/\.0$/, '') : percent.toFixed(0)} %`;
}

/** Packets each second, for the lines of a picture. */
export function rateWords(perSecond: number): string {
  return `${compactNumber(perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond))}/s`;
}

/** `1 sensor`, `3 sensors`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
