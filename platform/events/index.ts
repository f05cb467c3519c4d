export { decodeMessage, type DecodedMessage, type PackedMessage } from './decode.ts';
export { describeAlert } from './describe-alert.ts';
