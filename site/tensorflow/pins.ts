/**
 * Which builds are set up: those that were tried, told from others by their content, wherever they come from. Who raises a version writes down the
 * new sums (`pip download --no-deps`, `sha256sum`).
 */
export interface Wheel {
  readonly project: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
}

export interface Artefact {
  readonly version: string;
  readonly classifier: string;
  /** Of TensorFlow; the artefact has a version of its own. */
  readonly tensorflow: string;
  readonly sha256: string;
}

/** What is taken on a kind of machine. */
export interface Pins {
  /** The first holds libtensorflow; the others are CUDA, which finds its place beside it. */
  readonly wheels: readonly Wheel[];
  /** Undefined: there is none that works by itself. */
  readonly artefact?: Artefact;
  /** Of free disk while it is set up: what is fetched, and what is made of it. */
  readonly bytesNeeded: number;
}

export type Variant = 'cpu' | 'gpu';

const gibibyte = 2 ** 30;
const artefact = '1.1.0';
const ofArtefact = '2.18.0';

const recent = 'py3-none-manylinux_2_27_x86_64';
const older = 'py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64';
const oldest = 'py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64';

/** CUDA 12 and cuDNN 9: what `tensorflow[and-cuda]` asks for. */
const cuda: readonly (readonly [name: string, version: string, tags: string, sha256: string])[] = [
  [
    'cublas',
    '12.9.3.13',
    recent,
    'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
  ],
  [
    'cuda-cupti',
    '12.8.90',
    older,
    'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
  ],
  [
    'cuda-nvcc',
    '12.9.86',
    oldest,
    '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
  ],
  [
    'cuda-nvrtc',
    '12.9.86',
    oldest,
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
  ],
  [
    'cuda-runtime',
    '12.9.79',
    older,
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
  ],
  [
    'cudnn',
    '9.28.0.42',
    recent,
    '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
  ],
  ['cufft', '11.4.1.4', older, 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28'],
  [
    'curand',
    '10.3.10.19',
    recent,
    '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
  ],
  [
    'cusolver',
    '11.7.5.82',
    recent,
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
  ],
  [
    'cusparse',
    '12.5.10.65',
    older,
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
  ],
  ['nccl', '2.32.3', recent, 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c'],
  [
    'nvjitlink',
    '12.9.86',
    oldest,
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
  ],
];

/** By platform and variant. */
export const pins: Readonly<Record<string, Pins>> = {
  // A fifth smaller than 2.21, on disk and in memory, and as fast.
  'linux-x64 cpu': {
    wheels: [
      wheel(
        'tensorflow-cpu',
        '2.18.1',
        'cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64',
        '8e0f27dbd92c6d380ae0ccfe73c7343f65c127b0aa98467c30c2e71eda7c76a4',
      ),
    ],
    artefact: {
      ...{ version: artefact, classifier: 'linux-x86_64', tensorflow: ofArtefact },
      sha256: '81b0e11290ba3b2e134901395ef59f1ae616f8ab7931f0d5c3eeb89c1b97c4e6',
    },
    bytesNeeded: 1.5 * gibibyte,
  },
  // There `tensorflow` is the build for the CPU.
  'linux-arm64 cpu': {
    wheels: [
      wheel(
        'tensorflow',
        '2.18.1',
        'cp312-cp312-manylinux_2_17_aarch64.manylinux2014_aarch64',
        '1ba52b9c06ab8102b31e50acfaf56899b923171e603c8942f2bfeb181d6bb59e',
      ),
    ],
    artefact: {
      ...{ version: artefact, classifier: 'linux-arm64', tensorflow: ofArtefact },
      sha256: '3746b48054fd973531fe3ae097b8ec28a694aa2f0bf06e1ce8b5d1e0990390a2',
    },
    bytesNeeded: 1.5 * gibibyte,
  },
  'linux-x64 gpu': {
    wheels: [
      wheel(
        'tensorflow',
        '2.21.0',
        'cp312-cp312-manylinux_2_27_x86_64',
        'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
      ),
      ...cuda.map(([name, version, tags, sha256]) =>
        wheel(`nvidia-${name}-cu12`, version, tags, sha256),
      ),
    ],
    bytesNeeded: 12 * gibibyte,
  },
};

function wheel(project: string, version: string, tags: string, sha256: string): Wheel {
  const file = `${project.replaceAll('-', '_')}-${version}-${tags}.whl`;
  return { project, version, file, sha256 };
}
