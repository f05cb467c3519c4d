import { useState } from 'preact/hooks';
import type { CatalogueEntry } from '../../src/api-types.ts';
import { useAsk } from '../live.tsx';
import { TextField } from '../parts/field.tsx';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { Badge, Empty } from '../parts/small.tsx';

const TYPING_MS = 200;

/** Entries of the catalogues, to choose one from. */
export function CataloguePick(props: {
  catalogues: readonly string[];
  picked: CatalogueEntry | undefined;
  parameters: Record<string, string>;
  onPick: (entry: CatalogueEntry | undefined) => void;
  onParameters: (parameters: Record<string, string>) => void;
}) {
  const [text, setText] = useState('');
  const { data, error } = useAsk('sources.catalogue', { text }, { delayMs: TYPING_MS });
  const { picked } = props;
  if (props.catalogues.length === 0) {
    return (
      <Notice tone="info" title="There is no catalogue yet.">
        <p>Add one first: choose “A catalogue, by address” above.</p>
      </Notice>
    );
  }
  const entries = data?.entries ?? [];
  return (
    <fieldset class="pick">
      <legend>Entry of the catalogue</legend>
      <TextField label="Search the catalogue" type="search" value={text} maxLength={100} onInput={setText} />
      <ErrorNotice error={error} />
      <div class="entries" tabIndex={0} role="group" aria-label="Entries">
        {data !== undefined && entries.length === 0 && <Empty>No entry fits.</Empty>}
        {entries.map((entry) => (
          <label key={`${entry.index}/${entry.entry}`} class="entry">
            <input
              type="radio"
              name="entry"
              checked={picked?.entry === entry.entry && picked.index === entry.index}
              onChange={() => {
                props.onPick(entry);
              }}
            />
            <span>
              <strong>{entry.entry}</strong> {entry.source !== undefined && <Badge tone="good">in use</Badge>}
              {entry.obsolete !== undefined && <Badge tone="warn">obsolete: {entry.obsolete}</Badge>}
              <br />
              {entry.summary}
              <br />
              <span class="quiet">
                {[entry.vendor, entry.license].filter((one) => one !== undefined).join(' · ')}
              </span>
            </span>
          </label>
        ))}
      </div>
      {picked?.parameters.map(({ name, prompt }) => (
        <TextField
          key={name}
          label={prompt ?? name}
          type="password"
          required
          value={props.parameters[name] ?? ''}
          hint="Kept by the rule manager, and not shown again."
          onInput={(value) => {
            props.onParameters({ ...props.parameters, [name]: value });
          }}
        />
      ))}
    </fieldset>
  );
}
