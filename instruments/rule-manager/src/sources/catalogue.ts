import { parseDocument } from 'yaml';
import { z } from 'zod';
import { RulesError } from '../errors.ts';

/** One source of a catalogue. */
export interface IndexEntry {
  entry: string;
  summary: string;
  vendor?: string | undefined;
  license?: string | undefined;
  homepage?: string | undefined;
  /** With `%(name)s` for parameters. */
  url: string;
  parameters: { name: string; prompt?: string | undefined }[];
  obsolete?: string | undefined;
}

const MAX_BYTES = 2 ** 18;
const MAX_LINES = 20_000;
const MAX_ENTRIES = 1_000;

const text = (max: number) =>
  z.string().transform((value) =>
    value
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/\p{Cc}/gu, '')
      .trim()
      .slice(0, max),
  );
const Entry = z.object({
  url: z
    .string()
    .max(2_048)
    .regex(/^https?:\/\/[^\s\p{Cc}]+$/u),
  summary: text(300).default(''),
  vendor: text(100).optional(),
  license: text(100).optional(),
  homepage: text(300).optional(),
  obsolete: z.union([text(300), z.boolean().transform((is) => (is ? 'obsolete' : undefined))]).optional(),
  parameters: z.record(z.string(), z.object({ prompt: text(200).optional() })).default({}),
});
const Index = z.object({
  version: z.literal(1),
  sources: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/), z.unknown()),
});

/** Names in an address that stand for something else: `%(__version__)s`. */
const PLACE = /%\(([A-Za-z0-9_-]{1,32})\)s/g;
/** The engine's version is ours to fill in. */
const VERSION_PLACE = '__version__';

/**
 * Reads a catalogue in the format of suricata-update's index (`index.yaml`, version 1). Entries that are not valid are left out.
 * Aliases are refused, so nothing can be written small and become large.
 * @throws RulesError RULES_INDEX_INVALID
 */
export function parseIndex(bytes: Buffer): { entries: IndexEntry[]; skipped: number } {
  if (bytes.length > MAX_BYTES) throw invalid(`it has more than ${String(MAX_BYTES)} bytes`);
  const document = readYaml(bytes);
  const index = Index.safeParse(document);
  if (!index.success) {
    const issue = index.error.issues[0];
    throw invalid(`/${(issue?.path ?? []).join('/')}: ${issue?.message ?? 'not valid'}`.slice(0, 300));
  }
  const all = Object.entries(index.data.sources);
  if (all.length > MAX_ENTRIES) throw invalid(`it has more than ${String(MAX_ENTRIES)} sources`);
  const entries: IndexEntry[] = [];
  for (const [entry, value] of all) {
    const parsed = Entry.safeParse(value);
    if (!parsed.success) continue;
    const { parameters, ...rest } = parsed.data;
    const names = new Set([...rest.url.matchAll(PLACE)].map((match) => match[1] ?? ''));
    names.delete(VERSION_PLACE);
    entries.push({
      entry,
      ...rest,
      parameters: [...names].slice(0, 16).map((name) => ({ name, prompt: parameters[name]?.prompt })),
    });
  }
  if (entries.length === 0) throw invalid('it lists no source that is valid');
  return { entries, skipped: all.length - entries.length };
}

/**
 * The address of an entry with its parameters filled in.
 * @throws RulesError RULES_REQUEST_INVALID when a parameter is missing or the result is no address
 */
export function addressOf(
  template: string,
  parameters: Readonly<Record<string, string>>,
  engineVersion: string,
): string {
  const missing: string[] = [];
  const url = template.replaceAll(PLACE, (_all, name: string) => {
    if (name === VERSION_PLACE) return engineVersion;
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (value === undefined) missing.push(name);
    return encodeURIComponent(value ?? '');
  });
  if (missing.length > 0) {
    throw new RulesError('RULES_REQUEST_INVALID', `The parameter ${missing.join(', ')} is missing.`, {
      at: '/parameters',
    });
  }
  if (!URL.canParse(url)) {
    throw new RulesError('RULES_REQUEST_INVALID', 'The entry of the catalogue has no valid address.');
  }
  return url;
}

function readYaml(bytes: Buffer): unknown {
  try {
    const source = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (source.split('\n').length > MAX_LINES) throw invalid(`it has more than ${String(MAX_LINES)} lines`);
    // Without uniqueKeys: comparing each key with all others takes minutes for a hostile file.
    const document = parseDocument(source, { schema: 'failsafe', uniqueKeys: false });
    const [error] = document.errors;
    if (error !== undefined) throw invalid(error.message.split('\n')[0]?.slice(0, 200) ?? 'no YAML');
    return numbers(document.toJS({ maxAliasCount: 0 }));
  } catch (error) {
    if (error instanceof RulesError) throw error;
    throw invalid(error instanceof Error ? error.message.slice(0, 200) : 'it is no YAML');
  }
}

/** Without types everything is text: only the version is a number. */
function numbers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('version' in value)) return value;
  return { ...value, version: value.version === '1' ? 1 : value.version };
}

function invalid(why: string): RulesError {
  return new RulesError('RULES_INDEX_INVALID', `The catalogue cannot be read: ${why}.`);
}
