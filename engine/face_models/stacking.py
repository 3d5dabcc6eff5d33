"""Lays parts of a network that do the same with other weights side by side, so that each step is one for all of them.

The attention mesh looks at lips, right eye and left eye with three networks of nearly the same layers, each so small
that starting a layer takes longer than its sums. Side by side in the channels they are one network of grouped
convolutions: the same numbers for a fifth less of the mesh's price.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.face_models.tflite import Kind, Layer, Network

LANE: Final = "Lane"
"""A custom layer that takes some lanes out of a stack: channels from `first` to before `end`."""
_START: Final = "TransformTensorBilinear"
_BLOCK: Final = 16
"""ONNX Runtime's fast convolutions take so many channels together; groups of other numbers would lose them."""


@dataclass(slots=True)
class _Stack:
    """Layers of several lanes that do the same."""

    layers: dict[int, Layer] = field(default_factory=dict)
    """By lane."""

    @property
    def lanes(self) -> tuple[int, ...]:
        return tuple(sorted(self.layers))


def stacked(network: Network) -> Network:
    """Return a network that gives the same outputs, the lanes that begin at a second look side by side.

    Args:
        network: any; one without such lanes is returned as it is.
    """
    starts = [layer for layer in network.layers if layer.custom == _START]
    return _Stacking(network, starts).result() if len(starts) > 1 else network


class _Stacking:
    def __init__(self, network: Network, starts: list[Layer]) -> None:
        self._network = network
        self._shapes = list(network.shapes)
        self._constants = dict(network.constants)
        self._made: dict[int, Layer] = {}  # by output
        self._stacks, self._of = _alike(network, starts)
        self._numbers: dict[Hashable, int] = {}

    def result(self) -> Network:
        for key, stack in self._stacks.items():
            self._lay(key, stack)
        for layer in self._network.layers:
            if layer.outputs[0] not in self._of:
                self._made[layer.outputs[0]] = replace(layer, inputs=tuple(map(self._alone, layer.inputs)))
        ordered: dict[int, Layer] = {}
        for number in self._network.outputs:
            self._order(self._alone(number), ordered)
        return replace(
            self._network,
            shapes=tuple(self._shapes),
            constants=self._constants,
            layers=tuple(ordered.values()),
            outputs=tuple(map(self._alone, self._network.outputs)),
        )

    def _order(self, number: int, ordered: dict[int, Layer]) -> None:
        """Put the layer that makes a tensor behind those that make its inputs."""
        layer = self._made.get(number)
        if layer is None or number in ordered:
            return
        for one in layer.inputs:
            self._order(one, ordered)
        ordered[number] = layer

    def _lay(self, key: Hashable, stack: _Stack) -> None:
        """Make one layer of those of a stack."""
        lanes, first = stack.lanes, next(iter(stack.layers.values()))
        shape = self._network.shapes[first.outputs[0]]
        number = self._new((*shape[:-1], shape[-1] * len(lanes)))
        self._numbers[key] = number
        inputs = []
        for position, one in enumerate(first.inputs):
            each = [stack.layers[lane].inputs[position] for lane in lanes]
            if first.custom == _START:
                inputs += each[:1] if position == 0 else each
            elif one in self._constants:
                inputs.append(self._weights(first, position, each))
            else:
                inputs.append(self._part(self._of[one][0], lanes))
        self._made[number] = replace(first, inputs=tuple(inputs), outputs=(number,), lanes=len(lanes))

    def _weights(self, layer: Layer, position: int, each: list[int]) -> int:
        values = [self._constants[number] for number in each]
        if layer.kind == Kind.PAD:  # the same for all
            return each[0]
        axis = 0 if layer.kind == Kind.CONV_2D and position == 1 else -1
        return self._constant(np.concatenate([one.astype(np.float32) for one in values], axis=axis))

    def _alone(self, number: int) -> int:
        """Number what a tensor of one lane is now."""
        if number not in self._of:
            return number
        key, lane = self._of[number]
        return self._part(key, (lane,))

    def _part(self, key: Hashable, lanes: tuple[int, ...]) -> int:
        """Number the tensor that holds some neighbouring lanes of a stack."""
        whole = self._stacks[key].lanes
        if lanes == whole:
            return self._numbers[key]
        if (key, lanes) not in self._numbers:
            shape = self._shapes[self._numbers[key]]
            one, first = shape[-1] // len(whole), whole.index(lanes[0])
            number = self._new((*shape[:-1], one * len(lanes)))
            options = {"first": one * first, "end": one * (first + len(lanes))}
            self._made[number] = Layer(Kind.CUSTOM, LANE, (self._numbers[key],), (number,), None, options)
            self._numbers[(key, lanes)] = number
        return self._numbers[(key, lanes)]

    def _new(self, shape: tuple[int, ...]) -> int:
        self._shapes.append(shape)
        return len(self._shapes) - 1

    def _constant(self, values: NDArray[Any]) -> int:
        number = self._new(values.shape)
        self._constants[number] = values
        return number


def _alike(network: Network, starts: list[Layer]) -> tuple[dict[Hashable, _Stack], dict[int, tuple[Hashable, int]]]:
    """Find layers of different lanes that do the same to the same; also say where each of their outputs is."""
    stacks: dict[Hashable, _Stack] = defaultdict(_Stack)
    of: dict[int, tuple[Hashable, int]] = {}
    for layer in network.layers:
        inputs = [number for number in layer.inputs if number not in network.constants]
        places = [of.get(number) for number in inputs]
        key: tuple[Hashable, ...]
        if layer in starts:
            lane, key = starts.index(layer), (_START,)
        elif all(place is not None for place in places) and len({place[1] for place in places if place}) == 1:
            lane = next(place[1] for place in places if place)
            does = _does(network, layer)
            key = () if does is None else (*does, *(place[0] for place in places if place))
        else:
            continue
        if not key:
            continue
        number = 0
        while lane in stacks[(*key, number)].layers:  # the second one of this lane to do the same
            number += 1
        stacks[(*key, number)].layers[lane] = layer
        of[layer.outputs[0]] = ((*key, number), lane)
    return stacks, of


def _does(network: Network, layer: Layer) -> tuple[Hashable, ...] | None:
    """Say what a layer does, but for its weights' values; None where it cannot be laid beside others."""
    known = [network.constants[number] for number in layer.inputs if number in network.constants]
    choices = () if layer.options is None else tuple(layer.options.byte(number) for number in range(6))
    shapes: Iterable[Hashable] = (one.shape for one in known)
    match layer.kind:
        case Kind.CONV_2D if known[0].shape[0] % _BLOCK == 0 == known[0].shape[3] % _BLOCK:
            return layer.kind, choices, *shapes
        case Kind.DEPTHWISE_CONV_2D | Kind.PRELU | Kind.ADD | Kind.MAX_POOL_2D:
            return layer.kind, choices, *shapes
        case Kind.PAD:
            return layer.kind, known[0].tobytes()
    return None
