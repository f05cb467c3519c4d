import { z } from 'zod';

/** One record of the Passive DNS Common Output Format (draft-dulaunoy-dnsop-passive-dns-cof); times in seconds since 1970. */
const PassiveDnsRecordSchema = z.strictObject({
  rrname: z.string().max(4_096),
  rrtype: z.string().max(16),
  rdata: z.string().max(4_096),
  time_first: z.int().min(0),
  time_last: z.int().min(0),
  count: z.int().min(0),
});
export type PassiveDnsRecord = z.output<typeof PassiveDnsRecordSchema>;

/** Command with which a passive DNS instrument is asked. */
export const DNS_LOOKUP = 'dns.lookup';

/** What a passive DNS instrument answers to `dns.lookup`. `more`: there are others behind these. */
export const PassiveDnsAnswerSchema = z.strictObject({
  records: z.array(PassiveDnsRecordSchema).max(1_000),
  more: z.boolean(),
});
export type PassiveDnsAnswer = z.output<typeof PassiveDnsAnswerSchema>;
