import tseslint from 'typescript-eslint';

/**
 * Typed lint rules for the whole repository: `npm run lint`. A rule stands here when its absence has cost somebody a night:
 * a promise nobody waits for, a switch that forgot a case, a type that was `any` without anybody noticing.
 */
export default tseslint.config(
  {
    ignores: ['**/node_modules/**', 'build/**', '**/generated/**', '**/*.d.ts', '**/*.json'],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.strictTypeChecked],
    // One program for the whole house: what is shared is type-checked once, not once per workspace.
    languageOptions: {
      parserOptions: {
        project: 'scripts/lint/tsconfig.json',
        tsconfigRootDir: new URL('../..', import.meta.url).pathname,
      },
    },
    rules: {
      // A promise that nobody waits for is an error that nobody sees. `void p` says that this is meant.
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      // A new kind of step, state or role must be decided on everywhere; `default` counts as a decision.
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      // Types vanish when Node or a bundler strips them, so an import of a type must say that it is one.
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/consistent-type-exports': [
        'error',
        { fixMixedExportsWithInlineTypeSpecifier: true },
      ],
      // One name for one thing, wherever it is imported.
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
      // `${x}` of an object prints [object Object] into a message; of a number or boolean it is what was meant.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // It would forbid taking a name apart letter by letter; nothing here does that with text for people.
      '@typescript-eslint/no-misused-spread': 'off',
      // Interfaces that the rooms pass to each other are often async while one implementation needs no await.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: 'always' }],
      // Programs are run without a shell: an argument can then never become a command.
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: 'node:child_process',
              importNames: ['exec', 'execSync'],
              message:
                'These start a shell. Use run() of platform/kernel, or spawn/execFile with an argument list.',
            },
          ],
        },
      ],
      // There are no enums here (they are not erasable), and these two cost a third of the time.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      'no-console': 'off',
      'no-eval': 'error',
      'no-implied-eval': 'off', // the typed rule below replaces it
      '@typescript-eslint/no-implied-eval': 'error',
      eqeqeq: ['error', 'always'],
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-param-reassign': 'error',
      'max-lines': ['error', { max: 350 }],
    },
  },
  {
    // Pages run in a browser: other globals, so a program of their own.
    files: ['instruments/*/ui/**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { project: 'instruments/*/ui/tsconfig.json' } },
    rules: {
      // `onSubmit={(event) => void submit(event)}`: the void says that it is meant.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreVoidOperator: true }],
    },
  },
  {
    files: ['fleet-ui/web/**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { project: 'fleet-ui/web/tsconfig.json' } },
    rules: {
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreVoidOperator: true, ignoreArrowShorthand: true },
      ],
    },
  },
  {
    // What runs inside the sensor logs through its logger; standard output belongs to command results.
    files: ['platform/**/*.ts', 'instruments/**/*.ts'],
    ignores: ['platform/cli/**', 'platform/*/main.ts', 'instruments/*/src/main.ts'],
    rules: { 'no-console': 'error' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Tests look at values from outside without schemas; a wrong guess fails the test, which is its job.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      // A test without an assertion, or one left out, is a promise without proof.
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(skip|skipIf|runIf|todo|only)$/]',
          message: 'A test is there and runs, or it stands in test/PROMISES.md as unproven.',
        },
      ],
    },
  },
  {
    // Tools of others that want a default export.
    files: ['**/vitest.config.ts', '**/*.config.ts', '**/*.config.js'],
    rules: { 'no-restricted-exports': 'off' },
  },
);
