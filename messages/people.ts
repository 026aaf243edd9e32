import { answersRequests } from '../core/config/data-centers.js';
import type { ClusterConfig } from '../core/config/schema.js';
import { featuresSchema } from '../core/config/feature-schema.js';
import { simulationSchema } from '../core/config/sections.js';
import { asFields, asMessage, text, wrong, type Fields } from './checks.js';
import { decode, encode, protocolVersion } from './codec.js';
import { parseOperation, type Operation } from './operations.js';

/** Whose events a cluster learns from: those of the simulated audience, or of users of its own. */
export type People = 'audience' | 'own';

/** The key of the bucket that says so; absent where nobody has said it. */
export const peopleKey = 'people';

export function encodePeople(people: People): Uint8Array {
  return encode({ v: protocolVersion, people });
}

/** @throws StarlingError BAD_MESSAGE */
export function decodePeople(bytes: Uint8Array): People {
  const what = 'the people of the cluster';
  return peopleIn(asMessage(decode(bytes), what), what);
}

/** Who wants to come, over `starling.operate.people`. */
export interface PeopleRequest extends Operation {
  readonly people: People;
}

/** @throws StarlingError BAD_MESSAGE */
export function parsePeopleRequest(value: unknown): PeopleRequest {
  const what = 'people';
  return { ...parseOperation(value, what), people: peopleIn(asMessage(value, what), what) };
}

/** What the audience has to know of a cluster it lives in. */
export interface PeopleReply extends Pick<ClusterConfig, 'simulation' | 'features'> {
  /** Those that answer requests. */
  readonly dataCenters: readonly string[];
}

export function peopleReply({ simulation, features, dataCenters }: ClusterConfig): PeopleReply {
  const places = dataCenters.filter(answersRequests);
  return { simulation, features, dataCenters: places.map(({ name }) => name) };
}

/** @throws StarlingError BAD_MESSAGE */
export function parsePeopleReply(fields: Fields): PeopleReply {
  const what = 'people reply';
  const { dataCenters } = fields;
  const isList = Array.isArray(dataCenters) && dataCenters.length > 0;
  if (!isList || !dataCenters.every((each): each is string => typeof each === 'string'))
    throw wrong(what, 'dataCenters', 'names of data centers', dataCenters);
  const simulation = simulationSchema.safeParse(fields['simulation']);
  if (!simulation.success) throw wrong(what, 'simulation', 'an audience', fields['simulation']);
  const features = featuresSchema.safeParse(asFields(fields['features'], `${what}.features`));
  if (!features.success) throw wrong(what, 'features', 'features', fields['features']);
  return { simulation: simulation.data, features: features.data, dataCenters };
}

function peopleIn(fields: Fields, what: string): People {
  const people = text(fields, 'people', what);
  if (people === 'audience' || people === 'own') return people;
  throw wrong(what, 'people', 'audience or own', people);
}
