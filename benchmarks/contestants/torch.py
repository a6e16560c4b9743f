"""PyTorch: a linear layer, an optimizer and a loop, with a DataLoader or with indexed tensors.

`index_select` and the fused Adam were the faster forms of both.
"""

import torch
from torch import nn
from torch.func import grad, vmap
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


def lanes(work, X, y, own=False):
    """All learning rates by `torch.func`, the gradient under vmap; in one order of the rows, or each in its own."""
    X, y = torch.from_numpy(X), torch.from_numpy(y).float()
    rates = torch.from_numpy(work.rates()).float()
    rates = rates[:, None], rates
    loss = {"linear": nn.functional.mse_loss, "logistic": nn.functional.binary_cross_entropy_with_logits}[work.model]
    of_rows = lambda weights, bias, X, y: loss(X @ weights + bias, y)
    at = 0 if own else None
    grads_of = vmap(grad(of_rows, argnums=(0, 1)), in_dims=(0, 0, at, at))

    def run(seed):
        torch.manual_seed(seed)
        params = torch.zeros(work.lanes, work.d), torch.zeros(work.lanes)
        moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in params]
        count = 0
        for _ in range(work.epochs):
            order = torch.rand(work.lanes, work.n).argsort(dim=1) if own else torch.randperm(work.n)
            for rows in order.split(work.batch_size, dim=-1):
                some = (X[rows], y[rows]) if own else (X.index_select(0, rows), y.index_select(0, rows))
                count += 1
                for p, rate, g, (mu, nu) in zip(params, rates, grads_of(*params, *some), moments, strict=True):
                    if work.rule == "sgd":
                        p.addcmul_(rate, g, value=-1)
                        continue
                    mu.lerp_(g, 1 - B1)
                    nu.lerp_(g * g, 1 - B2)
                    p.addcdiv_(mu * rate, (nu / (1 - B2**count)).sqrt_().add_(EPS), value=-1 / (1 - B1**count))
        return tuple(p.numpy() for p in params)

    return run


def lanes_own(work, X, y):
    return lanes(work, X, y, own=True)
