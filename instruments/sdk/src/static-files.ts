import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** A file of the web page. */
export interface StaticFile {
  type: string;
  body: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
};
const MAX_FILES = 200;
const MAX_BYTES = 16 * 2 ** 20;

/** Reads the page's files once, so that no path of a request ever reaches the disk. A page that is not there is empty. */
export async function readStaticFiles(dir: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  let room = MAX_BYTES;
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  for (const name of names.sort()) {
    const type = TYPES[extname(name)];
    const path = join(dir, name);
    const { size } = await stat(path);
    if (type === undefined || files.size >= MAX_FILES || size > room) continue;
    room -= size;
    files.set(`/${name}`, { type, body: await readFile(path) });
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return files;
}
