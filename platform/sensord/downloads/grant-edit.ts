import { isMap, isSeq, parseDocument, type Document } from 'yaml';
import { DownloadGrantSchema, type DownloadGrant } from '../../contracts/index.ts';
import { BulkheadError, parseStrict } from '../../kernel/index.ts';

/**
 * The document with one more approved download, or another of the same name; its comments and order stay. Pure.
 * @throws BulkheadError SENSORD_CONFIG_INVALID when the document is written in a way that cannot be edited
 */
export function withDownload(text: string, instrument: string, grant: DownloadGrant): string {
  return edited(text, instrument, (document, at) => {
    const value = document.createNode(sparse(grant));
    const list = document.getIn(at);
    if (!isSeq(list)) {
      document.setIn(at, document.createNode([sparse(grant)]));
      return;
    }
    const index = indexOf(list.items, grant.name);
    if (index === -1) list.add(value);
    else list.set(index, value);
  });
}

/** The document without a download. Unchanged when there is none of that name. Pure. */
export function withoutDownload(text: string, instrument: string, name: string): string {
  return edited(text, instrument, (document, at) => {
    const list = document.getIn(at);
    if (!isSeq(list)) return;
    const index = indexOf(list.items, name);
    if (index !== -1) list.delete(index);
  });
}

/**
 * A grant from what was asked for and what the operator says about it.
 * @throws BulkheadError SENSORD_REQUEST_INVALID
 */
export function grantOf(value: unknown): DownloadGrant {
  return parseStrict(DownloadGrantSchema, value, 'SENSORD_REQUEST_INVALID', 'The download');
}

type Path = (string | number)[];

function edited(text: string, instrument: string, edit: (document: Document, at: Path) => void): string {
  // The document was validated before it came in force; this keeps what the operator wrote around the values.
  const document = parseDocument(text, { uniqueKeys: true, version: '1.2', schema: 'core' });
  const instruments = document.getIn(['instruments']);
  const index = isSeq(instruments) ? indexOf(instruments.items, instrument) : -1;
  if (index === -1) throw notEditable(instrument, 'the instrument does not stand in the configuration');
  try {
    edit(document, ['instruments', index, 'grants', 'downloads']);
  } catch (cause) {
    // An alias or a plain value where a mapping is expected.
    throw notEditable(instrument, 'its grants are written with an anchor or alias', cause);
  }
  return document.toString({ lineWidth: 0 });
}

function indexOf(items: readonly unknown[], name: string): number {
  return items.findIndex((item) => isMap(item) && item.get('name') === name);
}

/** Without what is said by leaving it out. */
function sparse(grant: DownloadGrant): Record<string, unknown> {
  const { redirectHosts, privateAddresses, ...rest } = grant;
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    ...(redirectHosts.length === 0 ? {} : { redirectHosts }),
    ...(privateAddresses ? { privateAddresses } : {}),
  };
}

function notEditable(instrument: string, why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_CONFIG_INVALID',
    message: `The downloads of ${instrument} cannot be changed in the configuration: ${why}.`,
    hint: 'Change /instruments/…/grants/downloads by hand and apply the document.',
    fields: { instrument },
    ...(cause === undefined ? {} : { cause }),
  });
}
