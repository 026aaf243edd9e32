import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';

// Dependencies point one way (docs/architecture.md): a folder may import what stands on a lower floor, and of its own floor
// only what is named.
const zone = (target, from, message) => ({ target, from, message });
const floors = [
  ['core'],
  ['messages'],
  ['runtime', 'importing'],
  ['replication'],
  ['client'],
  ['actors', 'supervisor', 'cluster', 'site'],
  ['replay', 'audience', 'operations', 'chaos', 'simulation', 'training'],
  ['cli'],
];
const neighbours = {
  cluster: ['supervisor', 'site'],
  chaos: ['operations'],
  simulation: ['operations'],
  training: ['operations'],
};
const meaning = {
  core: 'core is pure: it knows no I/O and no messages',
  messages: 'messages may use core only',
  importing: 'what reads files knows no cluster',
  runtime: 'runtime may use core and messages only',
  replication: 'replication may use core, messages and runtime only',
  client: 'the client is what users import',
  actors: 'actors do not know who supervises them',
  supervisor: 'the supervisor starts actors by kind name, and knows no cluster',
  cluster: 'a cluster starts actors by kind name',
  site: 'servers run whoever uses them',
  replay: 'the replay is a client',
  audience: 'the audience is a client',
  operations: 'operations work on a cluster from outside',
  simulation: 'a simulation runs a whole cluster, and is a client of it',
  chaos: 'chaos uses a cluster and breaks it, whatever it is made of',
  training: 'training folds as imports do, and talks to no cluster',
  cli: 'the command line is on top',
};
const rooms = floors.flat();
const zones = floors.flatMap((floor, height) =>
  floor.flatMap((room) => {
    const allowed = new Set([room, ...floors.slice(0, height).flat(), ...(neighbours[room] ?? [])]);
    const others = rooms.filter((each) => !allowed.has(each)).map((each) => `./${each}`);
    return [
      ...(others.length > 0 ? [zone(`./${room}`, others, meaning[room])] : []),
      zone(`./${room}`, ['./tests', './bench'], 'nothing imports tests or benchmarks'),
    ];
  }),
);

// Siblings in core/ don't know each other, but for the features, which say what an example is, and the blueprint, which
// makes one model of what a configuration says of all of them; the evaluation judges what models said.
const cores = [
  'activity',
  'blueprint',
  'config',
  'embedding',
  'evaluation',
  'features',
  'joining',
  'model',
  'retrieval',
];
for (const folder of cores.filter((each) => each !== 'blueprint')) {
  const others = cores.filter((each) => each !== folder && each !== 'features');
  if (folder === 'embedding') others.push('features');
  if (folder === 'evaluation') others.splice(others.indexOf('model'), 1);
  zones.push(
    zone(
      `./core/${folder}`,
      others.map((each) => `./core/${each}`),
      'siblings in core/ do not import each other',
    ),
  );
}

// `#` holds also against casts and at run time. A constructor has no such name, so `private` is left to it.
const privateByName = {
  selector:
    ':matches(PropertyDefinition, MethodDefinition[kind!="constructor"], TSParameterProperty)[accessibility="private"]',
  message: 'name it #name instead of private',
};

// Time and chance come with the context or the bus, so that a cluster can run in memory under a virtual clock and a seed
// (docs/simulation.md). What deals with the operating system or with NATS itself has them from there.
const timeless = [
  'core',
  'messages',
  'runtime',
  'replication',
  'client',
  'actors',
  'supervisor',
  'cluster',
  'simulation',
];
const edges = [
  'runtime/system.ts',
  'runtime/nats/**',
  'runtime/os/**',
  'runtime/server-info.ts',
  'runtime/actor-process.ts',
  'runtime/supervisor-channel.ts',
  'supervisor/child-process.ts',
  'supervisor/adoption/**',
  'cluster/cluster.ts',
  'cluster/state-folder.ts',
  // It gives every event a turn of the real event loop.
  'simulation/time/virtual-time.ts',
];
const fromTheContext = 'time and chance come from a Clock and a Random (core/base)';
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval'];
const clocks = [
  ['Date', 'now'],
  ['performance', 'now'],
  ['Math', 'random'],
  ['AbortSignal', 'timeout'],
  ['process', 'hrtime'],
  ['crypto', 'randomUUID'],
  ['crypto', 'getRandomValues'],
];
const natsClient = { name: 'nats', message: 'import runtime/nats/nats-bus.ts instead' };

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      '.starling/**',
      'coverage/**',
      '.build-*/**',
      'core/embedding/kernels/assembly/**',
      'core/model/kernels/assembly/**',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'import-x': importX },
    settings: {
      // Imports name the compiled file, `./x.js`; the source beside it is `x.ts`. Without this no zone ever matched.
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.js'],
          extensionAlias: { '.js': ['.ts', '.js'], '.mjs': ['.mts', '.mjs'] },
        }),
      ],
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
      'no-constant-condition': ['error', { checkLoops: false }],
      'no-restricted-syntax': ['error', privateByName],
      'import-x/no-restricted-paths': ['error', { zones }],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
    },
  },
  {
    // One module imports the NATS client, with its parts beside it, so that its successor packages can replace it in one
    // place.
    files: ['**/*.ts'],
    ignores: ['runtime/nats/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { paths: [natsClient] }],
    },
  },
  {
    files: timeless.map((folder) => `${folder}/**/*.ts`),
    ignores: [...edges, '**/*.test.ts', '**/*.testkit.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...[...timers, 'FinalizationRegistry'].map((name) => ({ name, message: fromTheContext })),
      ],
      'no-restricted-properties': [
        'error',
        ...clocks.map(([object, property]) => ({ object, property, message: fromTheContext })),
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            natsClient,
            {
              name: 'node:crypto',
              importNames: ['randomUUID', 'randomBytes', 'getRandomValues'],
              message: fromTheContext,
            },
            { name: 'node:timers', message: fromTheContext },
            { name: 'node:timers/promises', message: fromTheContext },
            { name: 'node:perf_hooks', message: fromTheContext },
            { name: 'lmdb', message: 'a store is opened by runtime/stores/lmdb-*.ts' },
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        privateByName,
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: fromTheContext,
        },
        ...[
          'CallExpression[callee.name="createActor"][arguments.length<2]',
          'CallExpression[callee.name="createActor"] > ObjectExpression:not(:has(Property[key.name="clock"]))',
        ].map((selector) => ({
          selector,
          message: 'a machine has the clock: createActor(machine, { clock: machineClock(clock) })',
        })),
      ],
    },
  },
  {
    // Rows that nobody refers to any more give their memory back: no decision hangs on when.
    files: ['core/embedding/page-memory.ts'],
    rules: { 'no-restricted-globals': 'off' },
  },
  {
    files: ['runtime/stores/lmdb-*.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: [natsClient] }] },
  },
  { files: ['cli/**/*.ts', 'bench/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    // What a product function does is seen on one screen. Tests and benchmarks are read from top to bottom.
    files: ['**/*.ts', '**/*.mjs'],
    ignores: ['**/*.test.ts', '**/*.testkit.ts', 'tests/**', 'bench/**'],
    rules: {
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        Buffer: 'readonly',
      },
    },
  },
);
