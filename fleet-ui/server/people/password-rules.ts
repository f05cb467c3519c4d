import { BulkheadError } from '@bulkhead/platform/kernel';

const FEWEST_CHARACTERS = 12;
const FEWEST_DIFFERENT = 5;
/** Passwords of twelve characters and more that head every list of leaked ones, without the digits and marks at their end. */
const TRIVIAL = new Set([
  'password',
  'passwordpassword',
  'passw0rd',
  'mypassword',
  'letmein',
  'letmeinplease',
  'letmeinnow',
  'iloveyou',
  'iloveyousomuch',
  'iloveyouforever',
  'changeme',
  'changemenow',
  'changemeplease',
  'administrator',
  'admin',
  'adminadmin',
  'adminadminadmin',
  'welcome',
  'welcometothejungle',
  'bulkhead',
  'bulkheadbulkhead',
  'bulkheadadmin',
  'bulkheadfleet',
  'default',
  'defaultpassword',
  'qwerty',
  'qwertyuiop',
  'qwertyqwerty',
  'qazwsxedcrfv',
  'zaqwsxcde',
  'asdfghjkl',
  'abcdefghijkl',
  'correcthorsebatterystaple',
  'unbelievable',
  'trustno',
  'monkeymonkey',
  'footballfootball',
  'superman',
  'supersecret',
  'supersecretpassword',
  'securepassword',
  'networksecurity',
]);
/** Anything that runs along one of these, forwards or backwards. */
const ROWS = [
  '0123456789012345678901234567890123456789',
  'abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  '1234567890qwertyuiopasdfghjklzxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'qazwsxedcrfvtgbyhnujmikolp',
];

/**
 * Refuses passwords that are guessed first; says nothing about which kinds of characters there are (NIST SP 800-63B, 3.1.1).
 * @param about names that belong to the account: a password that is one of them is no secret
 * @throws BulkheadError FLEET_PEOPLE_PASSWORD_WEAK
 */
export function checkPassword(password: string, about: readonly string[]): void {
  const fault = faultOf(password.normalize('NFC'), about);
  if (fault === undefined) return;
  throw new BulkheadError({
    code: 'FLEET_PEOPLE_PASSWORD_WEAK',
    message: `The password ${fault}.`,
    hint: 'Take a sentence or four random words; a password manager makes good ones.',
    fields: { pointer: '/password' },
  });
}

function faultOf(password: string, about: readonly string[]): string | undefined {
  const characters = [...password];
  if (characters.length < FEWEST_CHARACTERS) return `has fewer than ${String(FEWEST_CHARACTERS)} characters`;
  if (new Set(characters).size < FEWEST_DIFFERENT) return 'is made of very few different characters';
  const bare = bareWord(password);
  const names = about.flatMap((name) => [name, name.split('@')[0] ?? '']).map(bareWord);
  // Taken away wherever it stands: `ada-ada-ada-1234` is no more than the name.
  for (const name of names.filter((word) => word.length >= 3)) {
    if (bare.replaceAll(name, '').length < 4) return 'is the name of the account';
  }
  const word = bare.replace(/[0-9]+$/, '');
  if (TRIVIAL.has(word) || TRIVIAL.has(unleet(word))) return 'is on every list of leaked passwords';
  if (repeats(bare)) return 'is one short piece again and again';
  if (runsAlong(bare)) return 'is a row of neighbouring keys, letters or digits';
  return undefined;
}

/** Letters and digits only, in lower case. */
function bareWord(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
}

function unleet(word: string): string {
  return word
    .replaceAll('0', 'o')
    .replaceAll('1', 'i')
    .replaceAll('3', 'e')
    .replaceAll('4', 'a')
    .replaceAll('5', 's');
}

/** True for `abcabcabcabc`: a piece of at most a third, several times. */
function repeats(text: string): boolean {
  for (let size = 1; size <= Math.min(6, text.length / 3); size++) {
    if (
      text ===
      text
        .slice(0, size)
        .repeat(Math.ceil(text.length / size))
        .slice(0, text.length)
    )
      return true;
  }
  return false;
}

function runsAlong(text: string): boolean {
  const backwards = [...text].reverse().join('');
  return text.length > 0 && ROWS.some((row) => row.includes(text) || row.includes(backwards));
}
