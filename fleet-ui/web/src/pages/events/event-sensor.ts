/** What the page of events needs to know of a sensor. */
export interface EventSensor {
  id: string;
  name: string;
  /** It can be asked now. */
  attached: boolean;
  lastSeen: string | undefined;
}
