import { useState } from 'preact/hooks';
import type { AnyDocument } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useAsk } from '../live.tsx';
import { ChangeButton } from '../parts/button.tsx';
import { ConfirmDialog } from '../parts/dialog.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Empty, Heading, Pager, Time } from '../parts/small.tsx';
import { go, hrefOf, type Route } from '../route.ts';
import { documentText, scopeText } from '../text/format.ts';
import { SuppressionForm } from './suppression-form.tsx';

const LIMIT = 50;
type SuppressionDocument = Extract<AnyDocument, { kind: 'suppression' }>;

/** Alerts that are not shown, or not as often. The rules themselves go on. */
export function SuppressionsPage({ route }: { route: Route }) {
  const [offset, setOffset] = useState(0);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<SuppressionDocument>();
  const { data, error } = useAsk('documents.list', { kind: 'suppression', limit: LIMIT, offset });
  const documents = (data?.documents ?? []).filter(isSuppression);
  const sid = route.query.get('sid') ?? '';
  return (
    <>
      <Heading title="Suppressions">
        <ChangeButton
          kind="primary"
          onClick={() => {
            setAdding(true);
          }}
        >
          Add a suppression…
        </ChangeButton>
      </Heading>
      <p class="intro">
        A suppression hides alerts of a rule, for some addresses or for all; a limit lets fewer of them
        through. The rule itself stays on. Before it is saved you see which recorded alerts it would have
        hidden.
      </p>
      <ErrorNotice error={error} />
      <section class="card" aria-label="Suppressions and limits">
        {data !== undefined && documents.length === 0 ? (
          <Empty>Nothing is suppressed or limited.</Empty>
        ) : (
          <>
            <SuppressionTable documents={documents} onRemove={setRemoving} />
            <Pager
              offset={offset}
              limit={LIMIT}
              shown={documents.length}
              total={data?.total ?? 0}
              more={false}
              what="suppressions"
              onMove={setOffset}
            />
          </>
        )}
      </section>
      {(adding || sid !== '') && (
        <SuppressionForm
          sid={sid}
          onClose={() => {
            setAdding(false);
            if (sid !== '') go(hrefOf('suppressions'));
          }}
        />
      )}
      {removing !== undefined && (
        <ConfirmDialog
          title={`Show alerts of rule ${String(removing.body.sid)} again?`}
          action="Remove"
          danger
          run={(reason) => call('suppression.remove', { id: removing.id, reason })}
          onClose={() => {
            setRemoving(undefined);
          }}
        >
          <p>
            {documentText(removing)}, {scopeText(removing.scope)}: {removing.reason}
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

function isSuppression(document: AnyDocument): document is SuppressionDocument {
  return document.kind === 'suppression';
}

function SuppressionTable(props: {
  documents: readonly SuppressionDocument[];
  onRemove: (document: SuppressionDocument) => void;
}) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col">What happens</th>
          <th scope="col">Holds for</th>
          <th scope="col">Until</th>
          <th scope="col">Why</th>
          <th scope="col">
            <span class="hidden">Action</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {props.documents.map((document) => (
          <tr key={document.id}>
            <th scope="row" data-label="Rule">
              <a href={hrefOf('rules', document.body.sid)}>{document.body.sid}</a>
            </th>
            <td data-label="What happens">{documentText(document)}</td>
            <td data-label="Holds for">{scopeText(document.scope)}</td>
            <td data-label="Until">
              {document.expires === undefined ? 'removed' : <Time at={document.expires} />}
            </td>
            <td data-label="Why">
              {document.reason}
              <div class="quiet">
                {document.author}, <Time at={document.time} />
              </div>
            </td>
            <td class="row-actions">
              <ChangeButton
                label={`Remove the suppression of rule ${String(document.body.sid)}`}
                onClick={() => {
                  props.onRemove(document);
                }}
              >
                Remove…
              </ChangeButton>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
