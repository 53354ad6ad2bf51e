/**
 * The rotator `exec`: a program of the user's that makes a value, sets it, tests it and cleans up. It gets values on
 * stdin only, and its own small environment.
 */
import { Fault } from '../../core/fault.ts';
import { parseDuration } from '../../core/duration.ts';
import type { SecretValue } from '../../core/secret-value.ts';
import { findCommand } from '../../platform/command.ts';
import { commandOf } from '../hooks.ts';
import { makeMaterial, materialOf } from '../material.ts';
import type { Rotator, Target, TargetContext } from '../target.ts';
import {
  EXEC_STEPS,
  faultOfProgram,
  fromWire,
  helloAnswer,
  stepAnswer,
  toWire,
  wrongAnswer,
  type ExecStep,
  type StepAnswer,
} from './messages.ts';
import { Program } from './program.ts';

const DEFAULT_LIMIT_MS = 60_000;
/** What every program needs to run, besides what rotate.pass names. */
const PASSED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'];

export const exec: Rotator = {
  unit: (ref, options) => {
    requiredCommand(options);
    passedNames(options);
    limitOf(options);
    materialOf(options);
    return ref;
  },
  open: async (context) => ExecTarget.start(context),
};

class ExecTarget implements Target {
  readonly #context: TargetContext;
  readonly #program: Program;
  #steps: ReadonlySet<string> = new Set();
  #needs: ReadonlySet<string> = new Set();
  #id = 0;

  private constructor(context: TargetContext, program: Program) {
    this.#context = context;
    this.#program = program;
  }

  static async start(context: TargetContext): Promise<ExecTarget> {
    const { options, env, baseDir, say, signal } = context;
    const [command, ...args] = requiredCommand(options);
    const found = findCommand(command, env['PATH'], baseDir);
    if (!found.ok)
      throw new Fault('options', {
        message: `the program of rotate.command cannot be started: ${found.message}`,
        hint: 'check rotate.command in the manifest',
      });
    const names = [...PASSED, ...passedNames(options)];
    const own = Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
    const program = new Program({ file: found.file, args, cwd: baseDir, env: own, limitMs: limitOf(options), say, signal });
    const target = new ExecTarget(context, program);
    try {
      await target.#hello();
      return target;
    } catch (error) {
      await program.close();
      throw error;
    }
  }

  async next(): Promise<SecretValue> {
    if (!this.#steps.has('create')) return makeMaterial(materialOf(this.#context.options));
    const made = fromWire((await this.#step('create', await this.#extras())).value);
    this.#program.know(made);
    return made;
  }

  async apply(value: SecretValue): Promise<void> {
    await this.#step('set', { value, ...(await this.#extras()) });
  }

  async accepts(value: SecretValue): Promise<boolean> {
    const { accepted } = await this.#step('test', { value });
    if (accepted === undefined) throw wrongAnswer('the answer to test has no accepted');
    return accepted;
  }

  async finish(value: SecretValue): Promise<void> {
    if (this.#steps.has('finish')) await this.#step('finish', { value });
  }

  async retire(): Promise<'ended' | 'nothing'> {
    if (!this.#steps.has('retire')) return 'nothing';
    await this.#step('retire', await this.#extras());
    return 'ended';
  }

  async close(): Promise<void> {
    await this.#program.close();
  }

  async #hello(): Promise<void> {
    const { label, reference, rotation } = this.#context;
    const answer = parsed(await this.#program.ask({ id: this.#id, step: 'hello', contract: 1, name: label, reference, rotation }));
    const hello = helloAnswer.safeParse(answer);
    if (!hello.success) throw wrongAnswer('the answer to hello needs steps, such as ["set", "test"]');
    this.#steps = new Set(hello.data.steps.filter((step) => EXEC_STEPS.some((known) => known === step)));
    this.#needs = new Set(hello.data.needs);
    for (const step of ['set', 'test']) if (!this.#steps.has(step)) throw wrongAnswer(`it must know the step ${step}`);
  }

  /** The values that the program asked for. */
  async #extras(): Promise<Readonly<Record<string, SecretValue>>> {
    const current = this.#needs.has('current') ? await this.#context.current() : undefined;
    const admin = this.#needs.has('admin') ? await this.#context.admin() : undefined;
    return { ...(current === undefined ? {} : { current }), ...(admin === undefined ? {} : { admin }) };
  }

  async #step(step: ExecStep, values: Readonly<Record<string, SecretValue>>): Promise<StepAnswer> {
    for (const value of Object.values(values)) this.#program.know(value);
    const id = ++this.#id;
    const wire = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toWire(value)]));
    const answer = stepAnswer.safeParse(parsed(await this.#program.ask({ id, step, ...wire })));
    if (!answer.success || answer.data.id !== id) throw wrongAnswer(`the answer to ${step} needs its id and ok`);
    if (!answer.data.ok) throw faultOfProgram(step, answer.data.code);
    return answer.data;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw wrongAnswer('a line is no JSON object');
  }
}

function requiredCommand(options: TargetContext['options']): readonly [string, ...string[]] {
  const argv = commandOf(options, 'command');
  if (argv === undefined)
    throw new Fault('options', {
      message: 'the rotator exec needs a program',
      hint: 'add command: [./rotate-it] to rotate in the manifest',
    });
  return argv;
}

function passedNames(options: TargetContext['options']): readonly string[] {
  const names = options['pass'] ?? [];
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string'))
    throw new Fault('options', { message: 'rotate.pass must be a list of names of variables', hint: 'write pass: [AWS_REGION]' });
  return names as readonly string[];
}

function limitOf(options: TargetContext['options']): number {
  const given = options['timeout'];
  if (given === undefined) return DEFAULT_LIMIT_MS;
  const limit = typeof given === 'string' ? parseDuration(given) : undefined;
  if (limit === undefined || limit === 0)
    throw new Fault('options', { message: 'rotate.timeout must be a duration', hint: 'write timeout: 60s' });
  return limit;
}
