/**
 * SIGHUP: read the configuration again. Who does not listen to it is ended by it, so it is listened to before anything can be read;
 * what came by then counts as soon as it can.
 *
 * INVARIANTS: made once, for as long as the process lives.
 */
export class HangUps {
  #came = false;
  #read: (() => void) | undefined;

  constructor() {
    process.on('SIGHUP', () => {
      if (this.#read === undefined) this.#came = true;
      else this.#read();
    });
  }

  /** From now on this is done, also for one that came before. */
  answer(read: () => void): void {
    this.#read = read;
    if (this.#came) read();
  }
}
