import type { Instrument } from '@bulkhead/sdk';
import { z } from 'zod';
import { OPERATIONS } from '../api-types.ts';
import { RulesError } from '../errors.ts';
import { isOperation, type Performer } from './perform.ts';

const Author = z.string().regex(/^[^\p{Cc}]{1,128}$/u);

/**
 * Answers the operations that the instrument accepts. The sender is the author; the platform, which asks for a person, may name
 * that person in `author`.
 */
export function answerMessages(instrument: Pick<Instrument, 'file' | 'handle'>, perform: Performer): void {
  for (const name of Object.keys(OPERATIONS).filter((one) => instrument.file.accept.includes(one))) {
    if (!isOperation(name)) continue;
    instrument.handle(name, async (payload, from) => {
      if (from !== 'platform' || typeof payload !== 'object' || payload === null || !('author' in payload)) {
        return perform(name, payload, { author: from === 'platform' ? from : `instrument ${from}` });
      }
      const { author, ...request } = payload;
      const said = Author.safeParse(author);
      if (!said.success) {
        throw new RulesError('RULES_REQUEST_INVALID', 'The author is not valid.', { at: '/author' });
      }
      return perform(name, request, { author: said.data });
    });
  }
}
