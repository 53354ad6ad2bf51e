import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, it } from 'vitest';
import type { PostgresFacts } from './facts.ts';
import { describeWith } from './use.ts';

async function query(facts: PostgresFacts, user: string, password: string, sql: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ host: facts.host, port: facts.port, database: facts.database, user, password });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describeWith('postgres', 'the PostgreSQL server of the bed', (facts) => {
  it('lets its superuser in, and nobody with a wrong password', async () => {
    expect(await query(facts, facts.user, facts.password, 'select current_user::text as who')).toEqual([{ who: facts.user }]);
    await expect(query(facts, facts.user, 'canary-wrong', 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('refuses the old password of a user once it has a new one', async () => {
    const user = `smoke_${randomBytes(6).toString('hex')}`;
    const [old, next] = [1, 2].map(() => `canary-${randomBytes(12).toString('hex')}`) as [string, string];
    const asAdmin = (sql: string): Promise<readonly unknown[]> => query(facts, facts.user, facts.password, sql);
    await asAdmin(`create role ${user} login password '${old}'`);
    try {
      await query(facts, user, old, 'select 1');
      await asAdmin(`alter role ${user} password '${next}'`);
      await expect(query(facts, user, old, 'select 1')).rejects.toMatchObject({ code: '28P01' });
      expect(await query(facts, user, next, 'select current_user::text as who')).toEqual([{ who: user }]);
    } finally {
      await asAdmin(`drop role ${user}`);
    }
  });
});
