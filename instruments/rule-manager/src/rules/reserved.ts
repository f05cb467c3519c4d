/** Signature ids of the sensor: the starter rules and the detection check's. No source may use them. */
export const OWN_SIDS = Object.freeze({ first: 2_900_000, last: 2_999_999 });
/** The detection check's part of them: no document may touch these. */
const CHECK_SIDS = Object.freeze({ first: 2_999_000, last: 2_999_999 });

export function isOwnSid(sid: number): boolean {
  return sid >= OWN_SIDS.first && sid <= OWN_SIDS.last;
}

export function isCheckSid(sid: number): boolean {
  return sid >= CHECK_SIDS.first && sid <= CHECK_SIDS.last;
}
