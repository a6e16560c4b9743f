"""From a table's columns to X: what was learnt from the training rows, as plain data, and applied to other tables."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np

from jgd._errors import public
from jgd.data._columns import Column, refuse_infinite
from jgd.data._dataset import Dataset
from jgd.data._files import Reading, Table, hint, read_table

MISSING, OTHER = "(missing)", "(other)"


class Source(NamedTuple):
    """A column of the table that is used.

    Attributes:
      kind: "numbers", "flags" or "text".
      fill: what stands for a missing number; None where missing values are refused.
      labels: the texts that are told apart; the first is where the others' columns are all zero.
      reach: the least and the largest of a training row's numbers; None where that is not known.
    """

    kind: str
    fill: float | None = None
    labels: tuple[str, ...] = ()
    reach: tuple[float, float] | None = None


class Feature(NamedTuple):
    """A column of X: (value - mean) / scale, of a source's numbers, of whether they are missing, or of whether it is a label."""

    name: str
    source: str
    part: str  # "value", "missing" or "label"
    label: str = ""
    mean: float = 0.0
    scale: float = 1.0


class Target(NamedTuple):
    """The target's column: y = (value - mean) / scale, or labels as they are.

    Attributes:
      name: of the column.
      kind: "numbers", "flags" or "text".
      is_class: whether its values are labels.
      mean, scale: what a number is standardised by.
    """

    name: str
    kind: str
    is_class: bool
    mean: float = 0.0
    scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class Encoder:
    """Turns a table with the columns of the one that `jgd.read` was given into the same X, by what its training rows showed.

    Plain data on the host; a data set carries it as `encoder`, and a saved result holds it.

    >>> import jgd
    >>> data = jgd.read({"size": [1.0, 3.0, None], "town": ["Bonn", "York", "York"], "price": [10.0, 30.0, 20.0]}, "price")
    >>> data.encoder
    Encoder(size, town -> size, size is missing, town=York; target price)
    >>> [round(x, 2) for x in data.encoder.encode({"town": ["York"], "size": [5.0]}).X[0].tolist()]
    [3.67, -0.71, 0.71]
    """

    sources: dict[str, Source]
    features: tuple[Feature, ...]
    target: Target | None = None
    weight: str | None = None
    reading: Reading = dataclasses.field(default_factory=Reading)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of X's columns."""
        return tuple(feature.name for feature in self.features)

    def __repr__(self) -> str:
        short = lambda names: ", ".join([*names[:6], *(["..."] * (len(names) > 6))])
        target = f"; target {self.target.name}" if self.target else ""
        return f"Encoder({short(list(self.sources))} -> {short(self.columns)}{target})"

    @public
    def encode(self, source: Any, *, target: bool = True) -> Dataset:
        """A table's rows as a data set; what no training row had stands in its `notes`.

        Args:
          source: what `jgd.read` takes; columns it has besides are not looked at.
          target: take targets and weights too where the table has them, and leave out rows without a target; False keeps
            every row.

        Raises:
          ValueError: if a column is missing, or of another type than in training; or where values are missing that
            were to be refused.
        """
        table = read_table(source, self.reading)
        self._check_names(table)
        notes: list[str] = []
        rows, y, weight = np.arange(table.rows), None, None
        if target and self.target is not None and self.target.name in table.columns:
            found = table.column(self.target.name, "the target", numbers=self.target.kind != "text")
            rows = np.flatnonzero(~found.missing)
            if len(rows) < table.rows:
                notes.append(f"{table.rows - len(rows)} rows without a target left out")
            if not len(rows):
                raise ValueError(f"no row of {table.name} has a target {self.target.name!r}.")
            y = self.targets(table.name, found.take(rows))
            weight = None if self.weight is None else weights(table, self.weight).take(rows).values
        columns = {name: self._same_kind(table, name, table.column(name).take(rows), notes) for name in self.sources}
        data = Dataset(self.matrix(columns), y, weight, columns=self.columns)
        data.encoder, data.notes = self, tuple(notes)
        return data

    def matrix(self, columns: dict[str, Column]) -> np.ndarray:
        """X of columns that are of the kinds known, (n, features)."""
        n = len(next(iter(columns.values())).values)
        X = np.empty((n, len(self.features)), jax.dtypes.canonicalize_dtype(float))
        with np.errstate(over="ignore"):  # what is too large for float32 is found, and named, as infinite
            for j, feature in enumerate(self.features):
                raw = part_of(self.sources[feature.source], columns[feature.source], feature)
                X[:, j] = (raw - feature.mean) / feature.scale
        return X

    def targets(self, name: str, column: Column) -> np.ndarray:
        """Targets as the training's are: standardised numbers, or labels."""
        target = self.target
        if target.kind == "text" and column.kind != "text":
            column = _as_text(column) or column
        if column.kind != target.kind and not {column.kind, target.kind} == {"numbers", "flags"}:
            raise ValueError(f"the target {target.name!r} of {name} holds {column.kind}, in training it held {target.kind}.")
        if target.is_class:
            return as_labels(column)
        return (column.values - target.mean) / target.scale

    def decode(self, prediction: Any) -> Any:
        """Predictions of y in the target's own unit."""
        if self.target is None or self.target.is_class:
            return prediction
        return np.asarray(prediction, np.float64) * self.target.scale + self.target.mean

    @public
    def in_units(self, params: Any) -> Any:
        """The parameters of a linear or logistic model for columns and target in their own units, in float64.

        From weights w and bias b of standardised columns: w_j s / s_j and s (b - sum_j w_j m_j / s_j) + m, with means m_j and
        deviations s_j of the columns, and m and s of the target (0 and 1 for classes).

        >>> import jgd
        >>> data = jgd.read({"size": [1.0, 2.0, 4.0], "price": [11.0, 21.0, 41.0]}, "price")
        >>> params = data.encoder.in_units(jgd.solve(jgd.linear_regression(), data).params)
        >>> params.weights.round(3).tolist(), params.bias.round(3).item()
        ([10.0], 1.0)
        """
        means, scales = (np.array([getattr(f, name) for f in self.features]) for name in ("mean", "scale"))
        unit, start = (self.target.scale, self.target.mean) if self.target is not None else (1.0, 0.0)
        weights = (np.asarray(params.weights, np.float64).T / scales).T
        bias = 0.0 if params.bias is None else np.asarray(params.bias, np.float64)
        return params._replace(weights=weights * unit, bias=np.asarray(unit * (bias - means @ weights) + start))

    def to_plain(self) -> dict[str, Any]:
        """Dicts, lists, texts and numbers that `from_plain` reads."""
        return {
            "sources": {name: source._asdict() for name, source in self.sources.items()},
            "features": [feature._asdict() for feature in self.features],
            "target": None if self.target is None else self.target._asdict(),
            "weight": self.weight,
            "reading": self.reading._asdict(),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Encoder":
        """The encoder that `to_plain` told."""
        tuples = lambda made: {key: tuple(value) if isinstance(value, list) else value for key, value in made.items()}
        return cls(
            {name: Source(**tuples(source)) for name, source in plain["sources"].items()},
            tuple(Feature(**feature) for feature in plain["features"]),
            None if plain["target"] is None else Target(**plain["target"]),
            plain["weight"],
            Reading(**tuples(plain["reading"])),
        )

    def _check_names(self, table: Table) -> None:
        lacking = [] if table.sparse else [name for name in self.sources if name not in table.columns]
        if lacking:
            others = set(table.columns) - set(self.sources)
            near = hint(lacking[0], others)
            if near.startswith("did you mean"):
                near = f": {near.rstrip('.')} Give it the same names."
            else:
                known = f"; others that it has: {near.removeprefix('known: ').rstrip('.')}" if others else ""
                near = f"{known}. Give it what was made for the training data too."
            more = f" (nor {', '.join(map(repr, lacking[1:6]))}{', ...' * (len(lacking) > 6)})" if lacking[1:] else ""
            raise ValueError(f"{table.name} has no column {lacking[0]!r}{more}, which the training data had{near}")

    def _same_kind(self, table: Table, name: str, column: Column, notes: list[str]) -> Column:
        """The column, of the kind that its source had, and with the labels of that; what that changes is said."""
        source, found = self.sources[name], column.kind
        if found == "empty":
            empty = np.full(len(column.values), -1) if source.kind == "text" else column.values
            column = Column(source.kind, empty, source.labels)
        elif source.kind == "text" and found != "text":
            column = _as_text(column)
        if column is None or source.kind != "text" and column.kind == "text":
            some = f" (such as {column.labels[0]!r})" if column is not None else ""
            raise ValueError(
                f"column {name!r} of {table.name} holds {found}{some}, in training it held {source.kind}: correct it, or train "
                f"without it (drop=[{name!r}])."
            )
        if source.kind == "flags" and not np.isin(column.values[~column.missing], (0, 1)).all():
            raise ValueError(f"column {name!r} of {table.name} holds numbers besides 0 and 1, in training it held truth values.")
        said = _unusual(source, column, any(f.source == name and f.part == "missing" for f in self.features))
        notes += [f"{name}: {what}" for what in said]
        return check_missing(table.name, name, source, column)


def part_of(source: Source, column: Column, feature: Feature) -> np.ndarray:
    """A feature's values before they are standardised, as float64."""
    if feature.part == "missing":
        return column.missing.astype(np.float64)
    if feature.part == "value":
        return np.where(column.missing, source.fill or 0.0, column.values)
    return (_places(source, column) == source.labels.index(feature.label)).astype(np.float64)


def _places(source: Source, column: Column) -> np.ndarray:
    """Which of the source's labels each row has; -1 for none of them."""
    place = {label: i for i, label in enumerate(source.labels)}
    known = [place.get(label, place.get(OTHER, -1)) for label in column.labels]
    return np.array([*known, place.get(MISSING, -1)])[column.values]


def check_missing(table: str, name: str, source: Source, column: Column) -> Column:
    """The column, unless it lacks values that are to be refused."""
    missing = int(column.missing.sum())
    if missing and source.fill is None:
        raise ValueError(
            f"column {name!r} of {table} has {plural(missing, 'missing value')}, which impute=None refuses: fill them in, "
            "leave such rows out, or give impute='median' (or 'mean')."
        )
    return column


def plural(count: int, what: str) -> str:
    """A count with its noun."""
    return f"{count} {what}{'s' if count != 1 else ''}"


def as_labels(column: Column) -> np.ndarray:
    """A column's values as labels: texts, truth values or whole numbers."""
    if column.kind == "text":
        return np.asarray(column.labels)[column.values]
    return column.values.astype(bool if column.kind == "flags" else np.int64)


def weights(table: Table, name: str) -> Column:
    """The column of weights.

    Raises:
      ValueError: if it is not numbers, or some are missing.
    """
    column = table.column(table.known(name), "the weights")
    if column.kind not in ("numbers", "flags") or column.missing.any():
        found = plural(int(column.missing.sum()), "missing value") if column.kind == "numbers" else column.kind
        raise ValueError(f"the weights {name!r} of {table.name} hold {found}: each row needs a number of at least 0.")
    refuse_infinite(f"the weights {name!r} of {table.name}", column.values)
    return column


def _as_text(column: Column) -> Column | None:
    """Whole numbers and truth values as the texts they would be among texts; None for other numbers."""
    given = column.values[~column.missing]
    if (given != np.floor(given)).any():
        return None
    found = np.unique(given)
    spell = (lambda value: str(bool(value)).lower()) if column.kind == "flags" else (lambda value: str(int(value)))
    codes = np.where(column.missing, -1, np.searchsorted(found, np.nan_to_num(column.values)))
    return Column("text", codes, tuple(map(spell, found)))


def _unusual(source: Source, column: Column, marked: bool) -> list[str]:
    """What a table's column has that no training row had."""
    said, missing = [], int(column.missing.sum())
    if source.kind == "text":
        zeros = f"encoded as all zeros, as {source.labels[0]!r} is"
        new = np.array([label not in source.labels for label in column.labels] + [False])
        rows = int(new[column.values].sum())
        if rows and OTHER not in source.labels:
            some = next(label for label, is_new in zip(column.labels, new, strict=False) if is_new)
            said.append(f"{plural(rows, 'row')} with a value that no training row had (such as {some!r}), {zeros}")
        if missing and MISSING not in source.labels:
            said.append(f"{plural(missing, 'missing value')}, where no training row lacked one, {zeros}")
    elif missing and not marked and source.fill is not None:
        said.append(f"{plural(missing, 'missing value')}, where no training row lacked one, filled by {source.fill:g}")
    if source.reach is not None:
        low, high = source.reach
        beyond = column.values[np.maximum(low - column.values, column.values - high) > high - low]  # NaN is not
        if len(beyond) and high > low:
            said.append(
                f"{plural(len(beyond), 'row')} far beyond the training rows' {low:.6g} to {high:.6g} (such as {beyond[0]:.6g}): "
                "what is predicted there is extrapolated"
            )
    return said
