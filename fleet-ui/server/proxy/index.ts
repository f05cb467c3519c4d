export { pageStateOf, proxyFeature, type ProxyFeatureParts } from './feature.ts';
export {
  openInstrumentApi,
  type CallInstrument,
  type InstrumentAnswer,
  type InstrumentCall,
} from './instrument-api.ts';
export { PROXY_MIGRATIONS } from './ports.ts';
export { openProxy, type Proxy, type ProxyOptions } from './proxy.ts';
export type { Audit, AuditNote, PageState, People, Place, Sensors, Visitor, Ways } from './types.ts';
