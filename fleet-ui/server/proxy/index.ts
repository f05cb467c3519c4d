export { openProxy, type Proxy, type ProxyOptions } from './proxy.ts';
export type { Audit, AuditNote, PageState, People, Place, Sensors, Visitor, Ways } from './types.ts';
