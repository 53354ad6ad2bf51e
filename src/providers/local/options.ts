/** The options of a `local` provider, as its entry in the manifest may say them. */
import * as z from 'zod/mini';

const recipient = z
  .string('must be text')
  .check(z.regex(/^age1[02-9ac-hj-np-z]{58}$/, 'must be an age recipient, age1…; secrets whoami --recipient prints your own'));

export const optionsSchema = z
  .strictObject(
    {
      /** Folder of the store, relative to the manifest. */
      path: z.optional(z.string('must be text').check(z.minLength(1, 'must not be empty'))),
      /** Makes it a team store: who can read, one recipient per person or machine. */
      recipients: z.optional(
        z.array(recipient, 'must be a list of age recipients').check(z.minLength(1, 'must name at least one recipient')),
      ),
    },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? `unknown option ${issue.keys.join(', ')}` : 'must be names with values') },
  )
  .check(
    z.refine(
      (options) => options.recipients === undefined || options.path !== undefined,
      'recipients need a path: a team store is a folder beside the manifest',
    ),
  );

export type Options = z.infer<typeof optionsSchema>;
