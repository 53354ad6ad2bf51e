// A rotator over the protocol of `exec`, for a target that is a file: { "accepts": VALUE, "refuse"?: true,
// "forget"?: true, "kill"?: "STEP:before|after", "hang"?: STEP, "steps"?: [...] }. Killing means whoever started it. Notes the steps beside the file.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [file] = process.argv.slice(2);
const target = () => JSON.parse(readFileSync(file, 'utf8'));
const maybeKill = (when) => {
  if (target().kill !== when) return;
  process.kill(process.ppid, 'SIGKILL');
  process.exit(1);
};
const answer = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const { id, step, value, current } = JSON.parse(line);
  appendFileSync(`${file}.log`, `${step}\n`);
  if (step === 'hello') {
    answer({ id, steps: ['set', 'test', 'finish', ...(target().steps ?? [])], needs: ['current'] });
    continue;
  }
  maybeKill(`${step}:before`);
  if (target().hang === step) continue;
  const { refuse, forget, accepts } = target();
  console.error(`${step} ${value?.utf8 ?? ''} ${current?.utf8 ?? ''}`);
  let result = { id, ok: true };
  if (step === 'create') result = { id, ok: true, value: { utf8: `canary-made-${process.pid}-${Date.now()}` } };
  if (step === 'set' && refuse) result = { id, ok: false, code: 'refused' };
  else if (step === 'set')
    writeFileSync(file, JSON.stringify({ ...target(), accepts: forget && value.utf8 !== current.utf8 ? '' : value.utf8 }));
  if (step === 'test') result = { id, ok: true, accepted: value.utf8 === accepts };
  maybeKill(`${step}:after`);
  answer(result);
}
