import type { ClusterConfig } from '../config/schema.js';
import type { JoinRules } from '../joining/outcome-rules.js';

/** What is predicted of impressions, and what types of events say of it. */
export function joinRulesOf({ joining }: Pick<ClusterConfig, 'joining'>): JoinRules {
  const outcome = { name: 'click', from: ['click'], windowMs: joining.windowMs };
  return { outcomes: [outcome], events: { click: {} } };
}
