"""Digits: every algorithm's cost on a fixed split, reading a Kaggle CSV against pandas and numpy, stroke to bars.

``python -m tests.benchmarks.bench_digits [--rows N] [--algorithm ID ...]``. Uses the MNIST training set beside the
project where it is there, else digits drawn from templates. A sixth of the set (10,000 digits of MNIST) is never
trained on: every model is judged on it as it would be stored, the reject head too. Training takes 6,000 of the other
rows unless told otherwise (two CPU minutes for all algorithms; 50,000 take a third of an hour of one core).
``--rows 50000 --algorithm patch-svc`` is the recipe of the model that ships, on digits it has not seen.
"""

from __future__ import annotations

import argparse
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from core.digits.algorithms import ALGORITHMS
from core.digits.datasets import Dataset, open_dataset, save_csv, save_npz
from core.digits.ink import normalised
from core.digits.model_file import SHIPPED, read_patch_model
from core.digits.negatives import negatives
from core.digits.opened import answers, open_model
from core.digits.patches import Floats
from core.digits.plain_digits import plain_digit
from core.digits.printed import printed
from core.digits.scores import Evaluation
from core.digits.training import TrainingOrder, train
from tests import rivals
from tests.conftest import SHARED
from tests.core.digits.small_data import digits
from tests.core.digits.strokes import table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6_000, help="rows to train on (6,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the training (0)")
    parser.add_argument("--algorithm", action="append", metavar="ID", help="only this one; may be given again")
    options, _ = parser.parse_known_args()  # `python -m tests.benchmarks digits` hands its own words on
    source = SHARED / "data" / "mnist-train.npz"
    dataset = open_dataset(source) if source.exists() else digits(min(options.rows, 3_000))
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):  # one BLAS thread, as the product's children
        stroke_to_bars()
        drawings()
        refusals(dataset)
        algorithms(dataset, Path(folder), options.rows, options.algorithm, options.seed)
        reading(dataset, Path(folder))


def _median(work: Callable[[int], object], count: int) -> tuple[float, float]:
    """CPU milliseconds of this thread: median and 99th percentile."""
    taken = []
    for index in range(count):
        started = time.thread_time()
        work(index)
        taken.append((time.thread_time() - started) * 1000)
    return float(np.median(taken)), float(np.percentile(taken, 99))


def stroke_to_bars() -> None:
    model, card = read_patch_model(SHIPPED)
    drawing = [plain_digit(index % 10) for index in range(300)]
    pictures = np.stack([normalised(strokes) for strokes in drawing[:10]])
    for name, work in (
        ("strokes -> 28 x 28", lambda index: normalised(drawing[index])),
        ("28 x 28 -> answer", lambda index: model.answer(pictures[index % 10][None])),
        ("stroke -> bars", lambda index: model.answer(normalised(drawing[index])[None])),
    ):
        median, p99 = _median(work, 300)
        print(f"{name:22} {median:6.2f} ms CPU median, {p99:6.2f} p99 (a frame is 16 ms)")
    print(f"shipped model: {SHIPPED.stat().st_size / 1e6:.2f} MB, {card.scores['accuracy']:.2%} of its held-out digits")


def drawings() -> None:
    model, _ = read_patch_model(SHIPPED)
    for kind, drawn in table(200, seed=1).items():
        answer = model.answer(np.stack([normalised(strokes) for _, strokes in drawn]))
        right = (answer.labels == np.array([label for label, _ in drawn])).mean()
        kept = (answer.digit >= 0).mean() if answer.digit is not None else 1.0
        print(f"drawn {kind:12} {right:.1%} right, {kept:.1%} taken for digits")


_LIKE_DIGITS = set("OoISsZzBbgqlDi")  # letters that are digits by their shape: no reject option can refuse them


def refusals(dataset: Dataset) -> None:
    """What the reject head lets pass: fonts of this computer that it never saw, scribbles, digits it was not fitted on."""
    from PIL import ImageFont

    model, _ = read_patch_model(SHIPPED)

    def kept(pictures: Floats) -> str:
        odds = model.answer(pictures).digit
        return "the model has no head" if odds is None else f"{(odds >= 0).mean():.2%} taken for digits"

    rng = np.random.default_rng(20_261)
    lists = subprocess.run(["fc-list", ":lang=en", "file"], capture_output=True, text=True, check=False).stdout
    files = sorted({line.split(":")[0] for line in lists.splitlines() if line.rstrip(": ").endswith((".ttf", ".otf"))})
    fonts = [ImageFont.truetype(path, 96) for path in files if not Path(path).stem.startswith(("Inter", "JetBrains"))]
    if fonts:
        letters = [letter for letter in string.ascii_letters if letter not in _LIKE_DIGITS]
        print(f"letters of {len(fonts)} fonts: {kept(np.stack([printed(x, font) for font in fonts for x in letters]))}")
        print(
            f"digits of {len(fonts)} fonts: {kept(np.stack([printed(x, font) for font in fonts for x in string.digits]))}"
        )
    made = negatives(dataset.pixels[:4_000], dataset.labelled()[:4_000], 2_000, rng)
    print(f"scribbles, letter-like figures, pieces and pairs: {kept(made)}")


_READERS = {
    "opsdesk": "from pathlib import Path\nfrom core.digits.datasets import open_dataset\nread = lambda p: len(open_dataset(Path(p)))",
    "numpy.loadtxt uint8": "import numpy\nread = lambda p: len(numpy.loadtxt(p, dtype='u1', delimiter=',', skiprows=1))",
    "pandas default": "import pandas\nread = lambda p: len(pandas.read_csv(p))",
}


def reading(dataset: Dataset, folder: Path) -> None:
    """Each reader in a process of its own, so that the peak is its own; importing is no part of its time."""
    path = folder / "train.csv"
    rows = min(len(dataset), 42_000)
    save_csv(dataset.chosen(np.arange(rows)), path)
    print(f"CSV of {rows:,} rows, {path.stat().st_size / 1e6:.1f} MB")
    ours: tuple[float, float] | None = None
    for name, setup in _READERS.items():
        code = (
            f"{setup}\nimport time\n"
            # VmHWM begins anew with the program; ru_maxrss would carry the parent's over
            "peak = lambda: int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\nbase = peak()\n"
            f"started = time.process_time(); count = read({str(path)!r}); taken = time.process_time() - started\n"
            f"assert count == {rows}, count\n"
            "print(taken, (peak() - base) / 1024, base / 1024)"
        )
        # pandas is a rival: it has an environment of its own, and is needed here (`make setup-full`)
        rival = rivals.FOLDER / "bin" / "python" if name.startswith("pandas") else None
        python = str(rival) if rival and rival.exists() else sys.executable
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr.strip().splitlines()[-1]}")
        seconds, above, base = map(float, done.stdout.split())
        ours = ours or (seconds, above)
        print(
            f"CSV by {name:20} {seconds:5.2f} CPU s ({seconds / ours[0]:5.2f} of ours), "
            f"+{above:4.0f} MB at its peak ({above / ours[1]:5.2f} of ours) over {base:.0f} MB of imports",
            flush=True,
        )


def algorithms(dataset: Dataset, folder: Path, rows: int, only: list[str] | None, seed: int) -> None:
    """Each algorithm on the same rows, judged on the same digits, none of which any of them was given."""
    order = np.random.default_rng(seed).permutation(len(dataset))
    unseen = len(dataset) // 6
    fresh = dataset.chosen(order[:unseen])
    data = folder / "set.npz"
    save_npz(dataset.chosen(order[unseen:][:rows]), data)
    print(
        f"trained on {min(rows, len(dataset) - unseen):,} rows (a sixth of them to calibrate), "
        f"judged on {unseen:,} unseen, seed {seed}"
    )
    singles = fresh.chosen(np.arange(min(200, unseen))).pixels
    for algorithm in ALGORITHMS:
        if only and algorithm.id not in only:
            continue
        path = folder / f"{algorithm.id}.model"
        trained = train(lambda *_, **__: None, TrainingOrder(data, algorithm.id, holdout=1 / 6, seed=seed), path)
        model, _ = open_model(path)
        median, _ = _median(lambda index, model=model: model.answer(singles[index % len(singles)][None]), 60)  # type: ignore[misc]
        judged = Evaluation.of(fresh.labelled(), answers(model, fresh.images))
        low, high = judged.interval
        print(
            f"{algorithm.id:18} {trained.card.seconds:7.1f} CPU s  {judged.accuracy:7.2%} ({low:.2%} to {high:.2%})"
            f"  {median:7.2f} ms an image  {path.stat().st_size / 1e6:6.2f} MB  ECE {judged.ece:.4f}",
            flush=True,
        )
        if judged.digit is not None:
            kept = judged.digit >= 0
            print(
                f"{'':18} its reject head keeps {kept.mean():.2%} of them, {judged.right[kept].mean():.2%} of those right"
            )


if __name__ == "__main__":
    main()
