/** The forms of a stored log-in, and what the server is sent of a password. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/core/secret-value.ts';
import { postgres } from '../../src/rotation/postgres/index.ts';
import { loginOf, withLogin } from '../../src/rotation/postgres/login.ts';
import { scramVerifier } from '../../src/rotation/postgres/verifier.ts';

const value = (text: string): SecretValue => SecretValue.fromText(text);
const text = (secret: SecretValue): string => secret.reveal().toString();

describe('loginOf and withLogin', () => {
  it('changes the password of a URL and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 20 }), fc.string({ minLength: 1, maxLength: 20 }), (user, password) => {
        const name = user.toWellFormed();
        const word = password.toWellFormed();
        const before = `postgresql://${encodeURIComponent(name)}:old@db.example.com:6543/orders?sslmode=verify-full&x=a@b`;
        const after = withLogin(value(before), { password: word });
        expect(loginOf(after)).toEqual({
          host: 'db.example.com',
          port: 6543,
          database: 'orders',
          user: name,
          password: word,
          sslmode: 'verify-full',
        });
        expect(text(withLogin(after, { password: 'old' }))).toBe(before);
      }),
    );
  });

  it('changes user and password of a document, and keeps its neighbours to the byte', () => {
    const before = '{ "host": "db", "port": 5432, "big": 12345678901234567890, "username": "a", "password": "old" }';
    expect(loginOf(value(before))).toEqual({ host: 'db', port: 5432, user: 'a', password: 'old' });
    expect(text(withLogin(value(before), { user: 'b', password: 'n"w' }))).toBe(
      '{ "host": "db", "port": 5432, "big": 12345678901234567890, "username": "b", "password": "n\\"w" }',
    );
  });

  it('takes any other text for a password', () => {
    expect(loginOf(value('s3cret:/x'))).toEqual({ password: 's3cret:/x' });
    expect(text(withLogin(value('old'), { password: 'new' }))).toBe('new');
    expect(() => withLogin(value('old'), { password: 'new', user: 'b' })).toThrow('alternating users');
  });

  it('reads hosts of every kind', () => {
    expect(loginOf(value('postgres://u:p@[::1]:5433/d'))).toMatchObject({ host: '::1', port: 5433 });
    expect(loginOf(value('postgres://u:p@/d?host=/run/postgresql'))).toMatchObject({ host: '/run/postgresql', database: 'd' });
    for (const wrong of ['postgres://u:p@h:99999/d', 'postgres://u:%zz@h/d']) expect(() => loginOf(value(wrong))).toThrow(/port|read/);
  });

  it('never quotes what it can not read', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (rest) => {
        try {
          loginOf(value(`postgres://canary-user:canary-pass@${rest}`));
        } catch (error) {
          expect((error as Error).message).not.toContain('canary');
        }
      }),
    );
  });
});

describe('scramVerifier', () => {
  it('is what the server itself makes of the same password and salt', () => {
    // Taken from the example in RFC 7677: user "user", password "pencil".
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    expect(scramVerifier('pencil', salt)).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });

  it('has a salt of its own each time', () => {
    expect(scramVerifier('same')).not.toBe(scramVerifier('same'));
  });
});

describe('the unit of a rotation', () => {
  it('is the document where two users take turns and the field has the password alone', () => {
    const ref = { key: 'db', field: 'password' };
    expect(postgres.unit(ref, {})).toEqual(ref);
    expect(postgres.unit(ref, { users: 'alternate' })).toEqual({ key: 'db' });
    expect(postgres.unit({ key: 'db', field: 'url' }, { users: 'alternate' })).toEqual({ key: 'db', field: 'url' });
    for (const wrong of [
      { users: 'three' },
      { names: ['a'] },
      { names: ['a', 'a'] },
      { port: 'x' },
      { url: 'postgres://u:p@h/d' },
      { sslmode: 'maybe' },
    ])
      expect(() => postgres.unit(ref, wrong)).toThrow(/rotate\./);
  });
});
