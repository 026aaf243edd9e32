import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';

// Dependencies point one way (docs/architecture.md): a folder may import only what stands left of it.
const zone = (target, from, message) => ({ target, from, message });
const zones = [
  zone(
    './core',
    [
      './replication',
      './messages',
      './runtime',
      './client',
      './gateway',
      './actors',
      './supervisor',
      './cli',
      './simulation',
    ],
    'core is pure: it knows no I/O and no messages',
  ),
  zone(
    './messages',
    [
      './runtime',
      './replication',
      './client',
      './gateway',
      './actors',
      './supervisor',
      './cli',
      './simulation',
    ],
    'messages may use core only',
  ),
  zone(
    './runtime',
    ['./replication', './client', './gateway', './actors', './supervisor', './cli', './simulation'],
    'runtime may use core and messages only',
  ),
  zone(
    './replication',
    ['./client', './gateway', './actors', './supervisor', './cli', './simulation'],
    'replication may use core, messages and runtime only',
  ),
  zone(
    './client',
    ['./gateway', './actors', './supervisor', './cli', './simulation'],
    'the client is what users import',
  ),
  zone(
    './operations',
    ['./actors', './supervisor', './gateway', './cli', './simulation'],
    'operations work on a cluster from outside',
  ),
  zone(
    './chaos',
    ['./actors', './supervisor', './gateway', './cli', './simulation'],
    'chaos uses a cluster and breaks it, whatever it is made of',
  ),
  zone(
    './actors',
    ['./supervisor', './chaos', './operations', './cli', './simulation', './gateway'],
    'actors do not know who supervises them',
  ),
  zone(
    './supervisor',
    ['./actors', './operations', './chaos', './cli', './simulation', './gateway'],
    'the supervisor starts actors by kind name',
  ),
  ...[
    'core',
    'messages',
    'runtime',
    'replication',
    'client',
    'operations',
    'chaos',
    'actors',
    'supervisor',
    'cli',
    'simulation',
  ].map((folder) =>
    zone(`./${folder}`, ['./tests', './bench'], 'nothing imports tests or benchmarks'),
  ),
];

// Siblings in core/ don't know each other, but for the features, which say what an example is.
const cores = ['config', 'embedding', 'features', 'joining', 'model', 'ranking', 'replication'];
for (const folder of cores) {
  const others = cores.filter((each) => each !== folder && each !== 'features');
  if (folder === 'embedding' || folder === 'ranking') others.push('features');
  zones.push(
    zone(
      `./core/${folder}`,
      others.map((each) => `./core/${each}`),
      'siblings in core/ do not import each other',
    ),
  );
}

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'node_modules/**',
      '.starling/**',
      'coverage/**',
      '.build-*/**',
      'core/embedding/kernels/assembly/**',
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
      'import-x/no-restricted-paths': ['error', { zones }],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
    },
  },
  {
    // One module imports the NATS client, with its parts beside it, so that its successor packages can replace it in one
    // place.
    files: ['**/*.ts'],
    ignores: ['runtime/nats*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'nats', message: 'import runtime/nats.ts instead' }] },
      ],
    },
  },
  { files: ['cli/**/*.ts', 'bench/**/*.ts'], rules: { 'no-console': 'off' } },
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
