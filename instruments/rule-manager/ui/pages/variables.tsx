import { useState } from 'preact/hooks';
import type { AnyDocument } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useAsk, useLive } from '../live.tsx';
import { ChangeButton } from '../parts/button.tsx';
import { ConfirmDialog } from '../parts/dialog.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Empty, Heading, Time } from '../parts/small.tsx';
import { scopeText } from '../text/format.ts';
import { VariablesForm, type VariablesDocument } from './variables-form.tsx';

type Open = 'new' | { edit: VariablesDocument } | { remove: VariablesDocument } | undefined;

/** Variables that rules use, by the scope that they hold for. */
export function VariablesPage() {
  const { data, error } = useAsk('documents.list', { kind: 'variables', limit: 100 });
  const { overview } = useLive();
  const [open, setOpen] = useState<Open>();
  const documents = (data?.documents ?? []).filter(isVariables);
  const close = () => {
    setOpen(undefined);
  };
  return (
    <>
      <Heading title="Variables">
        <ChangeButton
          kind="primary"
          onClick={() => {
            setOpen('new');
          }}
        >
          Set variables…
        </ChangeButton>
      </Heading>
      <p class="intro">
        Rules speak of <code>$HOME_NET</code> and the like. What is set for a sensor goes before what is set
        for its group, and that before what is set for all; what nobody sets is as the IDS has it.
        {overview !== undefined && ` This is the sensor ${overview.sensor}.`}
      </p>
      <ErrorNotice error={error} />
      {data !== undefined && documents.length === 0 && (
        <section class="card">
          <Empty>
            Nothing is set: the IDS takes all private networks for <code>$HOME_NET</code>.
          </Empty>
        </section>
      )}
      {documents.map((document) => (
        <Scope key={document.id} document={document} onOpen={setOpen} />
      ))}
      {(open === 'new' || (typeof open === 'object' && 'edit' in open)) && (
        <VariablesForm before={open === 'new' ? undefined : open.edit} onClose={close} />
      )}
      {typeof open === 'object' && 'remove' in open && (
        <ConfirmDialog
          title={`Remove the variables for ${scopeText(open.remove.scope)}?`}
          action="Remove"
          danger
          run={(reason) => call('variables.unset', { id: open.remove.id, reason })}
          onClose={close}
        >
          <p>Then what a wider scope or the IDS says holds there.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function isVariables(document: AnyDocument): document is VariablesDocument {
  return document.kind === 'variables';
}

function Scope({ document, onOpen }: { document: VariablesDocument; onOpen: (open: Open) => void }) {
  const { homeNet, addressGroups = {}, portGroups = {} } = document.body;
  const rows: [string, readonly string[]][] = [
    ...(homeNet === undefined ? [] : [['HOME_NET', homeNet] as [string, string[]]]),
    ...Object.entries(addressGroups),
    ...Object.entries(portGroups),
  ];
  return (
    <section class="card" aria-label={`Variables for ${scopeText(document.scope)}`}>
      <h2>{scopeText(document.scope)}</h2>
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">Variable</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, members]) => (
            <tr key={name}>
              <th scope="row" data-label="Variable">
                <code>${name}</code>
              </th>
              <td data-label="Value">
                <code class="break">{members.join(', ')}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet">
        {document.author}, <Time at={document.time} />: {document.reason}
        {document.expires !== undefined && (
          <>
            ; until <Time at={document.expires} />
          </>
        )}
      </p>
      <div class="actions">
        <ChangeButton
          label={`Change the variables for ${scopeText(document.scope)}`}
          onClick={() => {
            onOpen({ edit: document });
          }}
        >
          Change…
        </ChangeButton>
        <ChangeButton
          kind="danger"
          label={`Remove the variables for ${scopeText(document.scope)}`}
          onClick={() => {
            onOpen({ remove: document });
          }}
        >
          Remove…
        </ChangeButton>
      </div>
    </section>
  );
}
