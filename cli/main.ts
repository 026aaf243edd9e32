import { exitCode } from './command.js';
import { stopForLostOutput } from './interrupt.js';
import { runCommand } from './run-command.js';

/** Of a pipe whose reader has ended, and of a terminal that was closed. */
const lostOutput: readonly (string | undefined)[] = ['EPIPE', 'EIO'];

/** Something that should have ended by itself (a timer, a socket) gets this long; then the process ends anyway. */
const lingerMsMax = 2_000;

// `starling status | head` closes the pipe early: not worth a stack trace. What runs a cluster drains and stops first.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (!lostOutput.includes(error.code)) throw error;
    if (!stopForLostOutput()) process.exit(); // With the code of what is done, if it is.
  });
}

// What nobody has thought of must end the process, as it does by itself, and be found in its log by its name.
for (const what of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(what, (error) => {
    const name = what === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception';
    console.error(`${name}:`, error);
    process.exit(exitCode.failure);
  });
}

void runCommand(process.argv.slice(2), {
  out: (line) => console.log(line),
  err: (line) => console.error(line),
}).then((code) => {
  process.exitCode = code;
  setTimeout(() => process.exit(), lingerMsMax).unref();
});
