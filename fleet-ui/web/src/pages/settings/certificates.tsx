import type { FleetCertificate } from '@bulkhead/fleet-api';
import { useQuery } from '@tanstack/react-query';
import { settingsQuery } from '../../api/settings.ts';
import { Badge } from '../../components/badge.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { Ago, useNow } from '../../components/time.tsx';
import { certificateTone } from './certificate-tone.ts';

const WORDS: Readonly<Record<FleetCertificate['what'], [string, string]>> = {
  ca: [
    'Certificate authority of this fleet',
    'It issues the certificates of sensors and, without one of your own, that of this page. Its fingerprint stands in every join token.',
  ],
  web: ['For people', 'Browsers see it, and sensors when they join.'],
  link: ['For sensors', 'Sensors see it on the link, and take no other.'],
};

/** The fleet's own certificates: what they are for, how long they last, who renews them. */
export function Certificates() {
  const settings = useQuery(settingsQuery);
  return (
    <Loaded query={settings} what="certificates">
      {({ certificates }) => (
        <>
          {certificates.map((one) => (
            <Section key={one.what} title={WORDS[one.what][0]} note={WORDS[one.what][1]}>
              <Certificate certificate={one} />
            </Section>
          ))}
          <p className="quiet">
            Each sensor has a certificate of its own for 30 days and renews it by itself; those of sensors
            stand on their pages. A certificate of your own for people is given to fleetd as files:{' '}
            <code>web.certificate</code> in its configuration.
          </p>
        </>
      )}
    </Loaded>
  );
}

function Certificate({ certificate }: { certificate: FleetCertificate }) {
  const now = useNow();
  const { what, given, names, notBefore, notAfter, fingerprint, subject } = certificate;
  const [tone, word] = certificateTone(certificate, now);
  return (
    <div className="card">
      <dl className="facts">
        <dt>Valid</dt>
        <dd>
          <Badge tone={tone}>{word}</Badge> from {notBefore.slice(0, 10)} to {notAfter.slice(0, 10)} (
          <Ago time={notAfter} />)
        </dd>
        <dt>Renewed</dt>
        <dd>
          {what === 'ca'
            ? 'never: when it ends, a new fleet takes its place. It needs attention a year before.'
            : given
              ? 'by you: put a new one into its files, they are read again within the hour.'
              : 'by the fleet itself, in time.'}
        </dd>
        <dt>Subject</dt>
        <dd className="mono">{subject}</dd>
        {names.length > 0 && (
          <>
            <dt>Names</dt>
            <dd className="mono">{names.join(', ')}</dd>
          </>
        )}
        <dt>Fingerprint (SHA-256)</dt>
        <dd className="mono">{fingerprint}</dd>
      </dl>
    </div>
  );
}
