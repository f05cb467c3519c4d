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
      about="Rules from a file, to the rule manager of a sensor: it reads them, says what would change, and the IDS tests them before it takes them."
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
            A sensor that watches a network is not given packets from a file: they would stand among its own
            events. To see what rules say of a capture file, replay it on a bench sensor:
          </p>
          <p>
            <code>scripts/start --replay FILE</code>
          </p>
          <p>
            The rule manager can also hold every ruleset against recorded traffic before it goes live: see its
            option <code>testCapture</code>.
          </p>
        </div>
      </Section>
    </Page>
  );
}
