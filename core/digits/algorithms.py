"""The algorithms to choose from: what each is good for, its parameters, and what it will cost before it is started.

Estimates come from fits on 60,000 MNIST digits on one core of a two-core server (tests/benchmarks/bench_digits.py
measures them again) and are scaled to the rows and parameters at hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from core.base.errors import WrongUse

Value = int | float | bool


@dataclass(frozen=True)
class Parameter:
    """One thing to set; the kind of ``default`` is the kind of the value."""

    name: str
    label: str
    default: Value
    minimum: float
    maximum: float
    help: str = ""


@dataclass(frozen=True)
class Probe:
    """A quick fit on 1,000 rows, judged on 500 more (see ``core.digits.probe``). rows: in the whole data set."""

    seconds: float  # CPU
    accuracy: float
    judged: int = 500
    rows: int = 60_000


PROBE_ROWS = 1_500


@dataclass(frozen=True)
class Cost:
    """What a fit on 60,000 rows with default parameters takes, and how it grows.

    probe: what the quick fit took and reached where the other figures were measured.
    """

    seconds: float  # CPU
    megabytes: float
    accuracy: float
    rows_power: float = 1.0  # seconds grow with rows ** rows_power
    size_power: float = 0.0  # megabytes grow with rows ** size_power
    milliseconds: float = 0.5  # to classify one image
    driver: str = ""  # the parameter that seconds and megabytes grow with
    probe: Probe = Probe(1.0, 0.9)


@dataclass(frozen=True)
class Estimate:
    """seconds: CPU of one core. accuracy: 0..1 on fresh digits of the same kind."""

    seconds: float
    megabytes: float
    accuracy: float
    milliseconds: float


@dataclass(frozen=True)
class Algorithm:
    id: str
    name: str
    good_for: str
    cost: Cost
    parameters: tuple[Parameter, ...] = field(default=())
    refits: bool = False  # fitted on every row once its hold-out scores are known
    on_dask: bool = False
    probe_parameters: Mapping[str, Value] = field(default_factory=dict)

    def settings(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """Every parameter with its value. Raises WrongUse for an unknown name or a value outside its limits."""
        known = {parameter.name: parameter for parameter in self.parameters}
        if unknown := [name for name in given if name not in known]:
            raise WrongUse(
                f"{self.name} has no parameter {unknown[0]}",
                f"It has {', '.join(known) or 'none'}",
                "Correct the name or leave it out",
            )
        return {name: _fitting(parameter, given.get(name, parameter.default)) for name, parameter in known.items()}

    def estimate(self, rows: int, given: Mapping[str, Any] | None = None, probe: Probe | None = None) -> Estimate:
        """From the table; with a ``probe`` of the data at hand, as this computer and these digits compare with it."""
        values = self.settings(given or {})
        share = max(rows, 1) / 60_000
        growth = 1.0
        if self.cost.driver:
            default = next(parameter.default for parameter in self.parameters if parameter.name == self.cost.driver)
            growth = float(values[self.cost.driver]) / float(default)
        # errors of all these models grow with about the cube root of 1/rows (measured from 2,000 to 60,000)
        error = (1 - self.cost.accuracy) * share**-0.35
        slower = 1.0
        if probe:
            slower = max(probe.seconds, 0.01) / self.cost.probe.seconds
            # one more misread than there were: 500 digits without an error do not promise that there are none
            misread = (1 - probe.accuracy) * probe.judged + 1
            error *= misread / ((1 - self.cost.probe.accuracy) * probe.judged + 1)
        size = self.cost.megabytes * share**self.cost.size_power * (growth if self.cost.driver.endswith("trees") else 1)
        seconds = (self.cost.seconds * share**self.cost.rows_power * growth + 1.0) * slower
        return Estimate(seconds, size, 1 - min(0.9, error), self.cost.milliseconds * slower)


def _fitting(parameter: Parameter, value: Any) -> Value:
    kind = type(parameter.default)
    try:
        if kind is bool:
            made: Value = value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]
        else:
            made = kind(value)
    except (KeyError, ValueError, TypeError) as error:
        raise WrongUse(
            f"{parameter.name} is {value!r}", f"It should be of the kind {kind.__name__}", "Correct the value"
        ) from error
    if not parameter.minimum <= made <= parameter.maximum:
        raise WrongUse(
            f"{parameter.name} is {made}",
            f"It can be from {parameter.minimum:g} to {parameter.maximum:g}",
            "Correct the value",
        )
    return made


_EPOCHS = Parameter("epochs", "Epochs", 12, 1, 200, "Passes over the training rows")
_STRENGTH = Parameter("C", "C", 10.0, 0.001, 10_000, "Larger: fits the training rows more closely")

ALGORITHMS: tuple[Algorithm, ...] = (
    Algorithm(
        "patch-svc",
        "Patch features + SVC",
        "The most accurate. Learns stroke patterns of digits as they stand and sheared upright, then support vectors and "
        "varied copies of them; calibrated, and refuses what is no digit. Answers in 2 to 3 ms without scikit-learn.",
        Cost(300, 3.6, 0.995, rows_power=0.8, size_power=0.35, milliseconds=2.3, probe=Probe(7.7, 0.98)),
        (
            Parameter("atoms", "Stroke patterns", 40, 4, 200, "Patterns of each of the two experts"),
            Parameter("components", "Components", 96, 8, 400, "Principal axes kept"),
            Parameter("whitening", "Whitening", 0.5, 0.0, 1.0, "How far the axes' variances are evened out"),
            _STRENGTH,
            Parameter("gamma", "Gamma", 0.4, 0.001, 100, "Larger: each support vector reaches less far"),
            Parameter("copies", "Virtual copies", 2, 0, 20, "Varied copies of each support vector; 0: none"),
        ),
        refits=True,
        probe_parameters={"atoms": 8, "components": 40, "copies": 1},
    ),
    Algorithm(
        "logistic",
        "Multinomial logistic regression",
        "Amazon Machine Learning's own algorithm: one weight per pixel and digit. Small, quick, easy to read; about 92 %.",
        Cost(13, 0.03, 0.9256, milliseconds=0.3, driver="iterations", probe=Probe(0.38, 0.886)),
        (
            Parameter("C", "C", 0.1, 0.0001, 1_000, "Larger: less regularised"),
            Parameter("iterations", "Iterations", 100, 5, 1_000),
        ),
    ),
    Algorithm(
        "linear-svm",
        "Linear SVM",
        "A straight border between each digit and the rest, by averaged stochastic gradient. As small as logistic "
        "regression and no better on pixels.",
        Cost(15, 0.1, 0.915, milliseconds=0.3, driver="epochs", probe=Probe(0.38, 0.884)),
        (
            Parameter("alpha", "Alpha", 0.0001, 1e-8, 1.0, "Larger: more regularised"),
            Parameter("epochs", "Epochs", 8, 1, 200, "Passes over the training rows"),
        ),
    ),
    Algorithm(
        "knn",
        "k-nearest neighbours",
        "Compares with every stored digit (40 principal components of each). Nothing to train, 97.5 %; but the "
        "file keeps all rows and each answer takes long.",
        Cost(2, 10, 0.975, size_power=1.0, milliseconds=15, probe=Probe(0.17, 0.902)),
        (
            Parameter("k", "Neighbours", 3, 1, 50),
            Parameter("components", "Components", 40, 2, 300, "Principal components compared"),
        ),
        on_dask=True,
    ),
    Algorithm(
        "random-forest",
        "Random forest",
        "Many trees on random parts of the data. Needs no tuning and shows which pixels matter; large files.",
        Cost(45, 25, 0.969, size_power=0.9, milliseconds=10, driver="trees", probe=Probe(1.15, 0.906)),
        (
            Parameter("trees", "Trees", 100, 1, 1_000),
            Parameter("min_leaf", "Rows per leaf", 1, 1, 100, "More: smaller files, smoother answers"),
        ),
        on_dask=True,
    ),
    Algorithm(
        "extra-trees",
        "Extra trees",
        "A forest with random splits: a little more accurate than the random forest, larger still.",
        Cost(55, 45, 0.971, size_power=0.9, milliseconds=11, driver="trees", probe=Probe(1.12, 0.906)),
        (
            Parameter("trees", "Trees", 100, 1, 1_000),
            Parameter("min_leaf", "Rows per leaf", 1, 1, 100, "More: smaller files, smoother answers"),
        ),
        on_dask=True,
    ),
    Algorithm(
        "gradient-boosting",
        "Gradient boosting",
        "Trees that correct each other, on histograms of the pixels. Strong on tables; slow to train on pictures.",
        Cost(180, 2, 0.965, milliseconds=4, driver="iterations", probe=Probe(3.2, 0.792)),
        (
            Parameter("iterations", "Iterations", 40, 1, 500, "Rounds of ten trees"),
            Parameter("rate", "Learning rate", 0.2, 0.001, 1.0),
        ),
        probe_parameters={"iterations": 4},
    ),
    Algorithm(
        "rbf-svm",
        "RBF support vector machine",
        "The classic before networks: 50 principal components and a Gaussian kernel. 98.6 %, and no patience needed.",
        Cost(42, 3, 0.9865, rows_power=1.6, size_power=0.6, milliseconds=2.5, probe=Probe(0.43, 0.944)),
        (
            Parameter("C", "C", 5.0, 0.001, 10_000, "Larger: fits the training rows more closely"),
            Parameter("gamma", "Gamma", 0.025, 0.0001, 10, "Larger: each support vector reaches less far"),
            Parameter("components", "Components", 50, 2, 400, "Principal components"),
        ),
        on_dask=True,
    ),
    Algorithm(
        "mlp",
        "Neural network (MLP)",
        "One hidden layer. Quick to train and quick to answer, 98 %.",
        Cost(34, 0.8, 0.980, milliseconds=0.35, driver="epochs", probe=Probe(0.68, 0.894)),
        (_EPOCHS, Parameter("units", "Hidden units", 256, 4, 2_048)),
    ),
    Algorithm(
        "mlp-augmented",
        "Neural network with augmentation",
        "The same network on freshly turned, bent and moved digits in every pass: 98.8 %, steadier on drawings.",
        Cost(90, 1.3, 0.988, milliseconds=0.4, driver="epochs", probe=Probe(1.85, 0.914)),
        (
            Parameter("epochs", "Epochs", 14, 1, 200, "Passes over varied copies of the training rows"),
            Parameter("units", "Hidden units", 400, 4, 2_048),
            Parameter("strength", "Strength", 0.7, 0.0, 1.5, "How far the copies may differ"),
        ),
    ),
)

_BY_ID = {algorithm.id: algorithm for algorithm in ALGORITHMS}


def algorithm_named(name: str) -> Algorithm:
    """Raises WrongUse with the list of ids for an unknown one."""
    if name not in _BY_ID:
        raise WrongUse(f"There is no algorithm {name!r}", f"Known are {', '.join(_BY_ID)}", "Choose one of them")
    return _BY_ID[name]


def free_name(name: str, taken: Collection[str]) -> str:
    """The name itself, or with the first number from 2 on that no other model bears."""
    numbered = (f"{name} {number}" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


@dataclass(frozen=True)
class Benchmark:
    """A published result on the MNIST test set."""

    method: str
    error_percent: float
    source: str


PUBLISHED: tuple[Benchmark, ...] = (
    Benchmark("Amazon Machine Learning, multinomial logistic (Kaggle)", 8.33, "Kaggle Digit Recognizer, score 0.91671"),
    Benchmark("Linear classifier, one layer", 12.0, "LeCun et al. 1998"),
    Benchmark("Linear classifier, deskewed", 8.4, "LeCun et al. 1998"),
    Benchmark("k-nearest neighbours, Euclidean", 5.0, "LeCun et al. 1998"),
    Benchmark("Two-layer network, 300 hidden units", 4.7, "LeCun et al. 1998"),
    Benchmark("SVM, Gaussian kernel", 1.4, "MNIST page, LeCun, Cortes, Burges"),
    Benchmark("Virtual SVM, degree 9, 2-pixel jitter, deskewed", 0.56, "DeCoste and Schölkopf 2002"),
    Benchmark("LeNet-5, distortions", 0.8, "LeCun et al. 1998"),
    Benchmark("Committee of 35 convolutional networks", 0.23, "Ciresan et al. 2012"),
)
