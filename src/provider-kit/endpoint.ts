/** The rules for addresses, for adapters. No I/O. */
export { checkEndpoint, checkTlsEnvironment, isLoopback } from '../platform/http-endpoint.ts';
