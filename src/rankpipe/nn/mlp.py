"""Multilayer perceptrons, also over numeric embeddings that are never written out."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Literal["relu", "gelu", "prelu", "dice", "leaky_relu", "tanh"]


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that falls back to the running statistics where one row has no variance (the last batch)."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) < 2:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


class Dice(nn.Module):
    """Data-adaptive activation of DIN (Zhou et al. 2018, eq. 4): f(s) = p(s)·s + (1 − p(s))·α·s,
    p(s) = σ((s − E[s])/√(Var[s] + ε)), moments from the batch in training, running ones otherwise. x is (…, D)."""

    def __init__(self, dim: int):
        super().__init__()
        self.norm = BatchNorm(dim, affine=False, eps=1e-8)
        self.alpha = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1]).float()
        batch = self.training and len(flat) > 1
        mean, variance = self._moments(flat.detach()) if batch else (self.norm.running_mean, self.norm.running_var)
        return _Dice.apply(flat, self.alpha, mean, torch.rsqrt(variance + self.norm.eps), batch).reshape(x.shape)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(D,) mean and variance of the batch, which the running ones follow."""
        mean = x.mean(0)
        squares = torch.zeros_like(mean)
        for part in _slices(x):
            squares += (part - mean).square_().sum(0)
        norm, n = self.norm, len(x)
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(squares / (n - 1), norm.momentum)
        norm.num_batches_tracked += 1
        return mean, squares / n


class _Dice(torch.autograd.Function):
    """Dice of (N, D) by slices that stay in the processor's cache: over all items of a batch, memory sets its speed.

    With z = (x − μ)·s, p = σ(z), u = α + (1 − α)p, and g the gradient of x·u: dz = g·x·(1 − α)·p·(1 − p), and
    dx = g·u + s·(dz − mean(dz) − z·mean(dz·z)), the means only where μ and s come from the batch.
    """

    @staticmethod
    def forward(ctx, x: Tensor, alpha: Tensor, mean: Tensor, scale: Tensor, batch: bool) -> Tensor:
        out = torch.empty_like(x)
        for part, result in zip(_slices(x), _slices(out), strict=True):
            p = torch.sub(part, mean).mul_(scale).sigmoid_()
            torch.mul(part, torch.addcmul(alpha, p, 1 - alpha), out=result)
        # Running moments change in place before another backward pass may read them.
        ctx.save_for_backward(x, alpha, mean.clone(), scale)
        ctx.batch = batch
        return out

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, alpha, mean, scale = ctx.saved_tensors
        dx, rest = torch.empty_like(x), 1 - alpha
        on_alpha, first, second = (torch.zeros_like(mean) for _ in range(3))
        for part, g, result in zip(_slices(x), _slices(grad.contiguous()), _slices(dx), strict=True):
            z = torch.sub(part, mean).mul_(scale)
            p = torch.sigmoid(z)
            torch.mul(g, torch.addcmul(alpha, p, rest), out=result)
            gx = g * part
            on_p = gx * p
            on_alpha += gx.sum(0) - on_p.sum(0)
            dz = on_p.addcmul_(on_p.clone(), p, value=-1).mul_(rest)
            first += dz.sum(0)
            second += z.mul_(dz).sum(0)
            result.addcmul_(dz, scale)
        if ctx.batch:
            slope = scale.square() * second / len(x)
            offset = scale * first / len(x) - mean * slope
            for part, result in zip(_slices(x), _slices(dx), strict=True):
                result.sub_(offset).addcmul_(part, slope, value=-1)
        return dx, on_alpha, None, None, None


def _slices(x: Tensor) -> tuple[Tensor, ...]:
    """Runs of rows, a quarter of a megabyte each on a CPU; all at once elsewhere."""
    return x.split(max((1 << 16) // x.shape[1], 1)) if x.device.type == "cpu" else (x,)


def activation(name: Activation, dim: int) -> nn.Module:
    """The layer behind a name; ``prelu`` and ``dice`` hold one slope for each of the ``dim`` units."""
    if name == "dice":
        return Dice(dim)
    if name == "prelu":
        return nn.PReLU(dim)
    return {"relu": nn.ReLU, "gelu": nn.GELU, "leaky_relu": nn.LeakyReLU, "tanh": nn.Tanh}[name]()


class MLP(nn.Sequential):
    """Linear → [batch norm] → activation → dropout for each of ``hidden_dims``, then ``output_dim`` linearly if given.

    (…, input_dim) → (…, output_dim or hidden_dims[-1]); ``batch_norm`` wants (B, input_dim).
    """

    def __init__(self, input_dim: int, hidden_dims: tuple[int, ...], output_dim: int | None = None,
                 activations: Activation = "relu", dropout: float = 0.0, batch_norm: bool = False):
        layers: list[nn.Module] = []
        for dim in hidden_dims:
            layers.append(nn.Linear(input_dim, dim))
            layers += after_linear(dim, activations, dropout, batch_norm)
            input_dim = dim
        if output_dim is not None:
            layers.append(nn.Linear(input_dim, output_dim))
            input_dim = output_dim
        super().__init__(*layers)
        self.output_dim = input_dim


def after_linear(dim: int, activations: Activation, dropout: float, batch_norm: bool) -> list[nn.Module]:
    """What follows a hidden linear layer, in this order."""
    layers: list[nn.Module] = [BatchNorm(dim)] if batch_norm else []
    layers.append(activation(activations, dim))
    return [*layers, nn.Dropout(dropout)] if dropout else layers


class FieldLinear(nn.Module):
    """A linear layer over [dense | x₁w₁ | … | x_N w_N] that never writes the N vectors x·w out.

    Σ_n V_n (x_n w_n) = Σ_n x_n (V_n w_n): the products V_n w_n are made once a batch, N·D·H multiplications instead of
    B·N·D·H – for a hundred numeric columns this is most of a tower's work.
    """

    def __init__(self, dense_dim: int, numerics: int, dim: int, output_dim: int):
        super().__init__()
        self.fan_in, self.output_dim = dense_dim + numerics * dim, output_dim
        self.dense = nn.Parameter(torch.empty(output_dim, dense_dim)) if dense_dim else None
        self.numeric = nn.Parameter(torch.empty(numerics, dim, output_dim)) if numerics else None
        self.bias = nn.Parameter(torch.zeros(output_dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier normal over both parts together."""
        for weight in (self.dense, self.numeric):
            if weight is not None:
                nn.init.normal_(weight, std=(2 / (self.fan_in + self.output_dim)) ** 0.5)
        nn.init.zeros_(self.bias)

    def forward(self, dense: Tensor, x: Tensor | None = None, vectors: Tensor | None = None) -> Tensor:
        """(B, dense_dim), numbers (B, N) and their vectors (N, D) → (B, output_dim)."""
        out = self.bias.expand(len(dense), -1) if self.dense is None else F.linear(dense, self.dense, self.bias)
        if self.numeric is None:
            return out
        products = torch.bmm(vectors[:, None], self.numeric).squeeze(1)  # (N, H)
        return torch.addmm(out, x, products)


class FieldMLP(nn.Module):
    """An :class:`MLP` whose first layer is a :class:`FieldLinear`; without hidden layers that layer is all."""

    def __init__(self, dense_dim: int, numerics: int, dim: int, hidden_dims: tuple[int, ...],
                 output_dim: int | None = 1, activations: Activation = "relu", dropout: float = 0.0,
                 batch_norm: bool = False):
        super().__init__()
        if not hidden_dims and output_dim is None:
            raise ValueError("a tower needs hidden_dims or an output")
        first = hidden_dims[0] if hidden_dims else output_dim
        self.first = FieldLinear(dense_dim, numerics, dim, first)
        rest: list[nn.Module] = []
        if hidden_dims:
            rest = after_linear(first, activations, dropout, batch_norm)
            rest += MLP(first, hidden_dims[1:], output_dim, activations, dropout, batch_norm)
        self.rest = nn.Sequential(*rest)
        self.output_dim = output_dim if output_dim is not None else hidden_dims[-1]

    def forward(self, dense: Tensor, x: Tensor | None = None, vectors: Tensor | None = None) -> Tensor:
        """(B, dense_dim), (B, N), (N, D) → (B, output_dim)."""
        return self.rest(self.first(dense, x, vectors))
