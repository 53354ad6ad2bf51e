/**
 * What AWS's errors mean. They are told apart by their name, never by the status (emulators differ there), and their
 * text is never printed: it can hold anything.
 */
import { Fault, plainWord } from '../../core/fault.ts';
import type { FaultDetail, FaultKind } from '../../core/fault.ts';

/** One request, as its faults name it. All parts are safe to print. */
export interface Call {
  /** Completes "AWS refuses to …", such as `read prod/db`. */
  readonly what: string;
  /** Completes "AWS has no …", such as `secret prod/db`. */
  readonly subject: string;
  /** The IAM action that it takes. */
  readonly permission: string;
  /** Default: `read`. */
  readonly kind?: 'read' | 'write';
}

const named = (...names: string[]): ReadonlySet<string> => new Set(names);

const NOT_FOUND = named('ResourceNotFoundException', 'ParameterNotFound', 'ParameterVersionNotFound', 'InvalidResourceId');
const KMS = named(
  'DecryptionFailure',
  'EncryptionFailure',
  'InvalidKeyId',
  'KMSAccessDeniedException',
  'KMSDisabledException',
  'KMSInvalidStateException',
  'KMSNotFoundException',
);
const DENIED = named(
  'AccessDenied',
  'AccessDeniedException',
  'UnauthorizedOperation',
  'OptInRequired',
  'NotAuthorized',
  'RegionDisabledException',
);
const EXPIRED = named('ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired');
const UNAUTHENTICATED = named(
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidIdentityToken',
  'InvalidIdentityTokenException',
  'IDPRejectedClaim',
  'AuthFailure',
);
const SKEWED = named('RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture');
/** Names that AWS also uses for a wrong clock; the server's date then tells. */
const MAYBE_SKEWED = named('InvalidSignatureException', 'SignatureDoesNotMatch', 'AuthFailure');
const THROTTLED = named(
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'ProvisionedThroughputExceededException',
  'SlowDown',
  'TooManyUpdates',
  'PriorRequestNotComplete',
);
const CONFLICT = named('ResourceExistsException', 'ParameterAlreadyExists', 'PreconditionNotMetException');
const UNAVAILABLE = named(
  'InternalServiceError',
  'InternalServiceErrorException',
  'InternalServerError',
  'InternalServerException',
  'InternalFailure',
  'ServiceUnavailable',
  'ServiceUnavailableException',
);
const TIMEOUT = named('RequestTimeout', 'RequestTimeoutException', 'TimeoutError');
const INVALID = named(
  'ValidationException',
  'ValidationError',
  'InvalidParameterException',
  'InvalidParameterValue',
  'ParameterPatternMismatchException',
  'UnsupportedParameterType',
);
const QUOTA = named('LimitExceededException', 'ParameterLimitExceeded', 'ParameterMaxVersionLimitExceeded', 'TooManyTagsError');
const UNSUPPORTED = named('UnknownOperationException', 'UnknownOperation', 'InvalidAction', 'NotImplemented', 'NotImplementedException');

/** Further apart than this, AWS refuses a request for its date (it allows 5 minutes). */
const SKEW_MS = 4 * 60_000;

/** The Fault for whatever a request of the SDK's, or reading its answer, threw. */
export function faultOf(error: unknown, call: Call, now: Date): Fault {
  if (error instanceof Fault) return error;
  const seen = readError(error);
  const { code, status } = seen;
  const fault = (kind: FaultKind, message: string, hint?: string, more?: Partial<FaultDetail>): Fault =>
    new Fault(kind, {
      message: code === undefined ? message : `${message} (${code})`,
      ...(hint === undefined ? {} : { hint }),
      ...(status === undefined ? {} : { status }),
      ...(code === undefined ? {} : { backendCode: code }),
      ...(seen.requestId === undefined ? {} : { requestId: seen.requestId }),
      ...more,
    });
  const is = (names: ReadonlySet<string>): boolean => code !== undefined && names.has(code);

  if (is(NOT_FOUND)) return fault('not-found', `AWS has no ${call.subject}`, 'check the name and the region of the provider');
  if (is(KMS) || (is(DENIED) && seen.mentionsKms)) {
    return fault(
      'denied',
      `the KMS key of ${call.subject} cannot be used`,
      'check that the key is enabled and that this identity may use it',
    );
  }
  if (is(DENIED)) return fault('denied', `AWS refuses to ${call.what}`, `allow ${call.permission} for this identity`);
  if (is(EXPIRED)) return fault('unauthenticated', 'the AWS credentials have expired', 'sign in again, for example with: aws sso login');
  if (is(SKEWED) || (is(MAYBE_SKEWED) && skewed(seen.serverDate, now))) {
    return fault(
      'unauthenticated',
      'the clock of this machine is wrong, so AWS refuses its requests',
      'set the clock: timedatectl set-ntp true',
    );
  }
  if (is(UNAUTHENTICATED)) return fault('unauthenticated', 'AWS does not accept the credentials', 'secrets doctor');
  if (is(THROTTLED) || status === 429) {
    return fault(
      'throttled',
      'AWS asks for fewer requests',
      undefined,
      seen.retryAfterMs === undefined ? {} : { retryAfterMs: seen.retryAfterMs },
    );
  }
  if (is(CONFLICT)) return fault('conflict', `${call.subject} exists or was changed meanwhile`);
  if (is(TIMEOUT)) return fault('timeout', `AWS did not answer in time when asked to ${call.what}`);
  if (is(UNAVAILABLE) || (status !== undefined && status >= 500)) {
    return fault(
      'unavailable',
      'AWS has a problem of its own',
      undefined,
      seen.retryAfterMs === undefined ? {} : { retryAfterMs: seen.retryAfterMs },
    );
  }
  if (is(QUOTA))
    return fault('unavailable', `a quota of the AWS account is reached, so it cannot ${call.what}`, undefined, { retryable: false });
  if (is(INVALID) && call.kind === 'write') {
    return fault('unsupported', `AWS does not accept the name or the value of ${call.subject}`, undefined, { code: 'VALUE_INVALID' });
  }
  if (is(INVALID)) return fault('ref', `AWS does not accept the name or version of ${call.subject}`, 'correct the reference');
  if (is(UNSUPPORTED)) return fault('unsupported', `the server cannot ${call.what}`);
  if (seen.aborted) return fault('cancelled', `interrupted: ${call.what}`);
  return fault('protocol', unexpectedAnswer(call).message);
}

/** The Fault for an answer that says nothing about what was asked. */
export const unexpectedAnswer = ({ what }: Call): Fault => new Fault('protocol', `AWS answered something unexpected when asked to ${what}`);

interface SeenError {
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly serverDate: string | undefined;
  readonly mentionsKms: boolean;
  readonly aborted: boolean;
}

function readError(error: unknown): SeenError {
  const { name, message, $metadata, $response } = recordOf(error);
  const metadata = recordOf($metadata);
  const headers = recordOf(recordOf($response).headers);
  const status = metadata.httpStatusCode;
  return {
    code: codeOf(name),
    status: typeof status === 'number' ? status : undefined,
    requestId: plainWord(metadata.requestId),
    retryAfterMs: retryAfter(headers['retry-after']),
    serverDate: typeof headers.date === 'string' ? headers.date : undefined,
    mentionsKms: typeof message === 'string' && /\bkms\b/i.test(message),
    aborted: name === 'AbortError',
  };
}

/** A name that has the shape of AWS's codes; the name of an unknown error comes from the answer's body. */
function codeOf(name: unknown): string | undefined {
  return typeof name === 'string' && /^[A-Z][A-Za-z]{3,59}$/.test(name) && !/^(?:Abort|Syntax|Type|Range)?Error$/.test(name)
    ? name
    : undefined;
}

function skewed(serverDate: string | undefined, now: Date): boolean {
  const date = serverDate === undefined ? Number.NaN : Date.parse(serverDate);
  return Math.abs(date - now.getTime()) > SKEW_MS;
}

function retryAfter(header: unknown): number | undefined {
  return typeof header === 'string' && /^\d{1,5}$/.test(header) ? Number(header) * 1000 : undefined;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
