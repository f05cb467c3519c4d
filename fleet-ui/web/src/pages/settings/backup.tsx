import type { Settings } from '@bulkhead/fleet-api';
import { useQuery } from '@tanstack/react-query';
import { settingsQuery } from '../../api/settings.ts';
import { Badge } from '../../components/badge.tsx';
import { CopyText } from '../../components/copy-text.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Ago, useNow } from '../../components/time.tsx';
import { byteWords } from '../../text/number-words.ts';

const DAY_MS = 86_400_000;

/** When the last backup was made, and how to make and use one. */
export function Backup() {
  const settings = useQuery(settingsQuery);
  return (
    <Loaded query={settings} what="backups">
      {({ backup }) => (
        <>
          <Section title="The last backup">
            <div className="card">
              <Last backup={backup} />
            </div>
          </Section>
          <Section title="To make one" note="on the machine of the fleet, also while it runs">
            <CopyText text={backup.command} label="Command for a backup" />
            <p className="quiet">
              One new file with people, sensors, settings, audit log and the keys of the fleet. Events are not
              in it: they are many, and sensors keep their own. It is not encrypted: who has it can issue
              certificates of this fleet, so keep it where keys are kept, on another machine.
            </p>
          </Section>
          <Section title="To bring one back" note="into an empty state folder, while the fleet does not run">
            <CopyText
              text={backup.command.replace(/^fleetd backup \S+/, 'fleetd restore FILE')}
              label="Command to restore a backup"
            />
            <p className="quiet">
              Everybody signs in again. Sensors that joined or renewed their certificate after the backup ask
              to return, and somebody confirms them.
            </p>
          </Section>
        </>
      )}
    </Loaded>
  );
}

function Last({ backup }: { backup: Settings['backup'] }) {
  const now = useNow();
  const { last, everyDays } = backup;
  if (last === undefined) {
    return (
      <p>
        <Badge tone="warn">none</Badge> None was made of this fleet. If its disk is lost, every sensor has to
        be adopted anew.
      </p>
    );
  }
  const isOld = now - Date.parse(last.at) > everyDays * DAY_MS;
  return (
    <dl className="facts">
      <dt>Made</dt>
      <dd>
        <Badge tone={isOld ? 'warn' : 'good'}>{isOld ? 'too old' : 'recent'}</Badge> <Ago time={last.at} />.
        It needs attention after {everyDays} days.
      </dd>
      <dt>File</dt>
      <dd className="mono">{last.file}</dd>
      <dt>Size</dt>
      <dd>{byteWords(last.bytes)}</dd>
    </dl>
  );
}
