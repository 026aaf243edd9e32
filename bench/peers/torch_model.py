"""The model of bench/core-trainer.ts in PyTorch: a table of 16 floats a slot, and a network of ReLU layers. `eager` has EmbeddingBag (sparse) and Adagrad,
`fbgemm` tables in one, whose Adagrad is part of the backward pass, `fbgemm-rowwise` the same with one sum of squares a row."""
import warnings

import torch

width = 16


class Model:
    def __init__(self, kind, slots, hidden, rows, batch):
        warnings.filterwarnings('ignore')
        torch.manual_seed(0)
        sizes = [slots * width, *hidden, 1]
        pairs = zip(sizes, sizes[1:])
        layers = [m for a, b in pairs for m in (torch.nn.Linear(a, b), torch.nn.ReLU())][:-1]
        self.network = torch.nn.Sequential(*layers)
        self.loss = torch.nn.BCEWithLogitsLoss()
        self.adam = torch.optim.Adam(self.network.parameters(), 1e-3, fused=True)
        self.whole = self._eager(slots, rows, batch) if kind == 'eager' else self._fbgemm(kind, slots, rows, batch)

    def alone(self, x, labels):
        """Forward and backward of the network, to what comes in."""
        self.adam.zero_grad()
        self.loss(self.network(x).squeeze(1), labels).backward()

    def _eager(self, slots, rows, batch):
        def bag():
            return torch.nn.EmbeddingBag(rows, width, mode='sum', sparse=True)

        bags = torch.nn.ModuleList([bag() for _ in range(slots)])
        adagrad = torch.optim.Adagrad(bags.parameters(), lr=0.05)
        offsets = torch.arange(batch)

        def step(ids, labels):
            """ids i64 [slots, batch], each of its slot; labels f32 [batch]"""
            count = len(labels)
            x = torch.cat([bag(ids[s], offsets[:count]) for s, bag in enumerate(bags)], 1)
            self.adam.zero_grad()
            adagrad.zero_grad()
            self.loss(self.network(x).squeeze(1), labels).backward()
            adagrad.step()
            self.adam.step()

        return step

    def _fbgemm(self, kind, slots, rows, batch):
        from fbgemm_gpu.split_embedding_configs import EmbOptimType
        from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
            ComputeDevice,
            EmbeddingLocation,
            SplitTableBatchedEmbeddingBagsCodegen,
        )

        rowwise = kind == 'fbgemm-rowwise'
        tables = SplitTableBatchedEmbeddingBagsCodegen(
            [(rows, width, EmbeddingLocation.HOST, ComputeDevice.CPU)] * slots,
            optimizer=EmbOptimType.EXACT_ROWWISE_ADAGRAD if rowwise else EmbOptimType.EXACT_ADAGRAD,
            learning_rate=0.05,
            eps=1e-8,
        )
        tables.init_embedding_weights_uniform(-0.01, 0.01)
        offsets = torch.arange(slots * batch + 1)

        def step(ids, labels):
            x = tables(ids.reshape(-1), offsets[: ids.numel() + 1])
            self.adam.zero_grad()
            self.loss(self.network(x).squeeze(1), labels).backward()
            self.adam.step()

        return step
