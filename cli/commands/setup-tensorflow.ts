import path from 'node:path';
import { tensorflowFolder } from '../../runtime/tensorflow/library.js';
import { setUpTensorflow } from '../../site/tensorflow/setup-tensorflow.js';
import type { Command } from '../command.js';
import { exitCode, expectPositionals } from '../command.js';

export const setupTensorflow: Command = {
  name: 'setup-tensorflow',
  summary: 'obtains libtensorflow, which trains and scores faster than WebAssembly',
  usage: '[--gpu] [--to FOLDER]',
  text: 'Fetches a build that Starling was tried with (230 MB, 700 MB on disk; with CUDA 3 and 6 GB), by pip from PyPI, from the index that pip is configured with, or by Maven, whichever is here; checks it against its checksum, tries it in a process of its own, and puts it in place. Nothing is compiled, and neither Python nor Java is needed later. TENSORFLOW_LIB=/path/to/libtensorflow_cc.so.2 names one that is there instead. A cluster takes it from its next start on, where `model.backend` is `auto` and it is faster, or where it is `tensorflow`; `starling doctor` says which.',
  options: [
    { name: 'gpu', text: 'the build for NVIDIA GPUs, with CUDA; the driver has to be there' },
    {
      name: 'to',
      value: 'FOLDER',
      text: 'where it is put (default STARLING_TENSORFLOW, else starling/tensorflow in the cache folder of the user)',
    },
  ],
  async run(args, out) {
    expectPositionals(args, []);
    const to = args.value('to');
    const folder = to === undefined ? tensorflowFolder() : path.resolve(to);
    const variant = args.has('gpu') ? 'gpu' : 'cpu';
    const startMs = performance.now();
    const found = await setUpTensorflow({
      ...{ folder, variant, log: (line: string) => out.note(line) },
      named: process.env['TENSORFLOW_LIB'] || undefined,
    });
    const seconds = (performance.now() - startMs) / 1000;
    const { version, device, from, isOld } = found;
    if (out.json) out.document({ library: found.path, version, device, from, folder, seconds });
    else {
      const how = isOld ? 'was here already, and works' : `${from}, ${seconds.toFixed(0)} s`;
      out.line(`TensorFlow ${version} on the ${device}: ${found.path} (${how})`);
    }
    if (variant === 'gpu' && device !== 'GPU')
      out.note('It works, but on the CPU: no GPU, or no NVIDIA driver (libcuda.so.1), was found.');
    if (folder !== tensorflowFolder())
      out.note(`For clusters to find it there: export STARLING_TENSORFLOW=${folder}`);
    return exitCode.ok;
  },
};
