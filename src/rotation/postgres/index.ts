/**
 * The rotator `postgres`. One user changes its password, or an administrator changes it; or two users take turns, so
 * that the log-in in use is never touched and nobody is refused at any moment.
 */
import type { Client } from 'pg';
import { Fault } from '../../core/fault.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import { makeMaterial, materialOf } from '../material.ts';
import type { Rotator, Target, TargetContext } from '../target.ts';
import { loginOf, withLogin, type Login } from './login.ts';
import { postgresOptions, type PostgresOptions } from './options.ts';
import { logIn, mayLogIn, setPassword } from './server.ts';

export const postgres: Rotator = {
  // Two users take turns with their names, which stand beside the password.
  unit: (ref, options) => {
    if (postgresOptions(options, '/').users === 'single') return ref;
    const { field, ...document } = ref;
    return field === 'password' || field === undefined ? document : ref;
  },
  open: async (context) => new PostgresTarget(context, postgresOptions(context.options, context.baseDir)),
};

/** A connection that may change passwords, and whose user's. */
interface Power {
  readonly client: Client;
  readonly login: Login;
  readonly isAdmin: boolean;
}

class PostgresTarget implements Target {
  readonly #context: TargetContext;
  readonly #options: PostgresOptions;
  #surroundings: Promise<Login> | undefined;
  /** Kept open after a change, so that a user who has lost both passwords can still put the former one back. */
  #power: Power | undefined;

  constructor(context: TargetContext, options: PostgresOptions) {
    this.#context = context;
    this.#options = options;
  }

  async next(): Promise<SecretValue> {
    const made = makeMaterial({ ...materialOf(this.#context.options), kind: 'password' });
    const password = made.reveal().toString('latin1');
    const current = await this.#context.current();
    try {
      // Whoever can't change a password is noticed before anything is stored.
      const login = await this.#loginFor(current);
      const power = await this.#powerOver(login);
      if (this.#options.users === 'single') return withLogin(current, { password });
      const [, other] = this.#turns(login.user);
      await mustLogIn(power, other);
      return withLogin(current, { password, user: other });
    } finally {
      current.wipe();
      made.wipe();
    }
  }

  async apply(value: SecretValue): Promise<void> {
    const login = await this.#loginFor(value);
    const password = passwordOf(login);
    const power = await this.#powerOver(login);
    if (power.isAdmin) await mustLogIn(power, login.user ?? '');
    await setPassword(power.client, power.isAdmin ? login.user : undefined, password, power.login);
  }

  async accepts(value: SecretValue): Promise<boolean> {
    const login = await this.#loginFor(value);
    const answer = await logIn(login, passwordOf(login), this.#options.ca);
    if (answer.state === 'in') await answer.client.end().catch(() => undefined);
    if (answer.state === 'not-asked')
      throw new Fault('denied', {
        message: 'PostgreSQL asks this user for no password from here, so that no password can be verified',
        hint: 'let pg_hba.conf ask for scram-sha-256, or name the host over which programs connect: rotate.host',
      });
    return answer.state === 'in';
  }

  async finish(): Promise<void> {}

  async retire(): Promise<'ended' | 'nothing'> {
    // Of one user the former password has ended with the change.
    if (this.#options.users === 'single') return 'nothing';
    const current = await this.#context.current();
    const login = await this.#loginFor(current);
    current.wipe();
    const [, other] = this.#turns(login.user);
    const { client, login: by } = await this.#powerOver(login);
    await setPassword(client, other, undefined, by);
    return 'ended';
  }

  async close(): Promise<void> {
    await this.#power?.client.end().catch(() => undefined);
    this.#power = undefined;
  }

  /** The user in use and the one whose turn is next. */
  #turns(user: string | undefined): readonly [string, string] {
    if (user === undefined)
      throw new Fault('options', {
        message: 'alternating users need a value that has the name of the user: a URL, or a document with the field username',
        hint: 'store postgres://USER:PASSWORD@HOST/DATABASE',
      });
    const base = user.replace(/_clone$/, '');
    const [one, other] = this.#options.names ?? [base, `${base}_clone`];
    if (user !== one && user !== other)
      throw new Fault('options', { message: 'the stored user is none of rotate.names', hint: 'correct rotate.names in the manifest' });
    return user === one ? [one, other] : [other, one];
  }

  /** What a value says, completed by the options and by what stands around the value. */
  async #loginFor(value: SecretValue): Promise<Login> {
    const own = loginOf(value);
    const known = { ...own, ...this.#options.login };
    if (known.host !== undefined && known.user !== undefined) return known;
    this.#surroundings ??= this.#lookAround();
    return { ...(await this.#surroundings), ...known };
  }

  /** The document around a field, and the administrator's own server. */
  async #lookAround(): Promise<Login> {
    const around = this.#context.field === undefined ? {} : loginOf(await this.#context.document());
    const admin = await this.#context.admin();
    const { host, port, database, sslmode } = admin === undefined ? {} : loginOf(admin);
    const { password: _password, ...rest } = around;
    return { ...(host === undefined ? {} : { host, port, database, sslmode }), ...rest };
  }

  async #powerOver(login: Login): Promise<Power> {
    this.#power ??= await this.#findPower(login);
    return this.#power;
  }

  async #findPower(login: Login): Promise<Power> {
    const { ca, adminUser } = this.#options;
    const admin = await this.#context.admin();
    if (admin !== undefined) {
      const own = loginOf(admin);
      const by: Login = { ...login, ...own, user: own.user ?? adminUser };
      const answer = await logIn(by, passwordOf(by), ca);
      if (answer.state === 'in') return { client: answer.client, login: by, isAdmin: true };
      throw new Fault('unauthenticated', {
        message: 'PostgreSQL does not accept the administrator',
        hint: 'check rotate.admin or --admin',
      });
    }
    if (this.#options.users === 'alternate')
      throw new Fault('options', {
        message: 'alternating users need the credential of an administrator',
        hint: `secrets rotate ${this.#context.label} --admin REFERENCE, or rotate.admin in the manifest`,
      });
    const current = await this.#context.current();
    const by = await this.#loginFor(current);
    current.wipe();
    const answer = await logIn(by, passwordOf(by), ca);
    if (answer.state === 'in') return { client: answer.client, login: by, isAdmin: false };
    throw new Fault('unauthenticated', {
      message: 'PostgreSQL does not accept the current value, with which the user would change its own password',
      hint: `secrets rotate ${this.#context.label} --resume --admin REFERENCE`,
    });
  }
}

async function mustLogIn({ client, login }: Power, user: string): Promise<void> {
  if (await mayLogIn(client, user, login)) return;
  throw new Fault('denied', {
    message: 'PostgreSQL has no such user that may log in',
    hint: 'create the user with the same rights as the one in use: CREATE ROLE … LOGIN IN ROLE …',
  });
}

function passwordOf({ password }: Login): string {
  if (password === undefined || password === '')
    throw new Fault('options', { message: 'the stored value has no password', hint: 'store a URL with a password, or the password alone' });
  return password;
}
