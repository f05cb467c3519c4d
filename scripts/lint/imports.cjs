/**
 * Who may import whom: `npm run imports`. Each rule carries its reason; test/unit/house/imports.test.ts seeds a violation of
 * each and proves that it bites. Subpath imports (`@bulkhead/platform/bus`) and relative ones are judged alike, because both
 * resolve to the same file.
 *
 * dependency-cruiser matches a path against regular expressions; `$1` in a `to` is the first group of its rule's `from`.
 */

/** The jobs of the sensor, each a room that knows no other room. */
const ROOMS = 'runtime|bus|network|storage|packages|data|events|health|fleet-link';
/** Leaves of the platform: everybody may import them, they import nothing of ours. */
const LEAVES = 'kernel|contracts';
const OURS = '^(platform|instruments|fleet-ui|images|scripts|test)/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment:
        'Two files that import each other cannot be understood, tested or loaded one without the other. Imports of types are part ' +
        'of this: they make the same knot in the reader.',
      severity: 'error',
      from: {},
      // The catalogue and its files know each other by one type only, so that each room keeps its codes in a file of its own.
      to: { circular: true, viaOnly: { pathNot: '^platform/contracts/(errors/|error-catalogue)' } },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere would be judged by no other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'kernel-is-a-leaf',
      comment:
        'The kernel is beneath everything; if it knew anything of ours, nothing could be tested without that.',
      severity: 'error',
      from: { path: '^platform/kernel/' },
      to: { path: OURS, pathNot: '^platform/kernel/' },
    },
    {
      name: 'contracts-are-a-leaf',
      comment:
        'Contracts are what rooms, sensor and fleet agree on; a contract that needs code of one side is no agreement.',
      severity: 'error',
      from: { path: '^platform/contracts/' },
      to: { path: OURS, pathNot: '^platform/contracts/' },
    },
    {
      name: 'node-lxd-stands-alone',
      comment: 'The LXD client is a package of its own that others could use; it knows nothing of sensors.',
      severity: 'error',
      from: { path: '^platform/node-lxd/' },
      to: { path: OURS, pathNot: '^platform/node-lxd/' },
    },
    {
      name: 'rooms-know-leaves-only',
      comment:
        'A room gets what it needs from others as a small interface that sensord passes in. A direct import would tie two jobs ' +
        'together, so that neither could change, fail or be tested alone.',
      severity: 'error',
      from: { path: `^platform/(${ROOMS})/` },
      to: { path: OURS, pathNot: [`^platform/(${LEAVES}|node-lxd)/`, '^platform/$1/'] },
    },
    {
      name: 'sensord-knows-rooms-only',
      comment:
        'The composition root wires rooms. Instruments, scripts, tests and the command line are not parts of it.',
      severity: 'error',
      from: { path: '^platform/sensord/' },
      to: { path: OURS, pathNot: `^platform/(${ROOMS}|${LEAVES}|node-lxd|sensord)/` },
    },
    {
      name: 'cli-knows-the-platform-only',
      comment:
        'The command line may show what any room knows, and it is a client of the fleet: of that it knows the shapes of the API, as ' +
        'the web app does. It knows nothing of instruments, scripts or tests.',
      severity: 'error',
      from: { path: '^platform/cli/' },
      to: { path: OURS, pathNot: '^(platform|fleet-ui/api)/' },
    },
    {
      name: 'every-platform-folder-is-known',
      comment:
        'A new folder of the platform must be placed in these rules before it may import anything of ours.',
      severity: 'error',
      from: { path: '^platform/', pathNot: `^platform/(${ROOMS}|${LEAVES}|node-lxd|sensord|cli)/` },
      to: { path: OURS },
    },
    {
      name: 'sdk-stands-alone',
      comment:
        'The sdk is one implementation of instruments/PROTOCOL.md. An import from the platform would let the two drift from the ' +
        'written contract together, unseen.',
      severity: 'error',
      from: { path: '^instruments/sdk/' },
      to: { path: OURS, pathNot: '^instruments/sdk/' },
    },
    {
      name: 'instruments-know-the-sdk-only',
      comment: 'An instrument runs sealed off from the platform and its neighbours; so must its source be.',
      severity: 'error',
      from: { path: '^instruments/(?!sdk/)([^/]+)/' },
      to: { path: OURS, pathNot: ['^instruments/sdk/', '^instruments/$1/'] },
    },
    {
      name: 'by-the-front-door',
      comment:
        "A room's index.ts holds its few public names; what is behind it may change without asking. (Tests may look inside.)",
      severity: 'error',
      from: { path: '^(platform|scripts|instruments|fleet-ui)/([^/]+)/' },
      to: {
        path: `^platform/(${ROOMS}|${LEAVES}|node-lxd|sensord)/.+`,
        pathNot: [
          '^platform/[^/]+/index\\.ts$',
          '^$1/$2/',
          // Each room keeps its error codes in a file of its own below contracts/errors.
          '^platform/contracts/errors/',
          // The link's generated code brings a gRPC library with it: only who links imports it.
          '^platform/contracts/fleet/index\\.ts$',
        ],
      },
    },
    {
      name: 'sdk-by-the-front-door',
      comment: 'The same for the sdk: instruments use what its index.ts offers.',
      severity: 'error',
      from: { path: '^instruments/(?!sdk/)' },
      to: { path: '^instruments/sdk/.+', pathNot: '^instruments/sdk/src/index\\.ts$' },
    },
    {
      name: 'not-to-tests',
      comment: 'What ships does not lean on what tests it.',
      severity: 'error',
      from: { path: '^(platform|instruments|fleet-ui|images)/' },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'fleet-server-knows-api-and-contracts',
      comment:
        'The fleet and the sensor meet in contracts, on the wire, and nowhere else. (The kernel is errors, logging and waiting.)',
      severity: 'error',
      from: { path: '^fleet-ui/server/' },
      to: { path: OURS, pathNot: ['^fleet-ui/(server|api)/', '^platform/(contracts|kernel)/'] },
    },
    {
      name: 'web-knows-api-only',
      comment: 'What runs in a browser shares schemas with the server and no code.',
      severity: 'error',
      from: { path: '^fleet-ui/web/' },
      to: { path: OURS, pathNot: '^fleet-ui/(web|api)/' },
    },
    {
      name: 'fleet-api-is-a-leaf',
      comment: 'Schemas that both sides share import neither side.',
      severity: 'error',
      from: { path: '^fleet-ui/api/' },
      to: { path: OURS, pathNot: '^fleet-ui/api/' },
    },
    {
      name: 'declared-dependencies-only',
      comment: 'A package that is only there because another one brought it vanishes with that one.',
      severity: 'error',
      from: { pathNot: '^(test|scripts)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    // By folder name, not from the start: the rules are also run on a seeded copy elsewhere.
    exclude: { path: '(^|/)(build|dist|generated)/' },
    doNotFollow: { path: 'node_modules' },
    // Types are imports too: without this, `import type` would get around every rule.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    // Workspace packages are links below node_modules; judge what they point at.
    preserveSymlinks: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
