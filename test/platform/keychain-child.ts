/** Makes the keychain calls of its argument, a JSON list of `[method, …arguments]`, prints what each gave, and exits with status 3. */
import { Fault } from '../../src/core/fault.ts';
import { SecretValue } from '../../src/core/secret-value.ts';
import { openKeychain } from '../../src/platform/keychain.ts';

const keychain = await openKeychain(process.env, Number(process.env.CALL_MS ?? 20_000));

async function call([method, service = '', account = '', base64 = '']: readonly string[]): Promise<Record<string, unknown>> {
  try {
    if (method === 'probe') return { ...(await keychain.probe()) };
    if (method === 'set') return { done: await keychain.set(service, account, SecretValue.fromBytes(Buffer.from(base64, 'base64'))) };
    if (method === 'delete') return { deleted: await keychain.delete(service, account) };
    const item = await keychain.get(service, account);
    return item.state === 'absent' ? item : { state: item.state, base64: item.value.reveal().toString('base64') };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { fault: error.kind, code: error.code, message: error.message, hint: error.detail.hint };
  }
}

for (const step of JSON.parse(process.argv[2] ?? '[]') as readonly (readonly string[])[]) console.log(JSON.stringify(await call(step)));
process.exit(3);
