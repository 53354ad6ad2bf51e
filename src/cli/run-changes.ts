/** `run --watch`: what happens when a secret of the running program has a new version. */
import { SecretsError } from '../core/errors.ts';
import { asFault } from '../provider-kit/operation.ts';
import type { Handover } from '../run/handover.ts';
import type { Prepared, Run } from '../run/prepare.ts';
import { Watch } from '../run/watch.ts';
import { WatchedDocuments } from '../run/watched.ts';
import type { Context } from './context.ts';
import type { WatchRules } from './run-options.ts';
import type { Started } from './run-start.ts';
import type { Stage, Successions } from './run-supervise.ts';

export interface ChangesOptions {
  readonly rules: WatchRules;
  readonly run: Run;
  /** What the first program gets. */
  readonly prepared: Prepared;
  readonly handover: Handover;
  /** Fetches everything anew. @throws SecretsError */
  readonly prepareAgain: (handover: Handover) => Promise<Prepared>;
  readonly newHandover: () => Handover;
  readonly start: (prepared: Prepared, handover: Handover) => Promise<Started>;
}

/** @throws SecretsError USAGE where no manager of this run tells its versions */
export function changesOf(context: Context, options: ChangesOptions): Successions {
  const documents = new WatchedDocuments(options.prepared.resolution, options.run.sessions);
  const unwatched = documents.unwatched.join(', ');
  if (documents.count === 0) {
    throw new SecretsError({
      code: 'USAGE',
      message: `there is nothing to watch${unwatched === '' ? '' : `: the managers of ${unwatched} do not tell versions without values`}`,
      hint: 'leave --watch out',
    });
  }
  if (unwatched !== '') context.output.notice(`not watched, since their managers do not tell versions without values: ${unwatched}`);
  return new Changes(context, documents, options);
}

class Changes implements Successions {
  readonly #context: Context;
  readonly #documents: WatchedDocuments;
  readonly #options: ChangesOptions;
  readonly #watch: Watch;
  #prepared: Prepared;
  #stage: Stage | undefined;
  /** The start that waits for the end of the program, and who waits for it. */
  #waiting: { readonly start: () => Promise<Started>; readonly over: () => void } | undefined;

  constructor(context: Context, documents: WatchedDocuments, options: ChangesOptions) {
    const { rules, run, prepared } = options;
    this.#context = context;
    this.#documents = documents;
    this.#options = options;
    this.#prepared = prepared;
    this.#watch = new Watch({
      interval: rules.interval,
      known: documents.known,
      look: () => run.again(() => documents.look()),
      onChange: (changed) => this.#react(documents.namesAt(changed)),
      onTrouble: (error) => this.#report(error),
    });
  }

  begin(stage: Stage): void {
    this.#stage = stage;
    this.#watch.start();
  }

  next(): (() => Promise<Started>) | undefined {
    const waiting = this.#waiting;
    if (waiting === undefined) return undefined;
    this.#waiting = undefined;
    return async () => {
      const started = await waiting.start();
      waiting.over();
      return started;
    };
  }

  end(): void {
    this.#watch.stop();
    this.#waiting?.over();
    this.#waiting = undefined;
  }

  #report(error: unknown): void {
    const { output } = this.#context;
    if (error === undefined) output.notice('new versions can be seen again');
    else output.notice(`new versions cannot be seen for now: ${asFault(error).message} (${this.#documents.count} watched; it goes on)`);
  }

  /** Whether the change was dealt with. */
  async #react(names: readonly string[]): Promise<boolean> {
    const { rules, run, handover, newHandover, prepareAgain } = this.#options;
    const { output } = this.#context;
    const next = typeof rules.action === 'object' ? handover : newHandover();
    let prepared: Prepared;
    try {
      prepared = await run.again(() => prepareAgain(next));
    } catch (error) {
      if (!(error instanceof SecretsError)) throw error;
      output.error(error, `the program goes on as it is; ${names.join(', ')} changed`);
      return false;
    }
    if (sameValues(this.#prepared, prepared)) {
      output.detail(`${names.join(', ')}: a new version with the same value`);
      return true;
    }
    return this.#act(names, prepared, next);
  }

  async #act(names: readonly string[], prepared: Prepared, handover: Handover): Promise<boolean> {
    const { rules, run, start } = this.#options;
    const { output } = this.#context;
    const stage = this.#stage;
    if (stage?.program.runs !== true) return true;
    const said = `${names.join(', ')} changed, so the program`;
    if (rules.action === 'exit') {
      output.notice(`${said} is asked to end`);
      stage.program.stopForGood();
      return true;
    }
    if (typeof rules.action === 'object') {
      try {
        stage.program.started.footprint.update(prepared, run);
      } catch {
        output.warn({
          message: `the files in memory cannot be written, so the program goes on with the old values of ${names.join(', ')}`,
        });
        return false;
      }
      output.notice(`${said} gets ${rules.action.signal}`);
      stage.program.signal(rules.action.signal);
      this.#prepared = prepared;
      return true;
    }
    this.#prepared = prepared;
    if (rules.overlap) {
      output.notice(`${said} is started anew, and the old one is asked to end`);
      await stage.overtake(() => start(prepared, handover));
      return true;
    }
    output.notice(`${said} is started anew`);
    return new Promise((resolve) => {
      this.#waiting = { start: () => start(prepared, handover), over: () => resolve(true) };
      stage.program.stopForGood();
    });
  }
}

/** Whether a program would get the same under every name. */
function sameValues(one: Prepared, other: Prepared): boolean {
  const before = new Map(one.valid.secrets.map(({ spec, secret }) => [spec.name, secret.value]));
  const after = other.valid.secrets;
  const injected = (prepared: Prepared): string => JSON.stringify(prepared.composed.injected);
  return (
    injected(one) === injected(other) &&
    after.length === before.size &&
    after.every(({ spec, secret }) => before.get(spec.name)?.equals(secret.value))
  );
}
