const patterns = new Map<string, (subject: string) => boolean>();

/** As NATS matches: `*` stands for one token, a last `>` for one or more. */
export function matchesSubject(pattern: string, subject: string): boolean {
  if (pattern === subject || pattern === '>') return true;
  let matches = patterns.get(pattern);
  if (!matches) patterns.set(pattern, (matches = matcherOf(pattern)));
  return matches(subject);
}

export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('>');
}

function matcherOf(pattern: string): (subject: string) => boolean {
  if (!hasWildcard(pattern)) return () => false;
  const source = pattern
    .split('.')
    .map((token) => (token === '*' ? '[^.]+' : token === '>' ? '.+' : literal(token)))
    .join('\\.');
  const expression = new RegExp(`^${source}$`);
  return (subject) => expression.test(subject);
}

function literal(token: string): string {
  return token.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
