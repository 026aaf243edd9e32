import { isOutside, permissionsOf } from '../../messages/permissions.js';
import { publicRequests, roles, type Place, type Role } from '../../messages/roles.js';

/** Each role signs in as a user of its own name, so that the server's own logs and errors name it. */
export interface ServerCredentials {
  readonly passwords: Readonly<Record<Role, string>>;
  /** For the servers among themselves. */
  readonly serverUser: string;
  readonly serverPassword: string;
  /** Of the system account: server events and JetStream administration. Nothing in Starling signs in with it. */
  readonly systemUser: string;
  readonly systemPassword: string;
}

/**
 * The accounts of one server. All roles share one account, as they share its streams; what tells them apart is what
 * they may publish and subscribe to. Every server knows every role: an actor signs in where it was placed, and the
 * permissions of a role already differ between data centers (messages/roles.ts).
 */
export function accountLines(credentials: ServerCredentials, place: Place): string[] {
  const { passwords, systemUser, systemPassword } = credentials;
  const { names, dataCenter: dc } = place;
  const services = servicesOf(place);
  const ingest = names.pattern('ingest');
  // What stood for the wildcard.
  const raw = names.pattern('raw', { dc, type: '$1' });
  return [
    'accounts {',
    '  $SYS {',
    `    users: [{ user: ${quoted(systemUser)}, password: ${quoted(systemPassword)} }]`,
    '  }',
    '  STARLING {',
    '    jetstream: enabled',
    '    users: [',
    ...inside.flatMap((role) => userLines(role, passwords[role], place)),
    '    ]',
    '    mappings {',
    `      ${quoted(ingest)}: ${quoted(raw)}`,
    '    }',
    '    exports: [',
    ...services.map(({ subject }) => `      { service: ${quoted(subject)}, accounts: [CLIENTS] }`),
    '    ]',
    '  }',
    '  CLIENTS {',
    '    users: [',
    ...outside.flatMap((role) => userLines(role, passwords[role], place)),
    '    ]',
    '    imports: [',
    ...services.map(({ subject, as }) => {
      const service = `{ account: STARLING, subject: ${quoted(subject)} }`;
      return `      { service: ${service}, to: ${quoted(as)} }`;
    }),
    '    ]',
    '  }',
    '}',
  ];
}

const inside = roles.filter((role) => !isOutside(role));
const outside = roles.filter(isOutside);

/** What clients may ask for, as they call it; their events go to the stream of the data center they are in. */
function servicesOf({ names, dataCenter }: Place): { subject: string; as: string }[] {
  const calls = publicRequests.map((row) => names.pattern(row));
  return [
    ...calls.map((subject) => ({ subject, as: subject })),
    { subject: names.pattern('raw', { dc: dataCenter }), as: names.pattern('ingest') },
  ];
}

function userLines(role: Role, password: string, place: Place): string[] {
  const { publish, refused, subscribe } = permissionsOf(role, place);
  const allowed = `[${publish.map(quoted).join(', ')}]`;
  const denied = `[${refused.map(quoted).join(', ')}]`;
  return [
    `      { user: ${quoted(role)}, password: ${quoted(password)}, permissions: {`,
    `        publish: ${refused.length > 0 ? `{ allow: ${allowed}, deny: ${denied} }` : allowed}`,
    `        subscribe: [${subscribe.map(quoted).join(', ')}]`,
    '      } }',
  ];
}

/** Quotes, backslashes and control characters are escaped alike in JSON and in the servers' format. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
