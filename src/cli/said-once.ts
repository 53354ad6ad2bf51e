/** For commands that load the manifest more than once, around their questions: its warnings are said the first time. */
import type { Context } from './context.ts';
import { Output } from './output.ts';

class WithoutWarnings extends Output {
  override warn(): void {
    // said when the manifest was first loaded
  }
}

/** The same context for a later look. */
export const again = (context: Context): Context => ({ ...context, output: new WithoutWarnings(context.output.options) });
