import type { AttentionItem } from '@bulkhead/fleet-api';
import type { FleetFeature } from '../web/index.ts';

/** The part of the CA that watches over the fleet's own certificates. */
interface OwnCertificates {
  start(): void;
  stop(): Promise<void>;
  expiring(): { what: 'ca' | 'given' | 'own'; notAfterMs: number; days: number }[];
}

const WORDS: Readonly<Record<'ca' | 'given' | 'own', { title: string; text: string }>> = {
  ca: {
    title: 'The certificate authority of the fleet ends',
    text: 'When it has ended no sensor can attach. Plan a new fleet and adopt the sensors there in time.',
  },
  given: {
    title: 'Your certificate for this page ends',
    text: 'Put the next one into the files that `web.certificate` of the configuration names; they are read again within the hour.',
  },
  own: {
    title: 'The certificate of the fleet ends and was not renewed',
    text: 'The log of fleetd says why; look at the free space and the clock of the machine.',
  },
};

/** Renews the certificates of both listeners, and says in time when one ends that it cannot renew. */
export function certificatesFeature(ca: OwnCertificates): FleetFeature {
  return {
    name: 'certificates',
    start: async () => {
      ca.start();
    },
    stop: () => ca.stop(),
    attention: () =>
      ca.expiring().map(({ what, notAfterMs, days }): AttentionItem => ({
        id: `certificate:${what}`,
        severity: days < 3 ? 'critical' : 'warning',
        title:
          days < 0
            ? WORDS[what].title.replace(/ ends\b/, ' has ended')
            : `${WORDS[what].title} in ${days} days`,
        text: WORDS[what].text,
        since: new Date(notAfterMs).toISOString(),
        link: '/settings/certificates',
      })),
  };
}
