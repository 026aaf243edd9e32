import { messageOf } from '../core/base/errors.js';
import { type ClusterConfig, parseClusterConfig } from '../core/config/schema.js';
import { UsageError } from './command.js';

/**
 * A configuration with some of its values changed, as `--set model.factorDim=32` says. Values are JSON; what is none is a text.
 *
 * @throws UsageError for what is no assignment. StarlingError CONFIG_INVALID, naming the field, for what the configuration does not take.
 */
export function withSettings(config: ClusterConfig, settings: readonly string[]): ClusterConfig {
  if (settings.length === 0) return config;
  const changed = structuredClone(config) as Record<string, unknown>;
  for (const [path, value] of Object.entries(assignmentsOf(settings)))
    assign(changed, path.split('.'), value);
  return parseClusterConfig(changed);
}

/** Values by path, as `--set` says. @throws UsageError for what is no assignment. */
export function assignmentsOf(settings: readonly string[]): Readonly<Record<string, unknown>> {
  const assigned: Record<string, unknown> = {};
  for (const setting of settings) {
    const at = setting.indexOf('=');
    if (at < 1)
      throw new UsageError(
        `--set: expected a path and a value, such as model.factorDim=32; got "${setting}".`,
      );
    assigned[setting.slice(0, at)] = valueOf(setting.slice(at + 1));
  }
  return assigned;
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const name = path[0]!;
  if (path.length === 1) {
    target[name] = value;
    return;
  }
  const inner = Object.hasOwn(target, name) ? target[name] : {};
  if (typeof inner !== 'object' || inner === null || Array.isArray(inner))
    throw new UsageError(`--set: ${name} is a value, and has no field ${path[1]}.`);
  target[name] = inner;
  assign(inner as Record<string, unknown>, path.slice(1), value);
}

function valueOf(text: string): unknown {
  if (!/^[[{"\d-]|^(true|false|null)$/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    // A duration such as 7d is a text that begins with a digit.
    if (!/^[[{"]/.test(text)) return text;
    throw new UsageError(`--set: ${text} is no JSON: ${messageOf(cause)}.`, { cause });
  }
}
