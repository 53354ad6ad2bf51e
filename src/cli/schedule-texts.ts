/** What other programs have to be told so that they rotate what is due: text to be put into their files. Pure. */

export const SCHEDULE_FORMATS = ['crontab', 'systemd', 'github', 'kubernetes'] as const;

export type ScheduleFormat = (typeof SCHEDULE_FORMATS)[number];

export interface ScheduleFacts {
  /** Absolute path of the folder with the manifest. */
  readonly dir: string;
  /** The program, as the scheduler finds it. */
  readonly program: string;
  /** Name of the project, for titles. */
  readonly project: string;
  /** Options behind `secrets rotate --due --yes`. */
  readonly options: readonly string[];
  /** Hour and minute of the day, in UTC where the scheduler has a choice. */
  readonly hour: number;
  readonly minute: number;
}

const command = ({ options }: ScheduleFacts): readonly string[] => ['rotate', '--due', '--yes', ...options];

/** A word for a POSIX shell. */
const shellWord = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
const shellLine = (words: readonly string[]): string => words.map(shellWord).join(' ');

/** In a crontab a percent sign is a newline unless it is escaped. */
function crontab(facts: ScheduleFacts): string {
  const line = `cd ${shellWord(facts.dir)} && ${shellLine([facts.program, ...command(facts)])}`;
  return `# rotates what is due of ${facts.project}, once a day; add it with: crontab -e
${facts.minute} ${facts.hour} * * * ${line.replaceAll('%', '\\%')}
`;
}

/** A word for a unit file: quoted, its specifiers and variables taken literally. */
const unitWord = (word: string): string => {
  const literal = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(literal) ? literal : `"${literal.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
};

function systemd(facts: ScheduleFacts): string {
  const time = [facts.hour, facts.minute].map((part) => String(part).padStart(2, '0')).join(':');
  return `# ~/.config/systemd/user/secrets-rotate.service
[Unit]
Description=Rotate the secrets of ${facts.project} that are due

[Service]
Type=oneshot
WorkingDirectory=${facts.dir.replaceAll('%', '%%')}
ExecStart=${[facts.program, ...command(facts)].map(unitWord).join(' ')}

# ~/.config/systemd/user/secrets-rotate.timer
[Unit]
Description=Every day: rotate the secrets of ${facts.project} that are due

[Timer]
OnCalendar=*-*-* ${time}:00 UTC
RandomizedDelaySec=15m
Persistent=true

[Install]
WantedBy=timers.target

# systemctl --user daemon-reload && systemctl --user enable --now secrets-rotate.timer
`;
}

const yamlText = (text: string): string => JSON.stringify(text);

function github(facts: ScheduleFacts): string {
  return `# .github/workflows/rotate-secrets.yml
name: rotate secrets
on:
  schedule:
    - cron: ${yamlText(`${facts.minute} ${facts.hour} * * *`)}
  workflow_dispatch:
permissions:
  contents: read
  id-token: write
concurrency: rotate-secrets
jobs:
  rotate:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    env:
      SECRETS_REASON: schedule
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-node@v4
        with:
          node-version: 24
      - run: npm install --global secretsrc
      # Agrees to what this manifest says now: replace 1 by the sha256 that secrets trust --show prints.
      - run: ${yamlText(shellLine(['secrets', ...command(facts)]))}
        env:
          SECRETS_TRUST: "1"
`;
}

/** A label and name as Kubernetes takes them. */
const kubernetesName = (text: string): string =>
  `rotate-${text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 52).replace(/-+$/, '');

function kubernetes(facts: ScheduleFacts): string {
  return `# An image that holds secrets and, in /app, the manifest; its service account signs in to the managers.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: ${kubernetesName(facts.project)}
spec:
  schedule: ${yamlText(`${facts.minute} ${facts.hour} * * *`)}
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      backoffLimit: 2
      template:
        spec:
          restartPolicy: Never
          serviceAccountName: secrets-rotate
          containers:
            - name: secrets
              image: REGISTRY/IMAGE@sha256:DIGEST
              workingDir: /app
              command: [${['secrets', ...command(facts)].map(yamlText).join(', ')}]
              env:
                - name: SECRETS_REASON
                  value: schedule
                - name: SECRETS_STATE_DIR
                  value: /state
              securityContext:
                runAsNonRoot: true
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
              volumeMounts:
                - name: state
                  mountPath: /state
          volumes:
            - name: state
              persistentVolumeClaim:
                claimName: secrets-state
`;
}

const TEXTS: Readonly<Record<ScheduleFormat, (facts: ScheduleFacts) => string>> = { crontab, systemd, github, kubernetes };

export const scheduleText = (format: ScheduleFormat, facts: ScheduleFacts): string => TEXTS[format](facts);
