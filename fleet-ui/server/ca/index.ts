export { Ca, type CaOptions, type Holder, type WebIdentity } from './ca.ts';
export { CA_MIGRATIONS, Certificates, type CertificateRecord, type Verdict } from './certificates.ts';
export { readRequest, type IssuedCertificate, type RequestedKey } from './issue.ts';
export type { ServerKeyPair } from './server-identity.ts';
