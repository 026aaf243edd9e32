#!/usr/bin/env node
import { runProgram } from '../runtime/program.js';

await runProgram('starling', () => import('./main.js'));
