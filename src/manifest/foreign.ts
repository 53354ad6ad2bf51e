/** References in the notation of other tools: what to write here instead. */

interface Foreign {
  readonly pattern: RegExp;
  readonly title: string;
  readonly hint: string;
  /** Whether the notation is so peculiar that it is never a plain setting, so that env files are checked for it too. */
  readonly certain: boolean;
}

const STORE = 'put the value into a manager of yours: secrets set NAME';
const NO_GCP = 'Google Secret Manager is not available in this version; ' + STORE;

const FOREIGN: readonly Foreign[] = [
  { pattern: /^op:\/\//, title: '1Password', hint: 'move it once: op read REFERENCE | secrets set NAME', certain: true },
  { pattern: /^ref\+vault:\/\//, title: 'vals', hint: 'write vault://MOUNT/PATH#FIELD', certain: true },
  { pattern: /^ref\+awssecrets:\/\//, title: 'vals', hint: 'write aws://NAME#/FIELD', certain: true },
  { pattern: /^ref\+awsssm:\/\//, title: 'vals', hint: 'write ssm:///NAME', certain: true },
  { pattern: /^ref\+azurekeyvault:\/\//, title: 'vals', hint: 'write azure://VAULT/NAME', certain: true },
  { pattern: /^ref\+gcpsecrets:\/\//, title: 'vals', hint: NO_GCP, certain: true },
  { pattern: /^ref\+envsubst:\/\//, title: 'vals', hint: 'write env://NAME', certain: true },
  { pattern: /^ref\+[a-z0-9]+:\/\//, title: 'vals', hint: STORE, certain: true },
  { pattern: /^doppler:\/\//, title: 'Doppler', hint: STORE, certain: true },
  { pattern: /^infisical:\/\//, title: 'Infisical', hint: STORE, certain: true },
  { pattern: /^(?:bws?|bitwarden):\/\//, title: 'Bitwarden', hint: STORE, certain: true },
  { pattern: /^(?:berglas|sm|gsm|gcpsm):\/\//, title: 'Google Secret Manager', hint: NO_GCP, certain: true },
  { pattern: /^(?:akeyless|keeper|dl|pass|passbolt|keepassxc?):\/\//, title: 'another password manager', hint: STORE, certain: true },
  { pattern: /^(?:>>)?vault:[^/\s][^\s]*#/, title: 'Vault (bank-vaults)', hint: 'write vault://MOUNT/PATH#FIELD', certain: true },
  { pattern: /^@Microsoft\.KeyVault\(/i, title: 'Azure App Service', hint: 'write azure://VAULT/NAME', certain: true },
  { pattern: /^arn:aws[a-z-]*:secretsmanager:/, title: 'AWS (an ARN alone)', hint: 'put aws:// in front of the ARN', certain: false },
  { pattern: /^arn:aws[a-z-]*:ssm:/, title: 'AWS (an ARN alone)', hint: 'write ssm:///NAME', certain: false },
];

/**
 * The recipe for a reference of another tool, or undefined.
 * @param inEnvFile there, texts that may as well be plain settings are left alone
 */
export function foreignRecipe(text: string, inEnvFile = false): { readonly message: string; readonly hint: string } | undefined {
  const found = FOREIGN.find((entry) => (entry.certain || !inEnvFile) && entry.pattern.test(text));
  return found === undefined
    ? undefined
    : { message: `this is a reference of ${found.title}, which is written differently here`, hint: found.hint };
}
