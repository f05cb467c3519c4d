import type { EventStatus, Settings } from '@bulkhead/fleet-api';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keepEvents, settingsQuery } from '../../api/settings.ts';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { told } from '../../components/told.ts';
import { byteWords } from '../../text/number-words.ts';
import { lossOf } from './keeping-loss.ts';

type Setting = Settings['events']['storeMib'];

/** Where a number comes from, and what the file says if that is something else. */
export function From({ setting, words }: { setting: Setting; words: (value: number) => string }) {
  return (
    <div className="quiet">
      {setting.from === 'file' ? (
        'From the configuration file.'
      ) : (
        <>
          Set here by {setting.by}, <Ago time={setting.at} />; the configuration file says{' '}
          {words(setting.file)}.
        </>
      )}
    </div>
  );
}

/** How long events stay and how large their store may be; says what a smaller number destroys. */
export function EditKeeping({
  settings,
  store,
  onClose,
}: {
  settings: Settings['events'];
  store: EventStatus;
  onClose: () => void;
}) {
  const [days, setDays] = useState(typed(settings.retentionDays));
  const [mib, setMib] = useState(typed(settings.storeMib));
  const queries = useQueryClient();
  const change = { retentionDays: numberOf(days), storeMib: numberOf(mib) };
  const loss = lossOf(
    {
      retentionDays: change.retentionDays ?? settings.retentionDays.file,
      storeMib: change.storeMib ?? settings.storeMib.file,
    },
    store,
    Date.now(),
  );
  const save = useMutation({
    mutationFn: () => keepEvents(change),
    onSuccess: async () => {
      told('In force within a minute.');
      await queries.invalidateQueries({ queryKey: settingsQuery.queryKey });
      await queries.invalidateQueries({ queryKey: ['events', 'status'] });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title="What the fleet keeps of events">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextInput
          type="number"
          min={1}
          max={3650}
          label="Keep events for (days)"
          description={`Empty: as the configuration file says, ${String(settings.retentionDays.file)}`}
          value={days}
          onChange={(event) => setDays(event.currentTarget.value)}
        />
        <TextInput
          type="number"
          min={64}
          max={4_194_304}
          label="Largest size of the store (MiB)"
          description={`Empty: as the configuration file says, ${String(settings.storeMib.file)}. When it is full, the oldest go first.`}
          value={mib}
          onChange={(event) => setMib(event.currentTarget.value)}
        />
        {(loss.before !== undefined || loss.bytes > 0) && (
          <div className="problem" role="status">
            <p>
              <strong>This destroys events that are kept now.</strong>
            </p>
            {loss.before !== undefined && (
              <p>
                All from before {loss.before.slice(0, 10)} go within a minute, with their notes and marks.
              </p>
            )}
            {loss.bytes > 0 && <p>The oldest go until the store is smaller by {byteWords(loss.bytes)}.</p>}
            <p>They cannot be brought back from here; a sensor may still have its own copy.</p>
          </div>
        )}
        {save.error !== null && <Problem error={save.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            loading={save.isPending}
            color={loss.before !== undefined || loss.bytes > 0 ? 'red' : 'blue'}
          >
            {loss.before !== undefined || loss.bytes > 0 ? 'Change and drop them' : 'Change'}
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function typed(setting: Setting): string {
  return setting.from === 'app' ? String(setting.value) : '';
}

function numberOf(text: string): number | null {
  return text.trim() === '' ? null : Number(text);
}
