import { subject } from '../../messages/default-names.testkit.js';
import type { ActorContext, CreateActor } from '../../runtime/actor.js';
import { runActorProcess } from '../../runtime/actor-process.js';
import { ServedEndpoint } from '../../runtime/serve-endpoint.js';

/** A recommender that only says where it is: what is left of one when it needs no items and no rankers. */
const create: CreateActor = ({ bus, identity: { dataCenter, epoch } }: ActorContext) => {
  let endpoint: ServedEndpoint | undefined;
  let open = true;
  return {
    async start() {
      endpoint = new ServedEndpoint(bus, {
        subject: subject.recommend,
        queue: 'recommender',
        open,
        inFlightMax: 128,
        deadlineMs: 10_000,
        handle: async () => ({ dataCenter, epoch }),
      });
      await bus.flush();
    },
    async stop() {
      await endpoint?.stop();
    },
    async serve(wanted) {
      open = wanted;
      await (open ? endpoint?.resume() : endpoint?.suspend());
    },
    stats: () => undefined,
  };
};

runActorProcess(async () => create);
