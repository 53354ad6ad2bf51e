/** What can stand at the end of a command line that is being typed: the logic behind the scripts of all shells. */
import type { Argument, Command, Option } from 'commander';
import { POLICY_FIELDS } from '../core/model.ts';
import { STATES } from '../run/condition.ts';
import { FAILED_STATES, WHERE_FIELDS } from '../run/where.ts';
import { COLUMNS } from './list-columns.ts';

export interface Candidate {
  readonly value: string;
  readonly description?: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /**
   * What the shell adds from its own knowledge: file names, or what completes the command line of the program to
   * run, which begins `wordsBack` words before the last one.
   */
  readonly also?: 'files' | { readonly wordsBack: number };
}

/** What the words before say about the manifest. */
export interface Chosen {
  readonly manifest?: string;
  readonly profile?: string;
}

/** What names there are; each may be empty, none may fail. */
export interface Known {
  names(chosen: Chosen): Promise<readonly Candidate[]>;
  profiles(chosen: Chosen): Promise<readonly Candidate[]>;
  providers(chosen: Chosen): Promise<readonly Candidate[]>;
  tags(chosen: Chosen): Promise<readonly Candidate[]>;
}

export interface Grammar {
  /** All commands, by name and summary. */
  readonly program: Command;
  /** Options that every command takes. */
  readonly globals: readonly Option[];
  /** The command with its own arguments, options and subcommands. */
  load(command: Command): Promise<Command>;
}

/** Where in the command line the last word stands. */
interface Place {
  readonly command: Command | undefined;
  readonly options: readonly Option[];
  /** Arguments of the command before the last word. */
  readonly position: number;
  /** Only arguments follow: `--` was there, or the program that is run. */
  readonly argumentsOnly: boolean;
  /** The option whose value the last word is. */
  readonly pending: Option | undefined;
  readonly chosen: Chosen;
}

/** @param words behind the program's name; the last is the one being typed, possibly empty */
export async function complete(words: readonly string[], grammar: Grammar, known: Known): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const place = await placeOf(words.slice(0, -1), grammar);
  if (place === undefined) return { candidates: [] };
  const { candidates, also } = await offers(current, place, grammar, known);
  return { candidates: candidates.filter(({ value }) => value.startsWith(current)), ...(also === undefined ? {} : { also }) };
}

/** Undefined behind a command that does not exist. */
async function placeOf(words: readonly string[], grammar: Grammar): Promise<Place | undefined> {
  let command: Command | undefined;
  let options = grammar.globals;
  let [position, argumentsOnly] = [0, false];
  let pending: Option | undefined;
  const chosen: { manifest?: string; profile?: string } = {};
  const take = (option: Option, value: string): void => {
    const name = option.attributeName();
    if (name === 'manifest' || name === 'profile') chosen[name] = value;
  };
  for (const word of words) {
    if (pending !== undefined) {
      take(pending, word);
      pending = undefined;
    } else if (argumentsOnly) position += 1;
    else if (word === '--') argumentsOnly = true;
    else if (word.startsWith('-') && word !== '-') {
      const [name = '', ...rest] = word.split('=');
      const option = options.find(({ long, short }) => long === name || short === name);
      if (option?.required === true && rest.length === 0) pending = option;
      else if (option !== undefined) take(option, rest.join('='));
    } else {
      const next: Command | undefined = position === 0 ? named(command ?? grammar.program, word) : undefined;
      if (command === undefined && next === undefined) return undefined;
      if (next !== undefined) {
        command = command === undefined ? await grammar.load(next) : next;
        options = [...command.options, ...grammar.globals];
      } else {
        position += 1;
        // What follows the program to run belongs to that program.
        argumentsOnly = takesProgram(command);
      }
    }
  }
  return { command, options, position, argumentsOnly, pending, chosen };
}

const named = (parent: Command, word: string): Command | undefined =>
  parent.commands.find((command) => command.name() === word || command.aliases().includes(word));

const takesProgram = (command: Command | undefined): boolean => command?.registeredArguments[0]?.name() === 'command';

async function offers(current: string, place: Place, grammar: Grammar, known: Known): Promise<Completion> {
  const { command, options, pending, chosen } = place;
  if (pending !== undefined) return valuesOf(pending, current, chosen, known);
  if (!place.argumentsOnly && current.startsWith('-')) {
    const at = current.indexOf('=');
    if (at < 0) return { candidates: [...options.filter((option) => !option.hidden).flatMap(optionCandidate), HELP] };
    const option = options.find(({ long }) => long === current.slice(0, at));
    if (option === undefined) return { candidates: [] };
    const values = await valuesOf(option, current.slice(at + 1), chosen, known);
    return { ...values, candidates: behind(current.slice(0, at + 1), values.candidates) };
  }
  const commands = place.position === 0 && !place.argumentsOnly ? (command ?? grammar.program).commands : [];
  const subcommands = commands.map((one): Candidate => ({ value: one.name(), description: one.summary() }));
  if (command === undefined) return { candidates: subcommands };
  const declared = command.registeredArguments;
  const last = declared.at(-1);
  const argument = declared[place.position] ?? (last?.variadic === true ? last : undefined);
  if (place.argumentsOnly && takesProgram(command)) return { candidates: [], also: { wordsBack: place.position } };
  const own = argument === undefined ? { candidates: [] } : await argumentOffers(argument, chosen, known);
  return { ...own, candidates: [...subcommands, ...own.candidates] };
}

const HELP: Candidate = { value: '--help', description: 'show help' };

const optionCandidate = ({ long, description }: Option): readonly Candidate[] =>
  long === undefined || long === null ? [] : [{ value: long, description }];

const behind = (head: string, candidates: readonly Candidate[]): readonly Candidate[] =>
  candidates.map((candidate) => ({ ...candidate, value: head + candidate.value }));

async function argumentOffers(argument: Argument, chosen: Chosen, known: Known): Promise<Completion> {
  if (argument.argChoices !== undefined) return { candidates: argument.argChoices.map((value) => ({ value })) };
  return byPlaceholder(argument.name(), chosen, known);
}

async function valuesOf(option: Option, current: string, chosen: Chosen, known: Known): Promise<Completion> {
  if (option.argChoices !== undefined) return { candidates: option.argChoices.map((value) => ({ value })) };
  const name = option.attributeName();
  if (name === 'profile') return { candidates: await known.profiles(chosen) };
  // A single <name> is that of whatever the option is about; <names> are secrets.
  const placeholder = /<([^>]+)>/.exec(option.flags)?.[1] ?? '';
  const offered = await byPlaceholder(placeholder === 'name' ? name : placeholder, chosen, known);
  const comma = current.lastIndexOf(',');
  // A list: what stands before the last comma stays, and is not offered again.
  if (comma < 0 || offered.candidates.length === 0) return offered;
  const head = current.slice(0, comma + 1);
  const before = head.split(',');
  return {
    candidates: behind(
      head,
      offered.candidates.filter(({ value }) => !before.includes(value)),
    ),
  };
}

/** Arguments and options name what they take: one rule for all commands. */
async function byPlaceholder(placeholder: string, chosen: Chosen, known: Known): Promise<Completion> {
  switch (placeholder.toLowerCase()) {
    case 'name':
    case 'names':
      return { candidates: await known.names(chosen) };
    case 'provider':
    case 'providers':
      return { candidates: await known.providers(chosen) };
    case 'tags':
      return { candidates: await known.tags(chosen) };
    case 'fields':
      return { candidates: POLICY_FIELDS.map((value) => ({ value })) };
    case 'pairs':
      return { candidates: await whereWords(chosen, known) };
    case 'column':
      return { candidates: COLUMNS.map((value) => ({ value })) };
    case 'file':
    case 'dirs...':
      return { candidates: [], also: 'files' };
    case 'command':
      return { candidates: [], also: { wordsBack: 0 } };
    default:
      return { candidates: [] };
  }
}

/** `field=` for each field of `--where`, and whole pairs where the values are known. */
async function whereWords(chosen: Chosen, known: Known): Promise<readonly Candidate[]> {
  const [names, providers, tags] = await Promise.all([known.names(chosen), known.providers(chosen), known.tags(chosen)]);
  return [
    ...WHERE_FIELDS.map((field) => ({ value: `${field}=` })),
    ...[...STATES, ...FAILED_STATES].map((state) => ({ value: `state=${state}` })),
    ...behind('name=', names),
    ...behind('provider=', providers),
    ...behind('tag=', tags),
    ...POLICY_FIELDS.map((field) => ({ value: `lacks=${field}` })),
  ];
}
