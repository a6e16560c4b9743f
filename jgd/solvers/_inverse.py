"""Approximate inverses of Hessians, shared by lanes: what a step of a solver starts from."""

import dataclasses
import functools

import numpy as np

# What is added to the diagonal of a Hessian scaled to a diagonal of ones, first: where its rows were multiplied in float32, or
# in float64.
RIDGE = {True: 2e-6, False: 1e-12}


# Up to so many rows LAPACK is asked for a triangle and its inverse, and up to so many numbers of a matrix NumPy's einsum for a
# product with a vector: the linear algebra library hands more to threads of its own, which wait at full speed, for 25 ms after
# each call, where the next pass over the rows wants the cores.
SMALL, ALONE = 32, 2**18


@dataclasses.dataclass(frozen=True)
class Inverse:
    """Positive definite matrices R' R, one for each of L settings, or one for all, over groups of the parameters.

    Attributes:
      roots: R, shape (L or 1, m, m), or (L or 1, m) where they are diagonal; m is k D, or D where all logits share one.
      ridge: the largest ridge that was added to what they are inverses of, scaled.
    """

    roots: np.ndarray
    ridge: float = 0.0

    def times(self, v: np.ndarray) -> np.ndarray:
        """R' R v, for v of shape (F, L, k D)."""
        L, m = self.roots.shape[:2]
        if self.roots.ndim == 2:
            return (v.reshape(*v.shape[:2], -1, m) * np.square(self.roots)[None, :, None, :]).reshape(v.shape)
        if L == 1:
            R, flat = self.roots[0], v.reshape(-1, m)
            if len(flat) == 1 and R.size <= ALONE:
                return np.einsum("nk,km->nm", np.einsum("nm,km->nk", flat, R), R).reshape(v.shape)
            return (flat @ R.T @ R).reshape(v.shape)
        by_setting = np.moveaxis(v, 1, 0).reshape(L, -1, m)
        out = by_setting @ np.swapaxes(self.roots, 1, 2) @ self.roots
        return np.moveaxis(out.reshape(L, v.shape[0], -1), 0, 1)

    @functools.cached_property
    def diagonal(self) -> np.ndarray:
        """Of R' R, shape (L or 1, m)."""
        squares = np.square(self.roots)
        return squares if squares.ndim == 2 else squares.sum(axis=1)

    def blind(self, size: int) -> np.ndarray:
        """Which of so many parameters it leaves where they are, (L or 1, size): those whose column was nothing but zeros."""
        return np.tile(self.diagonal == 0, size // self.diagonal.shape[1])

    def of(self, settings: np.ndarray) -> "Inverse":
        """Those of some settings."""
        return self if len(self.roots) == 1 else Inverse(self.roots[settings], self.ridge)


def inverse(matrices: np.ndarray, narrow: bool) -> Inverse:
    """Of symmetric matrices (L, m, m), each scaled to a diagonal of ones so that units of columns do not matter.

    A ridge grows until there is an inverse. Columns of zeros are left where they are.
    """
    diagonal = np.diagonal(matrices, axis1=1, axis2=2)
    used, ridge = diagonal > 0, RIDGE[narrow]
    scale = np.where(used, 1 / np.sqrt(np.where(used, diagonal, 1)), 0)
    scaled = matrices * scale[:, :, None] * scale[:, None, :]
    while True:
        try:
            roots = _inverse_root(scaled + np.where(used, ridge, 1.0)[:, :, None] * np.eye(matrices.shape[1]))
            return Inverse(roots * scale[:, None, :], ridge)
        except np.linalg.LinAlgError:
            if len(matrices) > 1:
                each = [inverse(one[None], narrow) for one in matrices]
                return Inverse(np.concatenate([one.roots for one in each]), max(one.ridge for one in each))
            ridge *= 10


def _inverse_root(H: np.ndarray) -> np.ndarray:
    """The lower triangles R with R' R = H^-1, the inverses of Cholesky's, by those of the halves of each H, (L, m, m).

    Raises:
      np.linalg.LinAlgError: if one is not positive definite.
    """
    m, T = H.shape[1], lambda a: np.swapaxes(a, 1, 2)
    if m <= SMALL:
        return np.linalg.inv(np.linalg.cholesky(H))
    upper, lower, out = slice(m // 2), slice(m // 2, None), np.zeros_like(H)
    first = out[:, upper, upper] = _inverse_root(H[:, upper, upper])
    below = H[:, lower, upper] @ T(first)
    second = out[:, lower, lower] = _inverse_root(H[:, lower, lower] - below @ T(below))
    out[:, lower, upper] = -second @ (below @ first)
    return out


def of_gram(gram: np.ndarray, bound: float, penalty: np.ndarray, narrow: bool) -> Inverse:
    """Of bound * gram + diag(penalty) for each row of `penalty`, (L, D), which is no less than a Hessian.

    Args:
      gram: (D, D), or its diagonal (D,), in the place of the whole of it.
    """
    if gram.ndim == 1:
        size = bound * gram[None] + penalty
        return Inverse(1 / np.sqrt(np.where(size > 0, size, 1)))
    return inverse(bound * gram[None] + penalty[:, :, None] * np.eye(len(gram))[None], narrow)
