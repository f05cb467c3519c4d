/**
 * One record in the Passive DNS Common Output Format (draft-dulaunoy-dnsop-passive-dns-cof). Times are seconds since 1970;
 * names are lower case without a dot at the end.
 */
export interface CofRecord {
  rrname: string;
  rrtype: string;
  rdata: string;
  time_first: number;
  time_last: number;
  count: number;
}
