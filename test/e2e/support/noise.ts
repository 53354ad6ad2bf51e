/** Everything that makes the program, its runtime and its libraries talk. */

export const NOISE = {
  DEBUG: '*',
  NODE_DEBUG: 'child_process,http,https,net,tls,fetch,undici,stream,timer',
  NODE_DEBUG_NATIVE: 'HTTP2',
  AZURE_LOG_LEVEL: 'verbose',
  LOG_STREAM: '1',
  LOG_TOKENS: '1',
};

export const LOUD = ['-v', '--debug'] as const;
