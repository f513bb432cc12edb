"""What a recipe promises, asserted on what is stored: the tools can lose it without a word.

Checked after every stage on the arrays, and at last on the tensors inside the ``.tflite``, where normalisation is
folded in and weights may be int8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgy_tf.compress.recipe import Clusters, Filters, Quantise, Sparsity, Stage
from edgy_tf.errors import ModelError
from edgy_tf.network import Network


@dataclass(frozen=True)
class Promise:
    """What holds of an encoder.

    Attributes:
        units: filters of each layer.
        sparsity: share of the weights that are zero, 0 to 1.
        pattern: whether of four weights next to each other along the inputs two are zero.
        clusters: values that the weights share, of a layer or, in a ``.tflite``, of a filter; 0 for any number.
        symmetric: whether the zero of every int8 tensor is 0.
    """

    units: int
    sparsity: float = 0.0
    pattern: bool = False
    clusters: int = 0
    symmetric: bool = False

    def after(self, stage: Stage) -> Promise:
        """What holds after one more stage."""
        match stage:
            case Filters():
                return replace(self, units=round(self.units * (1 - stage.rate)))
            case Sparsity():
                return replace(self, sparsity=stage.rate, pattern=stage.method == "2:4")
            case Clusters():
                return replace(self, clusters=stage.count)
            case Quantise():
                return replace(self, symmetric=stage.activations == "symmetric")

    def check(self, network: Network, stage: str) -> None:
        """Compare with a network's arrays.

        Raises:
            ModelError: a promise is not kept; names the stage and the layer.
        """
        kernels = kernels_of(network.arrays)
        self._check_widths({name: kernel.shape[-1] for name, kernel in kernels.items()}, stage)
        self._check_zeros(kernels.values(), stage)
        for name, kernel in kernels.items():
            self._check_clusters(name, kernel.reshape(-1, 1), stage)

    def check_file(self, model: bytes) -> None:
        """Compare with the tensors of a ``.tflite``.

        Raises:
            ModelError: a promise is not kept; names the layer.
        """
        from converters.tensors import convolutions, zero_points

        # The last one makes latents.
        *layers, _ = [np.moveaxis(kernel, 0, -1) for kernel in convolutions(model)]
        kernels = {f"conv{i}/kernel": kernel for i, kernel in enumerate(layers, start=1)}
        self._check_widths({name: kernel.shape[-1] for name, kernel in kernels.items()}, "conversion")
        self._check_zeros(kernels.values(), "conversion")
        for name, kernel in kernels.items():
            self._check_clusters(name, kernel.reshape(-1, kernel.shape[-1]), "conversion")
        if self.symmetric and any(zero_points(model)):
            raise ModelError("conversion lost symmetric activations: a zero point is not 0; report this recipe")

    def _check_widths(self, widths: Mapping[str, int], stage: str) -> None:
        for name, width in widths.items():
            if width != self.units:
                raise ModelError(f"{stage} promised {self.units} filters, but {name} has {width}; report this recipe")

    def _check_zeros(self, kernels: Iterable[npt.NDArray], stage: str) -> None:
        kernels = list(kernels)
        weights, zeros = sum(k.size for k in kernels), sum(int(np.sum(k == 0)) for k in kernels)
        # TF-MOT keeps a whole number of weights of each layer.
        if zeros < self.sparsity * weights - len(kernels):
            raise ModelError(
                f"{stage} lost sparsity: {zeros / weights:.1%} zeros, not {self.sparsity:.1%}; report this recipe"
            )
        if self.pattern and not all(_two_of_four(k) for k in kernels):
            raise ModelError(f"{stage} lost the 2:4 pattern; report this recipe")

    def _check_clusters(self, name: str, columns: npt.NDArray, stage: str) -> None:
        if self.clusters:
            found = max(len(np.unique(column)) for column in columns.T)
            if found > self.clusters:
                raise ModelError(
                    f"{stage} lost clusters: {found} values in {name}, not {self.clusters}; report this recipe"
                )


def kernels_of(arrays: Mapping[str, npt.NDArray]) -> dict[str, npt.NDArray]:
    """The kernels ``[1, k, inputs, filters]`` that sparsity and clusters are about, in the order of the layers."""
    names = [name for name in arrays if compressible(name) and name.endswith("/kernel") and "/" not in name[:-7]]
    return {name: arrays[name] for name in sorted(names, key=lambda n: int(n[4:-7]))}


def compressible(layer: str) -> bool:
    """Whether sparsity and clusters are for a layer: TF-MOT knows no depthwise ones, and latents stay exact."""
    return layer.startswith("conv")


def _two_of_four(kernel: npt.NDArray) -> bool:
    inputs = np.moveaxis(kernel, 2, -1)
    padded = np.pad(inputs, [(0, 0)] * 3 + [(0, -inputs.shape[-1] % 4)])
    return bool(np.all(np.sum(padded.reshape(-1, 4) != 0, axis=1) <= 2))
