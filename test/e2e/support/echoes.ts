/** Answers of a manager that repeats what it was sent, and a value besides, in every place where it can. */
import type { Answer, SeenRequest } from './fault-server.ts';

const everything = ({ headers, body, path }: SeenRequest): string => `${JSON.stringify(headers)} ${body} ${path}`;
const echo = (status: number, request: SeenRequest, value: string): Answer => ({
  status,
  headers: { 'x-amzn-requestid': value, 'x-amzn-errortype': value, 'retry-after': value },
  body: { errors: [everything(request), value], message: `${value} ${everything(request)}`, __type: value, Message: value, code: value },
});

export const echoes: readonly (readonly [string, (request: SeenRequest, value: string) => Answer])[] = [
  ['400', (request, value) => echo(400, request, value)],
  ['403', (request, value) => echo(403, request, value)],
  ['500', (request, value) => echo(500, request, value)],
  ['418', (request, value) => echo(418, request, value)],
  ['a malformed 200', (request, value) => ({ status: 200, body: `${everything(request)} ${value} {"data":` })],
  ['a 200 of another shape', (request, value) => ({ body: { data: everything(request), errors: value, request_id: value } })],
  [
    'a 200 that is no HTTP body of its type',
    (request, value) => ({ headers: { 'content-type': 'text/html', 'x-request-id': value }, body: everything(request) }),
  ],
];
