import { Link } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { targetsQuery } from '../../api/imports.ts';
import { Empty } from '../../components/empty.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page, Section } from '../../components/page.tsx';
import { ImportRules } from './import-rules.tsx';

/** What people bring from elsewhere. */
export function Import() {
  const targets = useQuery(targetsQuery);
  return (
    <Page
      title="Import"
      needs="sensors.operate"
      about="Rules from a file, to the rule manager of a sensor: it reads them, says what would change, and the IDS tests them before it takes them. Below: what to do with capture files and packages."
    >
      <Section title="Rules">
        <Loaded query={targets} what="rule managers">
          {({ targets: found }) =>
            found.length === 0 ? (
              <Empty title="There is no rule manager">
                <p>
                  Rules are kept by the instrument <code>rule-manager</code>. None of the sensors that you may
                  operate has told of one since the fleet started. Add it to the configuration of a sensor,
                  with the right to show its page, on <Link to="/sensors">Sensors</Link>.
                </p>
              </Empty>
            ) : (
              <ImportRules targets={found} />
            )
          }
        </Loaded>
      </Section>
      <Section title="Capture files">
        <div className="card">
          <p>
            Packets from a file are not played to a sensor that watches a network: their events would stand
            among those of the network. To see what instruments make of a capture file, play it to a sensor of
            its own, on a machine for trials:
          </p>
          <p>
            <code>sudo scripts/start --replay FILE</code>
          </p>
          <p>
            The rule manager can try every ruleset on recorded traffic before it goes live. Give it the file,
            on the sensor, and name the file in its option <code>testCapture</code>:
          </p>
          <p>
            <code>sudo bulkhead resources import FILE --for rule-manager</code>
          </p>
        </div>
      </Section>
      <Section title="Packages">
        <div className="card">
          <p>
            A package is what an instrument is made of: its program, the image of its container, and a
            manifest that says what it asks for and what can be set. Packages are part of the software of a
            sensor and come with it; none is sent from here, and there is no way yet to install one that
            somebody else made.
          </p>
          <ul>
            <li>
              To run an instrument, name its package under <code>instruments</code> in the configuration, with
              what you grant it: of one sensor on <Link to="/sensors">Sensors</Link>, of many on{' '}
              <Link to="/groups">Groups</Link>. Where a sensor does not have it, this instrument does not run
              and the sensor says why; the others go on.
            </li>
            <li>
              For a newer or another package, install the sensor’s software anew from a bundle that holds it:{' '}
              <code>sudo scripts/package</code> builds one.
            </li>
          </ul>
        </div>
      </Section>
    </Page>
  );
}
