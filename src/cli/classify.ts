/**
 * Tells secrets from plain settings in an env file, by name and value. A plain setting is written into a committed
 * file, so what is not clearly one counts as a secret. Pure.
 */

export interface Classified {
  readonly kind: 'secret' | 'plain';
  /** Why, in words that say nothing about the value but its form. */
  readonly why: string;
}

/** Words of a name that say that its value is a secret. */
const SECRET_WORDS = new Set(
  (
    'KEY KEYS APIKEY TOKEN TOKENS SECRET SECRETS PASSWORD PASSWORDS PASSWD PASS PASSPHRASE PWD PIN OTP DSN CREDENTIAL CREDENTIALS CREDS ' +
    'PRIVATE SIGNING SIGNATURE SALT PEPPER HMAC COOKIE SESSION JWT BEARER AUTH OAUTH WEBHOOK CERT CERTIFICATE PEM ENCRYPTION LICENSE'
  ).split(' '),
);
/** Last words of a name whose value is a setting even beside a word of the former list: `TOKEN_TTL`, `AUTH_ENABLED`. */
const MEASURE_WORDS = new Set(
  (
    'TTL TIMEOUT LENGTH SIZE COUNT LIMIT MAX MIN INTERVAL EXPIRY EXPIRES EXPIRATION AGE DAYS HOURS MINUTES SECONDS MS ROUNDS ATTEMPTS ' +
    'RETRIES PORT ENABLED DISABLED REQUIRED VERSION ALGORITHM ALG'
  ).split(' '),
);
/** Last words of a name whose value is a plain setting as long as it looks like one. */
const PLAIN_WORDS = new Set(
  (
    'PORT HOST HOSTS HOSTNAME ENV ENVIRONMENT LEVEL REGION ZONE NAME DATABASE DB SCHEMA TABLE BUCKET MODE DEBUG VERBOSE URL URI ENDPOINT ' +
    'ORIGIN ORIGINS DOMAIN ADDRESS ADDR SERVER PATH DIR DIRECTORY FOLDER FILE VERSION TZ TIMEZONE LOCALE LANG LANGUAGE USER USERNAME ' +
    'FORMAT DRIVER DIALECT ENGINE ADAPTER BACKEND PROVIDER STAGE CHANNEL QUEUE TOPIC PREFIX SUFFIX ISSUER AUDIENCE COLOR THEME TYPE'
  ).split(' '),
);
const PLAIN_NAMES = new Set(['CI', 'LOGGING', 'NODE_NO_WARNINGS', 'FORCE_COLOR', 'NO_COLOR']);

const BOOLEAN = /^(?:true|false|yes|no|on|off|enabled|disabled)$/i;
const SMALL_NUMBER = /^-?\d{1,6}(?:\.\d{1,4})?$/;
const QUANTITY = /^\d{1,6}(?:\.\d{1,3})?\s?(?:ms|s|m|h|d|w|y|b|kb|kib|mb|mib|gb|gib|%)$/i;
const PRIVATE_KEY = /-----BEGIN/;
const JWT = /^eyJ[\w-]{6,}\.[\w-]{6,}\./;
/** `password=…` inside a connection string or a query. */
const ASSIGNED = /(?:^|[;&?,\s])(?:[\w-]*(?:pass(?:word|wd)?|pwd|secret|token|key|sig(?:nature)?|auth|credential)s?)\s*=\s*[^;&\s]/i;
const ADDRESS = /^[a-z][a-z0-9+.:-]*:\/\//i;
const USERINFO = /^[a-z][a-z0-9+.:-]*:\/\/[^/?#\s]*@/i;
/** What a plain setting is made of: words, numbers, hosts, paths, lists of these. */
const SETTING = /^[\w.:/,@*+~ -]{1,120}$/;

export function classify(name: string, value: string): Classified {
  const words = wordsOf(name);
  const last = words.at(-1) ?? '';
  if (value.trim() === '') return plain('it is empty');
  if (PRIVATE_KEY.test(value)) return secret('it holds a key or certificate');
  if (JWT.test(value)) return secret('it has the form of a token');
  if (USERINFO.test(value)) return secret('it is an address with a sign-in');
  if (ASSIGNED.test(value)) return secret('it holds a sign-in');
  if (BOOLEAN.test(value)) return plain('it is a yes or no');
  const small = SMALL_NUMBER.test(value) || QUANTITY.test(value);
  if (words.some((word) => SECRET_WORDS.has(word))) {
    const measures = MEASURE_WORDS.has(last) && (small || /^[A-Z]{2,5}\d{0,4}$/.test(value));
    return measures ? plain('its name and value are those of a setting') : secret('its name says so');
  }
  if (small) return plain('it is a small number');
  if (ADDRESS.test(value)) {
    return looksRandom(value) ? secret('it is an address with a part that looks random') : plain('it is an address without a sign-in');
  }
  if (looksRandom(value)) return secret('it looks random');
  if ((PLAIN_WORDS.has(last) || PLAIN_NAMES.has(name.toUpperCase())) && SETTING.test(value))
    return plain('its name and value are those of a setting');
  return secret('it might be one');
}

const secret = (why: string): Classified => ({ kind: 'secret', why });
const plain = (why: string): Classified => ({ kind: 'plain', why });

/** `dbPassword` and `DB_PASSWORD` alike as `DB`, `PASSWORD`. */
const wordsOf = (name: string): readonly string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .split(/[^A-Z0-9]+/)
    .map((word) => word.replace(/\d+$/, ''))
    .filter((word) => word !== '');

/** Words, names in camelCase, and numbers: what people call things. */
const NAME_PART = /^(?:[a-z]{2,}\d{0,2}|[A-Z]{2,}\d{0,2}|[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})*\d{0,2}|[a-z]?\d{1,4})$/;

/** Whether a word of the value is long and mixed as only random or encoded ones are. */
function looksRandom(value: string): boolean {
  // A slash belongs to base64, and to addresses and paths.
  const breaks = ADDRESS.test(value) || /^[.~]?\.?\//.test(value) ? /[\s,;/?&=:@.]+/ : /[\s,;?&=:@.]+/;
  return value.split(breaks).some((word) => {
    if (word.length < 12) return false;
    const parts = word.split(/[-_/]+/).filter((part) => part !== '');
    if (parts.every((part) => NAME_PART.test(part))) return parts.some((part) => part.length >= 16 && bitsPerCharacter(part) >= 3.6);
    return [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(word)).length >= 2 && bitsPerCharacter(word) >= 2.8;
  });
}

/** Shannon entropy of the characters. */
function bitsPerCharacter(word: string): number {
  const counts = new Map<string, number>();
  for (const character of word) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / word.length) * Math.log2(count / word.length), 0);
}
