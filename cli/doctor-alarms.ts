import type { ClusterConfig } from '../core/config/schema.js';
import type { ClusterStatus } from '../messages/cluster-status.js';
import type { DoctorOptions } from './doctor-finding.js';
import { checkRunning, type Found } from './doctor-status.js';
import { alarmLines } from './quality-lines.js';

/** Whether something is wrong with what the cluster learns. */
export function checkAlarms(
  options: DoctorOptions,
  config: ClusterConfig | undefined,
): Promise<Found> {
  return checkRunning(options, config, (status) => judgedAlarms(status, Date.now()));
}

function judgedAlarms(status: Pick<ClusterStatus, 'alarms'>, nowMs: number): Found {
  const lines = alarmLines(status, nowMs).map((line) => line.replace(/^ALARM /, ''));
  if (lines.length === 0) return { level: 'ok', detail: 'no alarm about what is learned' };
  const remedy =
    'samples: see `starling dead-letters`. drift: look at who sends the feature; if the change is meant, the alarm ends by itself. calibration: wait for it after such a change; see docs/evaluation.md.';
  return { level: 'warn', detail: lines.join('\n'), remedy };
}
