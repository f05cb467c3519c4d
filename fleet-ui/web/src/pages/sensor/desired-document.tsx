import type { ConfigPreview, DesiredConfig } from '@bulkhead/fleet-api';
import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { previewDocument, putDocument } from '../../api/config.ts';
import { useMay } from '../../api/session.ts';
import { Badge } from '../../components/badge.tsx';
import { Differences } from '../../components/differences.tsx';
import { Section } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { told } from '../../components/told.ts';
import { Ahead } from './ahead.tsx';

/** The merged document, with what the group and the sensor itself put above it. */
export function DesiredDocument({ sensor, desired }: { sensor: string; desired: DesiredConfig }) {
  const [editing, setEditing] = useState(false);
  const may = useMay('sensors.configure', { sensor });
  const { state, group, overridden, document } = desired;
  return (
    <Section
      title="What it should be"
      note={
        group === undefined
          ? 'in no group'
          : `from its group ${group.name}, revision ${String(group.revision)}`
      }
      actions={
        may &&
        document !== undefined && (
          <Button size="xs" variant="default" onClick={() => setEditing(true)}>
            Change
          </Button>
        )
      }
    >
      {state.ahead !== undefined && <Ahead sensor={sensor} revision={state.ahead} />}
      {state.state === 'invalid' && (
        <p className="text-bad">It makes no valid configuration: {state.detail}</p>
      )}
      {state.state === 'failed' && (
        <p className="text-bad">The sensor refused the newest revision: {state.detail}</p>
      )}
      {overridden.length > 0 && (
        <div className="card">
          <h3>Values that stand above others</h3>
          <ul className="differences">
            {overridden.map((one) => (
              <li key={`${one.by} ${one.pointer}`}>
                <code>{one.pointer}</code>{' '}
                <Badge tone="accent">{one.by === 'sensor' ? 'its own' : 'its group'}</Badge>
                {one.hides !== undefined && <del>{JSON.stringify(one.hides.value)}</del>}
                {one.value !== undefined ? (
                  <ins>{JSON.stringify(one.value)}</ins>
                ) : (
                  <span className="quiet"> taken away</span>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
      {document === undefined ? (
        <p className="quiet">
          The fleet does not know its configuration yet; the sensor tells it when it connects.
        </p>
      ) : (
        <details>
          <summary>The whole document</summary>
          <pre className="document" tabIndex={0}>
            {document}
          </pre>
        </details>
      )}
      {editing && document !== undefined && (
        <EditDocument sensor={sensor} document={document} onClose={() => setEditing(false)} />
      )}
    </Section>
  );
}

function EditDocument({
  sensor,
  document,
  onClose,
}: {
  sensor: string;
  document: string;
  onClose: () => void;
}) {
  const [text, setText] = useState(document);
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const preview = useMutation({ mutationFn: () => previewDocument(sensor, text) });
  const save = useMutation({
    mutationFn: () => putDocument(sensor, text, reason),
    onSuccess: async ({ state }) => {
      await queries.invalidateQueries({ queryKey: ['sensor', sensor] });
      told(
        state === 'waiting' ? 'It is applied as soon as the sensor is there.' : 'The sensor is applying it.',
      );
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title="Change the configuration" size="xl" lockScroll={false}>
      <div className="stack">
        <p className="quiet">
          What differs from the group and from what the sensor came with becomes this sensor’s own. Nothing is
          sent before you have seen the differences.
        </p>
        <Textarea
          label="Document (YAML)"
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            preview.reset();
          }}
          rows={18}
          spellCheck={false}
          classNames={{ input: 'mono' }}
        />
        <TextInput
          label="Why"
          description="For the history"
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {preview.data !== undefined && <Preview preview={preview.data} />}
        {(preview.error ?? save.error) !== null && <Problem error={preview.error ?? save.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          {preview.data?.valid === true ? (
            <Button loading={save.isPending} onClick={() => save.mutate()}>
              Apply it
            </Button>
          ) : (
            <Button loading={preview.isPending} onClick={() => preview.mutate()}>
              Show the differences
            </Button>
          )}
        </div>
      </div>
    </Modal>
  );
}

function Preview({ preview }: { preview: ConfigPreview }) {
  if (!preview.valid) {
    return (
      <div className="problem" role="alert">
        <p>
          <strong>It is no valid configuration.</strong>
        </p>
        <p>
          {preview.pointer !== undefined && <code>{preview.pointer}</code>} {preview.problem}
        </p>
      </div>
    );
  }
  return (
    <div role="status">
      <h3>What changes</h3>
      <Differences differences={preview.differences} />
    </div>
  );
}
