/** How many requests a list of many references takes, and how long it is then behind a network. */
import { atMost, inTurns, ms, timed, type Place, type Row } from './measure.ts';
import { SECRETS, type Machine, type Servers } from './project.ts';

const ROUNDS = 7;
const COUNT = 500;

interface Manager {
  readonly title: string;
  readonly use: string;
  readonly scheme: string;
  readonly options: (address: string) => object;
  readonly reference: (index: number) => string;
  /** Requests promised: each document's metadata and fields; pages of a list. */
  readonly limit: number;
}

const MANAGERS: readonly Manager[] = [
  {
    title: 'vault',
    use: 'vault',
    scheme: 'vault',
    options: (address) => ({ address }),
    reference: (index) => `vault://kv/app/s${index}#value`,
    limit: 2 * COUNT + 1,
  },
  {
    title: 'AWS Secrets Manager',
    use: 'aws-secrets-manager',
    scheme: 'aws',
    options: (endpoint) => ({ endpoint, region: 'eu-west-1' }),
    reference: (index) => `aws://app/s${index}`,
    limit: COUNT / 100,
  },
];

export async function listing(machine: Machine, servers: Servers): Promise<readonly Row[]> {
  const places = new Map(MANAGERS.map((manager) => [manager.title, placeOf(manager, machine, servers)]));
  const list = [...SECRETS, 'list'];
  const times = await inTurns(ROUNDS, Object.fromEntries([...places].map(([title, place]) => [title, () => timed(list, place)])));
  const rows: Row[] = [];
  for (const { title, limit } of MANAGERS) {
    const place = places.get(title);
    const figures = times[title];
    if (place === undefined || figures === undefined) continue;
    await servers.requests();
    await timed(list, place);
    const requests = await servers.requests();
    rows.push({
      part: 'listing',
      what: `list of ${COUNT} from ${title}`,
      result: `${requests} requests, ${ms(figures.wallMs)}`,
      ...atMost(limit, requests, ' requests'),
    });
  }
  return rows;
}

const placeOf = ({ use, scheme, options, reference }: Manager, machine: Machine, servers: Servers): Place =>
  machine.project(`list-${use}`, {
    providers: { [scheme]: { use, ...options(servers.slow) } },
    secrets: Object.fromEntries(Array.from({ length: COUNT }, (_, index) => [`S${index}`, reference(index)])),
  });
