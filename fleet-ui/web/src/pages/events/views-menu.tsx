import { Button, Checkbox, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { removeView, saveView, viewsQuery } from '../../api/event-desk.ts';
import { useMay } from '../../api/session.ts';
import { Disclosure } from '../../components/disclosure.tsx';
import { Problem } from '../../components/problem.tsx';
import { savedSearch, type EventSearch } from './question.ts';

/** Searches that people keep: opened, added, removed. */
export function ViewsMenu({ search, open }: { search: EventSearch; open: (search: EventSearch) => void }) {
  return (
    <Disclosure label="Saved views" button="Saved views" className="views">
      {(close) => (
        <Views
          search={search}
          open={(next) => {
            open(next);
            close();
          }}
        />
      )}
    </Disclosure>
  );
}

function Views({ search, open }: { search: EventSearch; open: (search: EventSearch) => void }) {
  const { data, error } = useQuery(viewsQuery);
  const [name, setName] = useState('');
  const [shared, setShared] = useState(false);
  const mayShare = useMay('sensors.operate');
  const queries = useQueryClient();
  const onSuccess = () => {
    setName('');
    return queries.invalidateQueries({ queryKey: viewsQuery.queryKey });
  };
  const save = useMutation({
    mutationFn: () => saveView({ name: name.trim(), search: savedSearch(search), shared }),
    onSuccess,
  });
  const drop = useMutation({ mutationFn: removeView, onSuccess });
  const failed = error ?? save.error ?? drop.error;
  return (
    <div className="stack">
      {data?.views.length === 0 && <p className="quiet">No search is kept yet.</p>}
      <ul>
        {data?.views.map((view) => (
          <li key={view.id} className="view">
            <button type="button" className="link-button" onClick={() => open(view.search)}>
              {view.name}
            </button>
            <span className="quiet">
              {view.own ? (view.shared ? 'for everybody' : '') : `of ${view.owner}`}
            </span>
            {view.mayRemove && (
              <button
                type="button"
                className="link-button"
                aria-label={`Remove ${view.name}`}
                onClick={() => drop.mutate(view.id)}
              >
                Remove
              </button>
            )}
          </li>
        ))}
      </ul>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextInput
          label="Keep this search as"
          value={name}
          maxLength={80}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {mayShare && (
          <Checkbox
            label="For everybody"
            checked={shared}
            onChange={(event) => setShared(event.currentTarget.checked)}
          />
        )}
        <Button size="xs" type="submit" disabled={name.trim() === ''} loading={save.isPending}>
          Keep
        </Button>
      </form>
      {failed !== null && <Problem error={failed} />}
    </div>
  );
}
