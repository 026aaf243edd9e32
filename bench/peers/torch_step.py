"""The training core of bench/core-peer.ts in PyTorch, on one thread. Each line on stdin is a round, answered by a line of JSON: milliseconds of
processor time a step. usage: torch_step.py KIND SLOTS HIDDEN BATCH ROWS STEPS"""
import json, sys, time

import torch
from torch_model import Model, width

kind, slots, hidden, batch = sys.argv[1], int(sys.argv[2]), [int(h) for h in sys.argv[3].split('-')], int(sys.argv[4])
rows, steps = int(sys.argv[5]), int(sys.argv[6])
torch.set_num_threads(1)
model = Model(kind, slots, hidden, rows, batch)
batches = [(torch.randint(0, rows, (slots, batch)), (torch.rand(batch) < 0.2).float()) for _ in range(64)]
pooled = torch.rand(batch, slots * width, requires_grad=True)


def timed(step):
    start = time.process_time()
    for n in range(steps):
        step(n)
    return (time.process_time() - start) * 1000 / steps


def round():
    return {
        'coreMs': timed(lambda n: model.whole(*batches[n % len(batches)])),
        'stepMs': timed(lambda n: model.alone(pooled, batches[n % len(batches)][1])),
    }


round()
print(json.dumps({'version': f'PyTorch {torch.__version__}'}), flush=True)
for _ in sys.stdin:
    print(json.dumps(round()), flush=True)
