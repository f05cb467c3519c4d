import { foreign, nameTaken, tooMuch, type Placement } from './delivery-errors.ts';
import { isSameSender, senderText, type DeliveryRecord, type DeliverySender } from './delivery-record.ts';

const MIB = 1 << 20;
/** Bounds of what is delivered to one instrument, beside the operator's own files. */
export const DELIVERY_LIMITS = Object.freeze({
  files: 64,
  totalBytes: 1024 * MIB,
  fileBytes: 256 * MIB,
});

/** Where a file goes. */
export interface DeliveryTarget extends Placement {
  /** Host gid of the receiver's program; undefined when it has no container yet: then given at its start. */
  ownerGroupId: number | undefined;
  /** Names of the operator's own files there: they are never replaced. */
  reserved: readonly string[];
  /** Earlier deliveries of the same sender that go when this file is there. */
  remove?: readonly string[];
}

/**
 * May this sender place a file of this size there, and remove what it names?
 * @throws BulkheadError STORAGE_DELIVERY_NAME_TAKEN, STORAGE_DELIVERY_FOREIGN, STORAGE_DELIVERY_LIMIT
 */
export function checkPlace(
  record: DeliveryRecord,
  sender: DeliverySender,
  target: DeliveryTarget,
  bytes: number,
): void {
  const { to, as, reserved, remove = [] } = target;
  if (reserved.includes(as)) throw nameTaken(target, 'the operator, in the configuration');
  const before = record.files.find((one) => one.as === as);
  // A person's word counts more than an instrument's, so an import replaces what an instrument delivered.
  if (before !== undefined && !('operator' in sender) && !isSameSender(before.sender, sender))
    throw nameTaken(target, senderText(before.sender));
  const others = record.files.filter((one) => one.as !== as);
  const going = others.filter((one) => remove.includes(one.as));
  const foreignOne = going.find((one) => !isSameSender(one.sender, sender));
  if (foreignOne !== undefined) throw foreign(to, foreignOne.as, senderText(foreignOne.sender));
  const stay = others.filter((one) => !going.includes(one));
  if (stay.length >= DELIVERY_LIMITS.files)
    throw tooMuch(target, `it has ${String(DELIVERY_LIMITS.files)} delivered files`);
  const total = stay.reduce((sum, one) => sum + one.bytes, bytes);
  if (total > DELIVERY_LIMITS.totalBytes)
    throw tooMuch(
      target,
      `together they would be larger than ${String(DELIVERY_LIMITS.totalBytes / MIB)} MiB`,
    );
}
