"""Patch features: how strongly each learned 7x7 (or other) stroke pattern answers in each part of a digit.

Plain numpy, so that the window can classify without importing scikit-learn. The method is Coates and Ng's
single-layer dictionary (2011): whitened k-means atoms, soft threshold, pooled with soft windows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIDE = 28
"""Digits are SIDE x SIDE pixels, values 0..1, ink = 1; the functions here take any square."""

PAD_PIXELS = 2  # strokes that touch the frame still meet the centre of a patch
CONTRAST = 0.05  # added to the variance of a patch before it is normalised: blank paper stays near zero
_PER_IMAGE = 100  # patches of one image to learn from: more overlap so far that they teach nothing new
_BATCH = 8  # 8 images keep every intermediate in the L2 cache: twice as fast as 256


@dataclass(frozen=True)
class PatchBank:
    """A dictionary of ``k`` stroke patterns of ``size`` x ``size`` pixels for images of ``side`` x ``side``, whitening folded in.

    atoms:  (size * size, k) float32, applied to the raw patch.
    offset: (k,) float32, what the mean patch would answer.
    """

    size: int
    atoms: Floats
    offset: Floats
    side: int = SIDE
    grid: int = 5
    threshold: float = 0.25
    _windows: Floats = field(init=False, repr=False, compare=False)
    _centred: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_windows", pooling_windows(self.positions, self.grid))
        # what these answer to a patch, the atoms answer to the patch less its mean
        object.__setattr__(self, "_centred", self.atoms - self.atoms.mean(0))

    @property
    def positions(self) -> int:
        """Places of the patch along one side."""
        return self.side + 2 * PAD_PIXELS - self.size + 1

    @property
    def width(self) -> int:
        """Features per image."""
        return int(2 * self.atoms.shape[1] * self.grid**2)

    def encode(self, images: Floats) -> Floats:
        """Features, (n, width), of images (n, side, side) in 0..1; float32 in, float32 out, and the same for float64."""
        out = np.empty((len(images), self.width), images.dtype)
        for start in range(0, len(images), _BATCH):
            block = images[start : start + _BATCH]
            out[start : start + _BATCH] = self._encode_block(block)
        return out

    def _encode_block(self, images: Floats) -> Floats:
        patches = all_patches(images, self.size)
        count, places, atoms = len(images), self.positions, self.atoms.shape[1]
        pixels = patches.shape[1]
        mean = patches @ np.full(pixels, 1 / pixels, images.dtype)
        # einsum squares without a temporary of the size of the patches
        variance = np.einsum("ij,ij->i", patches, patches) / pixels - mean * mean
        scale = 1 / np.sqrt(np.maximum(variance, 0) + CONTRAST)
        answer = patches @ self._centred
        answer *= scale[:, None]
        answer -= self.offset
        split = np.empty((len(answer), 2 * atoms), images.dtype)
        np.subtract(answer, self.threshold, out=split[:, :atoms])
        np.subtract(-self.threshold, answer, out=split[:, atoms:])
        # against a row of zeros: numpy compares with a single number one by one, which takes twice as long
        np.maximum(split, np.zeros(2 * atoms, images.dtype), out=split)
        # The windows are down times across: pooled one after the other that is a quarter of the work.
        rows = self._windows @ split.reshape(count, places, places * 2 * atoms)
        pooled: Floats = self._windows @ rows.reshape(count, self.grid, places, 2 * atoms)
        return np.sqrt(pooled, out=pooled).reshape(count, -1)


def all_patches(images: Floats, size: int) -> Floats:
    """Every patch of every padded image, (n * positions^2, size^2)."""
    count, line = len(images), images.shape[1] + 2 * PAD_PIXELS
    places = line - size + 1
    padded = np.zeros((count, line, line), images.dtype)
    padded[:, PAD_PIXELS:-PAD_PIXELS, PAD_PIXELS:-PAD_PIXELS] = images
    # First the rows of patches, by column: a whole patch is then one run, which is copied four times as fast as its rows.
    image, down, across = padded.strides
    rows = np.ascontiguousarray(as_strided(padded, (count, places, line, size), (image, across, down, across)))
    image, column, down, pixel = rows.strides
    patches = as_strided(rows, (count, places, places, size * size), (image, down, column, pixel))
    return patches.reshape(-1, size * size)


def pooling_windows(positions: int, grid: int) -> Floats:
    """A row of ``grid`` overlapping Gaussian windows, (grid, positions), each summing to 1: down a digit and across it."""
    centres = np.linspace(0, positions - 1, grid + 2)[1:-1]
    sigma = positions / (grid + 1) * 0.6
    along = np.exp(-((np.arange(positions) - centres[:, None]) ** 2) / (2 * sigma**2))
    along /= along.sum(1, keepdims=True)
    windows: Floats = along.astype(np.float32)
    return windows


def learn_bank(images: Floats, *, size: int = 7, atoms: int = 48, seed: int = 0, samples: int = 96_000) -> PatchBank:
    """Learn a dictionary from images (n, side, side) in 0..1: whitened patches, sign-invariant spherical k-means."""
    rng = np.random.default_rng(seed)
    chosen = images[rng.permutation(len(images))[:6_000]]
    patches = _informative_patches(chosen, size, samples, rng)
    patches -= patches.mean(1, keepdims=True)
    patches /= np.sqrt((patches**2).mean(1, keepdims=True) + CONTRAST)
    centre = patches.mean(0)
    covariance = np.cov(patches, rowvar=False).astype(np.float64)
    values, vectors = np.linalg.eigh(covariance)
    whiten = (vectors / np.sqrt(np.maximum(values, 0) + 0.03)) @ vectors.T
    white = ((patches - centre) @ whiten).astype(np.float32)
    centres = _sign_free_kmeans(white, atoms, rng)
    folded = (whiten @ centres.T).astype(np.float32)
    return PatchBank(size, folded, (centre @ folded).astype(np.float32), images.shape[1])


def _informative_patches(images: Floats, size: int, samples: int, rng: np.random.Generator) -> Floats:
    places = (images.shape[1] + 2 * PAD_PIXELS - size + 1) ** 2
    per_image = min(places, _PER_IMAGE, max(1, 3 * samples // len(images)))
    kept = []
    for start in range(0, len(images), 64):
        block = images[start : start + 64]
        patches = all_patches(block, size).reshape(len(block), places, -1)
        picked = rng.integers(0, places, (len(block), per_image))
        rows = np.take_along_axis(patches, picked[:, :, None], 1).reshape(-1, size * size)
        kept.append(rows[rows.std(1) > 0.1])
    found = np.concatenate(kept)
    if not len(found):  # nothing but blank images
        found = np.zeros((1, size * size), np.float32)
    return found[rng.permutation(len(found))[:samples]]


def _sign_free_kmeans(rows: Floats, atoms: int, rng: np.random.Generator, rounds: int = 10) -> Floats:
    """Unit centres such that each row is close to one of them or to its negative."""
    centres = rng.standard_normal((atoms, rows.shape[1])).astype(np.float32)
    if len(rows) >= atoms:
        centres = rows[rng.permutation(len(rows))[:atoms]].copy()
    centres /= np.linalg.norm(centres, axis=1, keepdims=True) + 1e-8
    for _ in range(rounds):
        dots = rows @ centres.T
        nearest = np.abs(dots).argmax(1)
        own = np.arange(len(rows)), nearest
        signed = np.zeros_like(dots)
        signed[own] = np.sign(dots[own])
        sums = signed.T @ rows  # the rows of each centre, added up
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 1e-6, sums / (lengths + 1e-8), centres)
    return centres
