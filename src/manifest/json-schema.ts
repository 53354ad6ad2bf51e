/** The JSON Schema of `.secretsrc` for editors, made from the shape that checks it. */
import { manifestShape, type MapShape, type Shape } from './shape.ts';

type Schema = { readonly [key: string]: unknown };

/** What editors show about a key, wherever it stands. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  version: 'Version of this format: 1.',
  project: 'Namespace of the local store, and what ${project} stands for.',
  extends: 'A manifest whose definitions can be used here with inherit, or the profile that this one builds on.',
  defaultProfile: 'The profile when none is asked for. A protected one cannot be it.',
  providers: 'Secrets managers; the name is the beginning of their references.',
  use: 'Adapter of the provider. Default: its own name.',
  profiles: 'Overrides by profile; inside an entry, the profiles it is limited to.',
  protected: 'Must be asked for by name, without personal overrides, always masked and audited.',
  secrets: 'Variables of the program: NAME: reference, or a mapping.',
  ref: 'Where the value is: provider://path#field. In a list, the next is asked when the former is absent.',
  template: 'Text made of other secrets: ${NAME} or ${NAME|url}.',
  value: 'A plain setting. It is not masked, and the value of the parent wins.',
  default: 'Used when every reference is absent.',
  required: 'Whether nothing starts without it. Default: true.',
  sensitive: 'Whether it is masked. Default: true for references.',
  owner: 'Who answers for it.',
  contact: 'Where to ask.',
  runbook: 'What to do when it fails or leaks.',
  consumers: 'Programs that use it.',
  maxAge: 'How old the value may get, such as 90d.',
  as: 'How the program gets it: env (default), file, fd, or none.',
  rotate: 'How and how often the value is replaced.',
  generate: 'Whether secrets setup may make the value.',
  lease: 'What happens when a dynamic credential nears its end.',
  env: "What the program keeps of the parent's environment.",
  mask: 'Masking of what the program prints.',
  audit: 'The log of every access.',
  policy: 'What every secret must fulfil.',
};

/** A JSON Schema of draft 2020-12. */
export function manifestSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: '.secretsrc',
    description: 'Which secrets a project needs and where they are.',
    ...schemaOf(manifestShape),
  };
}

function schemaOf(shape: Shape): Schema {
  return shape.nullable === true ? orNull(plainSchema(shape)) : plainSchema(shape);
}

const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });

function plainSchema(shape: Shape): Schema {
  switch (shape.kind) {
    case 'text':
      return { type: 'string', ...(shape.pattern === undefined ? {} : { pattern: shape.pattern.source }) };
    case 'words':
      return { enum: shape.words };
    case 'setting':
      return { type: ['string', 'number', 'boolean'] };
    case 'flag':
      return { type: 'boolean' };
    case 'number':
      return shape.least === shape.most ? { const: shape.least } : { type: 'integer', minimum: shape.least, maximum: shape.most };
    case 'list':
      return { type: 'array', items: schemaOf(shape.of), ...(shape.least > 0 ? { minItems: shape.least } : {}) };
    case 'table':
      return { type: 'object', propertyNames: { pattern: shape.names.pattern.source }, additionalProperties: schemaOf(shape.of) };
    case 'either':
      return { anyOf: shape.options.map((option) => schemaOf(option)) };
    case 'map':
      return mapSchema(shape);
  }
}

function mapSchema({ keys, required, open, removable }: MapShape): Schema {
  const properties = Object.entries(keys).map(([key, inner]) => {
    const schema = removable && inner.nullable !== true ? orNull(schemaOf(inner)) : schemaOf(inner);
    return [key, { ...(DESCRIPTIONS[key] === undefined ? {} : { description: DESCRIPTIONS[key] }), ...schema }];
  });
  return {
    type: 'object',
    properties: Object.fromEntries(properties) as Schema,
    additionalProperties: open,
    ...(required.length > 0 ? { required } : {}),
  };
}
