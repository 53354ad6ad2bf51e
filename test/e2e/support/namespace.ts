/** Mounts of a test's own, which nothing else on the machine sees. Needs root. */

/** Put in front of a program: runs a script in a mount namespace, and the program there if the script succeeds. */
export const inNamespace = (script: string): readonly string[] => [
  'unshare',
  '--mount',
  '--propagation',
  'private',
  'sh',
  '-c',
  `${script} && exec "$@"`,
  'sh',
];
