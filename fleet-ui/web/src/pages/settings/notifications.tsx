import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { channelsQuery } from '../../api/settings.ts';
import { Empty } from '../../components/empty.tsx';
import { Icon } from '../../components/icon.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { ChannelCard } from './channel-card.tsx';
import { ChannelDialog } from './channel-dialog.tsx';

/** Who is told of what when nobody looks at these pages. */
export function Notifications() {
  const channels = useQuery(channelsQuery);
  const [adding, setAdding] = useState(false);
  return (
    <Section
      title="Notifications"
      note="for when nobody looks at these pages"
      actions={
        <Button size="xs" leftSection={<Icon name="plus" size={16} />} onClick={() => setAdding(true)}>
          Add a channel
        </Button>
      }
    >
      <Loaded query={channels} what="channels">
        {({ channels: all }) =>
          all.length === 0 ? (
            <Empty title="Nobody is told yet">
              <p>
                A channel is a way to people or to another system: mail to a few addresses, a webhook of a
                chat or ticket system, or syslog to a collector. Each says for itself what it wants to hear:
                alerts from a severity on, sensors that do not see, lose packets or are away, full disks,
                certificates that end.
              </p>
              <p>
                What comes together goes in one message. Each matter is told once when it begins and once when
                it is over. Add one, then send a test.
              </p>
            </Empty>
          ) : (
            <ul className="channels">
              {all.map((channel) => (
                <li key={channel.id} className="card">
                  <ChannelCard channel={channel} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {adding && <ChannelDialog onClose={() => setAdding(false)} />}
    </Section>
  );
}
