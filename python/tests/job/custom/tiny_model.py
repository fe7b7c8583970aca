"""The model of the test job: three small arrays, and what a site "learns" in a round.

Everything is a function of the site's name and the round, so that two runs of the job agree bit for bit.
"""

from __future__ import annotations

import zlib

import numpy as np

Arrays = dict[str, np.ndarray]

SHAPES: dict[str, tuple[int, ...]] = {"layer1.weight": (8, 6), "layer1.bias": (8,), "scale": ()}


def initial() -> Arrays:
    """The global model before the first round."""
    random = np.random.default_rng(20)
    return {name: np.asarray(random.normal(0, 0.1, shape), np.float32) for name, shape in SHAPES.items()}


def update(weights: Arrays, site: str, round_number: int) -> Arrays:
    """The difference that `site` makes to `weights` in a round: noise, and a pull towards the site's mean."""
    random = np.random.default_rng([zlib.crc32(site.encode()), round_number])
    target = np.float32(0.5 if site.endswith("1") else -0.5)
    return {
        name: np.asarray(
            0.1 * (target - array) + random.normal(0, 0.05, np.shape(array)), np.float32
        )
        for name, array in weights.items()
    }


def loss(weights: Arrays, site: str) -> float:
    """The metric of the job: the mean squared distance from the site's data."""
    random = np.random.default_rng(zlib.crc32(site.encode()))
    squares = [
        float(np.mean(np.square(np.asarray(array, np.float64) - random.normal(0, 0.1, np.shape(array)))))
        for array in weights.values()
    ]
    return sum(squares) / len(squares)
