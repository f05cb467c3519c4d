/** An address as people write it: IPv6 in its short form (RFC 5952), which engines do not write; anything else as it is. Pure. */
export function shortAddress(address: string): string {
  if (!address.includes(':')) return address;
  const url = `http://[${address}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address;
}
