/** The part of the Standard Schema interface (standardschema.dev, version 1) that we use: any such library's schemas fit. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

/** The schema of an adapter that has no options. */
export function noOptions(adapter: string): StandardSchema<unknown, Readonly<Record<string, never>>> {
  return {
    '~standard': {
      version: 1,
      vendor: 'secrets',
      validate: (value) => (isEmpty(value) ? { value: {} } : { issues: [{ message: `${adapter} has no options` }] }),
    },
  };
}

export interface LazySchema<Output> extends StandardSchema<unknown, Output> {
  /** The schema itself, for what it says about the options. */
  readonly load: () => Promise<StandardSchema<unknown, Output>>;
}

/**
 * A schema that is loaded when there is something to check: most entries of such a provider have no options, and a
 * schema library takes a good part of a start.
 */
export function lazySchema<Output>(load: () => Promise<StandardSchema<unknown, Output>>, whenEmpty: Output): LazySchema<Output> {
  return {
    load,
    '~standard': {
      version: 1,
      vendor: 'secrets',
      validate: async (value) => (isEmpty(value) ? { value: whenEmpty } : (await load())['~standard'].validate(value)),
    },
  };
}
