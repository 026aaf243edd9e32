"""What bench/parquet-training.ts does, in PyTorch: one epoch over a Parquet file of joined rows (an id a column, then `label`), in order, in batches.
Each line on stdin is a round, from opening the file to the last step, answered by a line of JSON.
usage: torch_parquet.py KIND FILE HIDDEN BATCH ROWS THREADS"""
import json, os, sys, time

# Two threads that wait for each other in circles take minutes where others use the cores.
os.environ['OMP_WAIT_POLICY'] = 'PASSIVE'

import numpy
import pyarrow.parquet
import torch
from torch_model import Model

kind, file, hidden, batch = sys.argv[1], sys.argv[2], [int(h) for h in sys.argv[3].split('-')], int(sys.argv[4])
rows, threads = int(sys.argv[5]), int(sys.argv[6])
torch.set_num_threads(threads)
columns = pyarrow.parquet.read_schema(file).names[:-1]


def epoch():
    start, cpu = time.perf_counter(), time.process_time()
    model = Model(kind, len(columns), hidden, rows, batch)
    table = pyarrow.parquet.read_table(file, use_threads=threads > 1)
    # Ids are places in their tables already; else they would have to be hashed.
    ids = torch.from_numpy(numpy.stack([table[name].to_numpy() for name in columns]))
    labels = torch.from_numpy(table['label'].to_numpy().astype(numpy.float32))
    for at in range(0, len(labels), batch):
        model.whole(ids[:, at : at + batch].contiguous(), labels[at : at + batch])
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {'samplesPerSecond': len(labels) / seconds, 'cpuPerSample': 1e6 * cpu / len(labels)}


epoch()  # What is loaded and compiled once.
print(json.dumps({'version': f'PyTorch {torch.__version__}'}), flush=True)
for _ in sys.stdin:
    print(json.dumps(epoch()), flush=True)
