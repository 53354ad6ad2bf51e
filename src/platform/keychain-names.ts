/** The keychain service under which `secrets` keeps its own keys and tokens. References may not name it. */
export const OWN_KEYCHAIN_SERVICE = 'secretsrc';
