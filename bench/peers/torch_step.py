"""The training step of bench/training.ts in PyTorch, on one thread: network alone, and with embedding tables (EmbeddingBag, sparse,
Adagrad; Adam for the network). Prints one line of JSON. usage: torch_step.py SLOTS HIDDEN BATCH ROWS STEPS"""
import json, statistics, sys, time
import torch

slots, hidden, batch = int(sys.argv[1]), [int(h) for h in sys.argv[2].split('-')], int(sys.argv[3])
rows, steps, width = int(sys.argv[4]), int(sys.argv[5]), 16
torch.set_num_threads(1)
torch.manual_seed(0)
sizes = [slots * width, *hidden, 1]
layers = [m for a, b in zip(sizes, sizes[1:]) for m in (torch.nn.Linear(a, b), torch.nn.ReLU())][:-1]
network = torch.nn.Sequential(*layers)
lossOf = torch.nn.BCEWithLogitsLoss()
bags = torch.nn.ModuleList([torch.nn.EmbeddingBag(rows, width, mode='sum', sparse=True) for _ in range(slots)])
adam = torch.optim.Adam(network.parameters(), 1e-3)
adagrad = torch.optim.Adagrad(bags.parameters(), lr=0.05)
offsets = torch.arange(batch)


def alone(x, labels):
    adam.zero_grad()
    lossOf(network(x).squeeze(1), labels).backward()


def whole(ids, labels):
    x = torch.cat([bag(ids[s], offsets) for s, bag in enumerate(bags)], 1)
    adam.zero_grad()
    adagrad.zero_grad()
    lossOf(network(x).squeeze(1), labels).backward()
    adagrad.step()
    adam.step()


def median(step):
    times = []
    for n in range(steps + 10):
        labels = (torch.rand(batch) < 0.2).float()
        ids = torch.randint(0, rows, (slots, batch))
        x = torch.rand(batch, slots * width, requires_grad=True)
        start = time.perf_counter()
        step(x if step is alone else ids, labels)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[10:])


print(json.dumps({'version': torch.__version__, 'stepMs': median(alone), 'coreMs': median(whole)}))
