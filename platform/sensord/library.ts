import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { NameSchema, type Manifest } from '../contracts/index.ts';
import { BulkheadError, parseStrict, sitePaths, type Site } from '../kernel/index.ts';
import type { AvailablePackage } from './desired.ts';

/** What the image build leaves beside each archive. Other fields are for people. */
const ImagePointerSchema = z.object({
  file: z.string().min(1).max(4096),
  digest: z.string().min(8).max(128),
  packages: z.record(z.string().max(200), z.string().max(200)).default({}),
});

/** What the library needs of the packages room. */
export interface LibraryParts {
  site: Site;
  /** Folder with one built app per package (`scripts/build` makes it). */
  appsDir: string;
  loadPackage: (dir: string) => Promise<{ manifest: Manifest; dir: string; digest: string }>;
  placeApp: (loaded: { manifest: Manifest; dir: string; digest: string }, site: Site) => Promise<string>;
}

/** Packages on this sensor by name; a fault is kept and thrown when that package is asked for. */
export type Library = ReadonlyMap<string, AvailablePackage | BulkheadError>;

/**
 * Loads the named packages and places their apps. One that is missing or damaged does not hinder the others.
 */
export async function loadLibrary(parts: LibraryParts, names: Iterable<string>): Promise<Library> {
  const library = new Map<string, AvailablePackage | BulkheadError>();
  for (const name of new Set(names)) {
    try {
      library.set(name, await loadOne(parts, NameSchema.parse(name)));
    } catch (error) {
      library.set(name, error instanceof BulkheadError ? error : missing(name, error));
    }
  }
  return library;
}

/** @throws BulkheadError what went wrong when that package was loaded, or SENSORD_PACKAGE_MISSING. */
export function findPackage(library: Library, name: string): AvailablePackage {
  const found = library.get(name);
  if (found === undefined) throw missing(name, undefined);
  if (found instanceof BulkheadError) throw found;
  return found;
}

function loadOne(parts: LibraryParts, name: string): Promise<AvailablePackage> {
  return loadPackageFrom(parts, join(parts.appsDir, name));
}

/** Loads the package in a folder, wherever that lies, and places its app. */
export async function loadPackageFrom(
  parts: Omit<LibraryParts, 'appsDir'>,
  dir: string,
): Promise<AvailablePackage> {
  const loaded = await parts.loadPackage(dir);
  const appDir = await parts.placeApp(loaded, parts.site);
  const { imagesDir } = sitePaths(parts.site);
  const pointer = join(imagesDir, `${loaded.manifest.image}.json`);
  const image = parseStrict(
    ImagePointerSchema,
    JSON.parse(
      await readFile(pointer, 'utf8').catch((error: unknown) => {
        throw imageMissing(loaded.manifest, error);
      }),
    ),
    'SENSORD_PACKAGE_MISSING',
    `The image pointer ${pointer}`,
  );
  return {
    manifest: loaded.manifest,
    appDir,
    digest: loaded.digest,
    image: { file: join(imagesDir, basename(image.file)), fingerprint: image.digest },
    toolVersion: image.packages[loaded.manifest.name],
  };
}

function imageMissing({ name, image }: Manifest, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_PACKAGE_MISSING',
    message: `The image ${image}, in which package ${name} runs, is not on this sensor.`,
    hint: `Build it: scripts/build images ${image}`,
    fields: { package: name, image },
    cause,
  });
}

function missing(name: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_PACKAGE_MISSING',
    message: `Package ${name} or its image is not on this sensor.`,
    hint: 'Run scripts/setup; it builds the apps and images.',
    fields: { package: name },
    cause,
  });
}
