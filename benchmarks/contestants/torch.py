"""PyTorch: a linear layer, an optimizer and a loop, with a DataLoader or with indexed tensors.

`index_select` and the fused Adam were the faster forms of both.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks._works import B1, B2, EPS, MOMENTUM


def begin(work):
    """A model at zero, its optimizer and its loss."""
    outputs = work.classes if work.model == "softmax" else 1
    model = nn.Linear(work.d, outputs)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    if work.rule == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=work.learning_rate, betas=(B1, B2), eps=EPS, fused=True)
    else:
        momentum = MOMENTUM if work.rule == "momentum" else 0.0
        optimizer = torch.optim.SGD(model.parameters(), lr=work.learning_rate, momentum=momentum)
    loss = {"linear": nn.MSELoss, "logistic": nn.BCEWithLogitsLoss, "softmax": nn.CrossEntropyLoss}[work.model]()
    return model, optimizer, loss


def tensors_of(work, X, y):
    """Views of the data; targets in a column, as the model's output is."""
    y = torch.from_numpy(y)
    return torch.from_numpy(X), y if work.model == "softmax" else y.float()[:, None]


def step(model, optimizer, loss, X, y):
    optimizer.zero_grad(set_to_none=True)
    loss(model(X), y).backward()
    optimizer.step()


def params_of(work, model):
    weight, bias = model.weight.detach().numpy(), model.bias.detach().numpy()
    return (weight.T, bias) if work.model == "softmax" else (weight[0], bias[0])


def tensors(work, X, y):
    X, y = tensors_of(work, X, y)

    def run(seed):
        torch.manual_seed(seed)
        parts = begin(work)
        for _ in range(work.epochs):
            if work.full:
                step(*parts, X, y)
                continue
            for rows in torch.randperm(work.n).split(work.batch_size):
                step(*parts, X.index_select(0, rows), y.index_select(0, rows))
        return params_of(work, parts[0])

    return run


def loader(work, X, y):
    data = TensorDataset(*tensors_of(work, X, y))

    def run(seed):
        torch.manual_seed(seed)
        parts = begin(work)
        batches = DataLoader(data, batch_size=work.batch_size, shuffle=True)
        for _ in range(work.epochs):
            for rows_of_X, rows_of_y in batches:
                step(*parts, rows_of_X, rows_of_y)
        return params_of(work, parts[0])

    return run
