import { useState } from 'preact/hooks';
import type { CatalogueEntry, OperationRequest } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useChange, useLive } from '../live.tsx';
import { Button, ChangeButton } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { CheckField, SelectField, TextArea, TextField } from '../parts/field.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { requestOf, useWish, WishFields } from '../parts/wish.tsx';
import { CataloguePick } from './catalogue-pick.tsx';

type How = 'catalogue' | 'url' | 'pasted' | 'file' | 'index' | 'index-file';
const HOW: readonly (readonly [How, string])[] = [
  ['catalogue', 'From a catalogue'],
  ['url', 'By address'],
  ['pasted', 'Pasted rules'],
  ['file', 'A file that the operator placed'],
  ['index', 'A catalogue, by address'],
  ['index-file', 'A catalogue, as a placed file'],
];
const EVERY: readonly (readonly [string, string])[] = [
  ['3600', 'every hour'],
  ['21600', 'every 6 hours'],
  ['86400', 'every day'],
  ['604800', 'every week'],
  ['0', 'once'],
];

/** Adds a source; what must be fetched then waits for the operator. */
export function SourceAdd({ catalogues, onClose }: { catalogues: readonly string[]; onClose: () => void }) {
  const { overview } = useLive();
  const [how, setHow] = useState<How>(catalogues.length > 0 ? 'catalogue' : 'url');
  const [name, setName] = useState('');
  const [place, setPlace] = useState('');
  const [entry, setEntry] = useState<CatalogueEntry>();
  const [parameters, setParameters] = useState<Record<string, string>>({});
  const [skipFaulty, setSkipFaulty] = useState(false);
  const [every, setEvery] = useState('86400');
  const [wish, setWish] = useWish();
  const change = useChange();
  const wanted = requestOf(wish, overview?.sensor ?? '');
  const origin = originOf(how, place, entry, parameters);
  const isFetched = how === 'url' || how === 'catalogue' || how === 'index';
  const submit = async (event: Event) => {
    event.preventDefault();
    if (wanted === undefined || origin === undefined) return;
    const request: OperationRequest<'source.add'> = {
      name,
      origin,
      skipFaulty,
      ...(isFetched ? { everyS: Number(every) } : {}),
      ...(how === 'pasted' ? { text: place } : {}),
      ...wanted,
    };
    if (await change.run(() => call('source.add', request))) onClose();
  };
  return (
    <Dialog title="Add a source" wide onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <SelectField
          label="Where the rules come from"
          value={how}
          options={HOW}
          onInput={(value) => {
            setHow(value as How);
            setPlace('');
            setEntry(undefined);
          }}
        />
        {how === 'catalogue' && (
          <CataloguePick
            catalogues={catalogues}
            picked={entry}
            parameters={parameters}
            onPick={(picked) => {
              setEntry(picked);
              setParameters({});
              if (picked !== undefined) setName(nameFrom(picked.entry));
            }}
            onParameters={setParameters}
          />
        )}
        <Place how={how} value={place} set={setPlace} />
        <div class="columns">
          <TextField
            label="Name"
            value={name}
            required
            maxLength={24}
            code
            hint="1-24 of a-z, 0-9 and -"
            error={name === '' || NAME.test(name) ? undefined : 'must be 1-24 of a-z, 0-9 and -'}
            onInput={setName}
          />
          {isFetched && <SelectField label="Looked for" value={every} options={EVERY} onInput={setEvery} />}
        </div>
        {!how.startsWith('index') && (
          <CheckField
            label="Leave out faulty rules"
            checked={skipFaulty}
            hint="Otherwise a file with a faulty rule is refused as a whole, and the one before stays in use."
            onChange={setSkipFaulty}
          />
        )}
        <WishFields wish={wish} set={setWish} />
        {isFetched && (
          <p class="quiet">
            The rule manager reaches no network. The downloader fetches the file once the operator of the
            sensor approved it; the command for that is shown with the source.
          </p>
        )}
        <ErrorNotice error={change.error} />
        <div class="actions end">
          <Button onClick={onClose}>Cancel</Button>
          <ChangeButton
            type="submit"
            kind="primary"
            busy={change.busy}
            disabled={wanted === undefined || origin === undefined || !NAME.test(name)}
          >
            Add
          </ChangeButton>
        </div>
      </form>
    </Dialog>
  );
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/;

/** A name that can be used, from that of a catalogue's entry such as `vendor/open`. */
function nameFrom(entry: string): string {
  return entry
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 24)
    .replace(/^-+|-+$/g, '');
}

function Place({ how, value, set }: { how: How; value: string; set: (value: string) => void }) {
  switch (how) {
    case 'catalogue':
      return null;
    case 'pasted':
      return (
        <TextArea
          label="Rules"
          value={value}
          rows={8}
          required
          maxLength={7_500_000}
          placeholder={'alert dns any any -> any any (msg:"…"; dns.query; content:"…"; sid:9000001; rev:1;)'}
          hint="One rule per line. Sids from 2900000 to 2999999 belong to the sensor."
          onInput={set}
        />
      );
    case 'url':
    case 'index':
      return (
        <TextField
          label="Address"
          type="url"
          value={value}
          required
          code
          placeholder="https://"
          hint={
            how === 'url'
              ? 'A .tar.gz of rule files, or a file of rules'
              : 'An index.yaml as suricata-update reads it'
          }
          onInput={set}
        />
      );
    case 'file':
    case 'index-file':
      return (
        <TextField
          label="Name of the file"
          value={value}
          required
          code
          hint="As the operator named it under `resources` of this instrument in the configuration of the sensor."
          onInput={set}
        />
      );
  }
}

function originOf(
  how: How,
  place: string,
  entry: CatalogueEntry | undefined,
  parameters: Record<string, string>,
): OperationRequest<'source.add'>['origin'] | undefined {
  const text = place.trim();
  switch (how) {
    case 'catalogue':
      if (entry === undefined || entry.parameters.some(({ name }) => (parameters[name] ?? '') === ''))
        return undefined;
      return { type: 'catalogue', index: entry.index, entry: entry.entry, parameters };
    case 'pasted':
      return text === '' ? undefined : { type: 'pasted' };
    case 'url':
    case 'index':
      return text === '' ? undefined : { type: how, url: text };
    case 'file':
    case 'index-file':
      return text === '' ? undefined : { type: how, file: text };
  }
}
