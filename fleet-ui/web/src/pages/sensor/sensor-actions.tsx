import type { SensorDetail } from '@bulkhead/fleet-api';
import { Button, Menu, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { post, remove } from '../../api/http.ts';
import { useMay } from '../../api/session.ts';
import { Confirm } from '../../components/confirm.tsx';
import { Icon } from '../../components/icon.tsx';
import { told } from '../../components/told.ts';
import { AdoptDialog } from '../sensors/adopt-dialog.tsx';
import { EditSensor } from './edit-sensor.tsx';
import { MappingDialog } from './mapping-dialog.tsx';

type Act = 'edit' | 'replace' | 'revoke' | 'return' | 'refuse' | 'mapping' | 'remove';

/** What can be done with one sensor as a whole. */
export function SensorActions({ sensor }: { sensor: SensorDetail }) {
  const [act, setAct] = useState<Act | undefined>(undefined);
  const [reason, setReason] = useState('');
  const place = { sensor: sensor.id, group: sensor.group?.id };
  const configure = useMay('sensors.configure', place);
  const operate = useMay('sensors.operate', place);
  const adopt = useMay('sensors.adopt');
  const queries = useQueryClient();
  const navigate = useNavigate();
  const close = () => setAct(undefined);
  const tell = async (path: string, body: unknown, words: string) => {
    await post(`/sensors/${sensor.id}/${path}`, body);
    await queries.invalidateQueries({ queryKey: ['sensor', sensor.id] });
    await queries.invalidateQueries({ queryKey: ['sensors'] });
    told(words);
  };
  const waiting = sensor.returns.find(({ state }) => state === 'waiting');
  if (!configure && !operate && !adopt) return null;
  return (
    <>
      {sensor.state === 'mapping' && configure && (
        <Button onClick={() => setAct('mapping')}>Map its interfaces</Button>
      )}
      {waiting !== undefined && operate && (
        <>
          <Button onClick={() => setAct('return')}>Let it return</Button>
          <Button variant="default" onClick={() => setAct('refuse')}>
            Refuse
          </Button>
        </>
      )}
      <Menu position="bottom-end" width={230}>
        <Menu.Target>
          <Button variant="default" rightSection={<Icon name="down" size={14} />}>
            Actions
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {configure && <Menu.Item onClick={() => setAct('edit')}>Name, group, tags, notes</Menu.Item>}
          {adopt && sensor.state !== 'revoked' && (
            <Menu.Item onClick={() => setAct('replace')}>Replace its hardware</Menu.Item>
          )}
          {operate && sensor.clone !== undefined && (
            <Menu.Item
              onClick={() => void tell('acknowledge-clone', {}, 'It is noted that you have seen it.')}
            >
              I know that it is there twice
            </Menu.Item>
          )}
          {operate && (
            <>
              <Menu.Divider />
              {sensor.state === 'revoked' ? (
                <Menu.Item color="red" onClick={() => setAct('remove')}>
                  Remove it from the fleet
                </Menu.Item>
              ) : (
                <Menu.Item color="red" onClick={() => setAct('revoke')}>
                  Revoke it
                </Menu.Item>
              )}
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {act === 'edit' && <EditSensor sensor={sensor} onClose={close} />}
      {act === 'mapping' && <MappingDialog sensor={sensor} onClose={close} />}
      <AdoptDialog opened={act === 'replace'} groups={[]} replaces={sensor} onClose={close} />
      <Confirm
        opened={act === 'return' || act === 'refuse'}
        title={act === 'refuse' ? `Refuse ${sensor.name}?` : `Let ${sensor.name} return?`}
        verb={act === 'refuse' ? 'Refuse' : 'Let it return'}
        harmless={act === 'return'}
        act={() =>
          act === 'refuse'
            ? tell('refuse-return', request(waiting), `${sensor.name} stays away.`)
            : tell('confirm-return', request(waiting), `${sensor.name} gets a new certificate.`)
        }
        onClose={close}
      >
        <p>
          Somebody at {waiting?.address ?? 'an unknown address'} ({waiting?.hostname ?? 'no host name'})
          proves to hold the key of {sensor.name} and asks to come back; its certificate is{' '}
          {waiting?.why ?? 'expired'}.
        </p>
        <p>
          {act === 'refuse'
            ? 'It is not let in. It may ask again.'
            : 'It gets a new certificate. Do it only when you know why it was away: its disk may have been copied.'}
        </p>
      </Confirm>
      <Confirm
        opened={act === 'remove'}
        title={`Remove ${sensor.name} from the fleet?`}
        verb="Remove it"
        type={sensor.name}
        act={async () => {
          await remove(`/sensors/${sensor.id}`);
          await queries.invalidateQueries({ queryKey: ['sensors'] });
          await navigate({ to: '/sensors' });
        }}
        onClose={close}
      >
        <p>
          Its entry, its configuration here with all revisions, its tags and notes are deleted. The audit log
          stays. The machine itself is not touched.
        </p>
      </Confirm>
      <Confirm
        opened={act === 'revoke'}
        title={`Revoke ${sensor.name}?`}
        verb="Revoke it"
        type={sensor.name}
        act={() =>
          tell('revoke', { reason: reason.trim() || 'no reason given' }, `${sensor.name} was revoked.`)
        }
        onClose={close}
      >
        <p>
          Its certificate becomes void and its link ends at once. It can come back only by being adopted anew.
          Its events in the fleet’s store stay; what it has not handed over yet stays on it. It goes on
          watching and recording by itself.
        </p>
        <TextInput
          label="Why"
          description="For the audit log"
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </Confirm>
    </>
  );
}

function request(waiting: SensorDetail['returns'][number] | undefined): { request?: number } {
  return waiting === undefined ? {} : { request: waiting.id };
}
