import { RulesError } from '../errors.ts';
import { checkWish } from '../documents/wishes.ts';
import { SourceBodySchema, type Document, type SourceBody } from '../documents/schemas.ts';
import type { CatalogueEntry, SourceState } from './results.ts';
import type { Desk, Operations } from './desk.ts';

type Names =
  'sources.list' | 'sources.catalogue' | 'source.add' | 'source.set' | 'source.refresh' | 'source.remove';

const MAX_SOURCES = 64;
const MOST_LISTED = 1_000;

/** Sources and catalogues. */
export function sourceOperations(desk: Desk): Operations<Names> {
  const { documents, keeper } = desk;
  return {
    'sources.list': () => ({ sources: documents.list('source').map((source) => stateOf(desk, source)) }),
    'sources.catalogue': ({ text, index }) => ({ entries: entriesOf(desk, text, index) }),
    'source.add': async ({ scope, reason, expires, text, ...body }, { author }) => {
      checkWish('source', { scope, expires, body }, Date.now());
      if (documents.about('source', body.name).length > 0) {
        throw new RulesError('RULES_EXISTS', `There is a source ${body.name}.`, { at: '/name' });
      }
      if (documents.list('source').length >= MAX_SOURCES) {
        throw new RulesError('RULES_TOO_MANY', `There are ${String(MAX_SOURCES)} sources.`);
      }
      checkText(body, text, true);
      const wanted = { kind: 'source' as const, subject: body.name, scope, body, expires };
      keeper.addressOf(wanted);
      const source = documents.add(wanted, { author, reason });
      await bringIn(desk, source, text, () => {
        documents.remove('source', source.id, { author, reason: 'Its rules were not taken.' });
      });
      return { source: stateOf(desk, source) };
    },
    'source.set': async ({ name, reason, text, parameters, scope, expires, ...changes }, { author }) => {
      const old = find(desk, name);
      const body = SourceBodySchema.parse({ ...old.body, ...defined(changes) });
      if (parameters !== undefined) {
        if (body.origin.type !== 'catalogue') {
          throw new RulesError('RULES_REQUEST_INVALID', 'Only an entry of a catalogue has parameters.', {
            at: '/parameters',
          });
        }
        body.origin = { ...body.origin, parameters };
      }
      checkText(body, text, false);
      const until = expires ?? old.expires;
      const wanted = {
        kind: 'source' as const,
        subject: name,
        scope: scope ?? old.scope,
        body,
        ...(until === undefined ? {} : { expires: until }),
      };
      checkWish('source', wanted, Date.now());
      keeper.addressOf(wanted);
      // Rules that are not taken leave the source as it was.
      if (text !== undefined) await keeper.paste({ ...old, body }, text);
      const source = documents.change(old.id, wanted, { author, reason });
      if (text === undefined) {
        await keeper.request(name);
        // What decides how a file is read changed: the same file may be taken now, or another one is meant.
        const again = ['skipFaulty', 'maxMib', 'origin'].some((key) => key in defined(changes));
        await keeper.look(again ? name : undefined);
      }
      return { source: stateOf(desk, source) };
    },
    'source.refresh': async ({ name }) => {
      const source = find(desk, name);
      await keeper.request(name);
      await keeper.look(name);
      return { source: stateOf(desk, source) };
    },
    'source.remove': async ({ name, reason }, { author }) => {
      const source = find(desk, name);
      documents.remove('source', source.id, { author, reason });
      await keeper.remove(name);
      return {};
    },
  };
}

function checkText(body: SourceBody, text: string | undefined, isNew: boolean): void {
  const pasted = body.origin.type === 'pasted';
  if (pasted ? isNew && text === undefined : text !== undefined) {
    const what = pasted ? 'The text of a pasted source is missing.' : 'Only a pasted source has a text.';
    throw new RulesError('RULES_REQUEST_INVALID', what, { at: '/text' });
  }
}

/** Brings the rules of a new or changed source in. @param undo takes the source back when given text is not taken */
async function bringIn(
  { keeper }: Desk,
  source: Document<'source'>,
  text: string | undefined,
  undo: () => void,
): Promise<void> {
  if (text === undefined) {
    await keeper.request(source.body.name);
    await keeper.look();
    return;
  }
  try {
    await keeper.paste(source, text);
  } catch (error) {
    undo();
    throw error;
  }
}

function find({ documents }: Desk, name: string): Document<'source'> {
  const [source] = documents.about('source', name);
  if (source?.kind !== 'source') throw new RulesError('RULES_UNKNOWN', `There is no source ${name}.`);
  return source;
}

/** A source as it is shown. */
export function stateOf(desk: Desk, source: Document<'source'>): SourceState {
  const { id, scope, author, time, reason, expires, body } = source;
  const { name, origin, ...rest } = body;
  const { good, refused } = desk.sources.files(name);
  const download = desk.sources.download(name);
  const license =
    origin.type === 'catalogue'
      ? desk.sources.catalogue(origin.index).find(({ entry }) => entry === origin.entry)?.license
      : undefined;
  return {
    id,
    name,
    origin: origin.type === 'catalogue' ? { ...origin, parameters: Object.keys(origin.parameters) } : origin,
    ...rest,
    scope,
    author,
    time,
    reason,
    ...(expires === undefined ? {} : { expires }),
    ...(license === undefined ? {} : { license }),
    state: desk.keeper.isReading(name) ? 'reading' : settledState(good !== undefined, refused !== undefined),
    ...(download === undefined ? {} : { download }),
    rules: desk.sources.counts(name),
    ...(good === undefined ? {} : { version: good }),
    ...(refused === undefined ? {} : { refused }),
  };
}

function settledState(good: boolean, refused: boolean): SourceState['state'] {
  if (good) return refused ? 'stale' : 'good';
  return refused ? 'refused' : 'waiting';
}

function entriesOf({ documents, sources }: Desk, text: string, index: string | undefined): CatalogueEntry[] {
  const all = documents.list('source');
  const words = text.toLowerCase().split(/\s+/);
  return all
    .filter(({ body }) => body.origin.type === 'index' || body.origin.type === 'index-file')
    .filter(({ body }) => index === undefined || body.name === index)
    .flatMap(({ body }) => sources.catalogue(body.name).map((entry) => ({ index: body.name, ...entry })))
    .filter((entry) => {
      const said = `${entry.entry} ${entry.summary} ${entry.vendor ?? ''}`.toLowerCase();
      return words.every((word) => said.includes(word));
    })
    .slice(0, MOST_LISTED)
    .map(({ vendor, license, homepage, obsolete, parameters, ...entry }) => {
      const used = all.find(
        ({ body: { origin } }) =>
          origin.type === 'catalogue' && origin.index === entry.index && origin.entry === entry.entry,
      );
      return {
        ...entry,
        ...defined({ vendor, license, homepage, obsolete }),
        parameters: parameters.map(({ name, prompt }) => ({ name, ...defined({ prompt }) })),
        ...(used === undefined ? {} : { source: used.body.name }),
      };
    });
}

/** Without what is undefined. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
