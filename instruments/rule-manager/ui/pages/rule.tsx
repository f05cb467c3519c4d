import { useState } from 'preact/hooks';
import type { AnyDocument, RuleDetail } from '../../src/api-types.ts';
import { call } from '../api.ts';
import { useAsk } from '../live.tsx';
import { ChangeButton } from '../parts/button.tsx';
import { ConfirmDialog, Dialog } from '../parts/dialog.tsx';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { Diff, Time } from '../parts/small.tsx';
import { hrefOf } from '../route.ts';
import { documentText, scopeText, severityText } from '../text/format.ts';
import { RuleEdit, RuleSwitch } from './rule-forms.tsx';
import { RuleHistory } from './rule-history.tsx';
import { RuleState } from './rule-state.tsx';

type Open = 'edit' | 'switch' | { remove: AnyDocument } | undefined;

/** One rule: what it says, what was changed about it, and by whom. */
export function RuleDialog({ sid, onClose }: { sid: number; onClose: () => void }) {
  const { data: rule, error } = useAsk('rule.get', Number.isInteger(sid) && sid > 0 ? { sid } : undefined);
  const [open, setOpen] = useState<Open>();
  const close = () => {
    setOpen(undefined);
  };
  return (
    <Dialog title={rule === undefined ? `Rule ${String(sid)}` : rule.msg} wide onClose={onClose}>
      <ErrorNotice error={error} />
      {rule !== undefined && (
        <>
          <Facts rule={rule} />
          {open === undefined && (
            <div class="actions">
              <ChangeButton
                kind="primary"
                onClick={() => {
                  setOpen('switch');
                }}
              >
                {rule.enabled ? 'Switch off…' : 'Switch on…'}
              </ChangeButton>
              <ChangeButton
                onClick={() => {
                  setOpen('edit');
                }}
              >
                Edit…
              </ChangeButton>
              <a class="button plain" href={hrefOf('suppressions', undefined, { sid: String(rule.sid) })}>
                Suppress or limit…
              </a>
            </div>
          )}
          {open === 'switch' && <RuleSwitch rule={rule} onDone={close} />}
          {open === 'edit' && <RuleEdit rule={rule} onDone={close} />}
          <Text rule={rule} />
          <Documents
            documents={rule.documents}
            onRemove={(document) => {
              setOpen({ remove: document });
            }}
          />
          <RuleHistory sid={rule.sid} />
        </>
      )}
      {typeof open === 'object' && (
        <ConfirmDialog
          title="Take this change back?"
          action="Take back"
          danger
          run={(reason) => {
            const request = { id: open.remove.id, reason };
            return open.remove.kind === 'rule'
              ? call('rule.unset', request)
              : call('suppression.remove', request);
          }}
          onClose={close}
        >
          <p>
            {documentText(open.remove)}, {scopeText(open.remove.scope)}: {open.remove.reason}
          </p>
        </ConfirmDialog>
      )}
    </Dialog>
  );
}

function Facts({ rule }: { rule: RuleDetail }) {
  return (
    <>
      {rule.excluded !== undefined && (
        <Notice tone="warn" title="The IDS refused this rule, so it is left out.">
          <p>{rule.excluded}</p>
        </Notice>
      )}
      <dl class="facts">
        <div>
          <dt>Sid</dt>
          <dd>
            {rule.sid} <span class="quiet">revision {rule.rev}</span>
          </dd>
        </div>
        <div>
          <dt>State</dt>
          <dd>
            <RuleState rule={rule} />
            {rule.enabled !== rule.enabledBySource && (
              <span class="quiet"> {rule.enabledBySource ? 'on' : 'off'} in its source</span>
            )}
          </dd>
        </div>
        <div>
          <dt>Severity</dt>
          <dd>{severityText(rule.priority)}</dd>
        </div>
        <div>
          <dt>Class</dt>
          <dd>{rule.classtype ?? '–'}</dd>
        </div>
        <div>
          <dt>Source</dt>
          <dd>
            {rule.source}{' '}
            <span class="quiet">
              {rule.file}:{rule.line}
            </span>
          </dd>
        </div>
        <div>
          <dt>Alerts recorded</dt>
          <dd>{rule.alerts}</dd>
        </div>
      </dl>
    </>
  );
}

function Text({ rule }: { rule: RuleDetail }) {
  const isEdited = rule.text !== rule.original;
  return (
    <section aria-label="Text of the rule">
      <h3>{isEdited ? 'Text, against that of the source' : 'Text'}</h3>
      {isEdited ? <Diff before={rule.original} after={rule.text} /> : <pre>{rule.text}</pre>}
      {rule.references.length > 0 && (
        <ul class="references">
          {rule.references.map((reference) => (
            <li key={reference}>{reference}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Documents(props: { documents: readonly AnyDocument[]; onRemove: (document: AnyDocument) => void }) {
  if (props.documents.length === 0) return null;
  return (
    <section aria-label="Changes that hold">
      <h3>Changes to it</h3>
      <ul class="documents">
        {props.documents.map((document) => (
          <li key={document.id}>
            <div>
              <strong>{documentText(document)}</strong>, {scopeText(document.scope)}
              {document.expires !== undefined && (
                <>
                  , until <Time at={document.expires} />
                </>
              )}
              <div class="quiet">
                {document.author}, <Time at={document.time} />: {document.reason}
              </div>
            </div>
            <ChangeButton
              label={`Take back: ${documentText(document)}`}
              onClick={() => {
                props.onRemove(document);
              }}
            >
              Take back…
            </ChangeButton>
          </li>
        ))}
      </ul>
    </section>
  );
}
