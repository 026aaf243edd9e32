import { StarlingError } from '../core/base/errors.js';
import { blueprintOf } from '../core/blueprint/blueprint.js';
import { networkBytes } from '../core/blueprint/message-sizes.js';
import type { ClusterConfig } from '../core/config/schema.js';

/** NATS has no longer ones. */
const serverBytesMax = 64 * 2 ** 20;

/** What `max_payload` is set to where we say it: as the configuration does, or more where its network takes more. */
export function payloadBytesOf(config: ClusterConfig): number {
  return Math.max(config.nats.payloadBytesMax, bytesNeeded(config));
}

/**
 * All that is cut to fit is cut (core/blueprint/message-sizes.ts). The network is one message.
 *
 * @throws StarlingError CONFIG_INVALID where it does not fit, with the figure that is needed.
 */
export function requireMessagesFit(config: ClusterConfig, bytesMax = Infinity): void {
  const needed = bytesNeeded(config);
  if (needed <= Math.min(bytesMax, serverBytesMax)) return;
  const smaller = 'make model.hidden smaller';
  const remedy =
    needed > serverBytesMax
      ? `NATS takes ${serverBytesMax} at most: ${smaller}`
      : `the NATS server takes max_payload ${bytesMax}: set it to ${needed} or more, or ${smaller}`;
  const text = `model.hidden: this network takes messages of ${needed} bytes, and ${remedy}.`;
  throw new StarlingError('CONFIG_INVALID', text, { needed, bytesMax });
}

function bytesNeeded(config: ClusterConfig): number {
  return networkBytes(blueprintOf(config));
}
