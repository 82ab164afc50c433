"""PoseGraphNet at speed: two plain matrix products a graph convolution, in the cheaper order.

Axes: B sample, J joint, C channel, G neighbour group.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from poselift.models.fast import FastDropout, swap
from poselift.models.posegraphnet.network import GraphConvolution, JointBatchNorm, PoseGraphNet


def fast(network: PoseGraphNet) -> None:
    """Swap in faster layers, in place."""
    swap(
        network,
        {
            GraphConvolution: FastGraphConvolution,
            JointBatchNorm: FastJointBatchNorm,
            nn.Dropout: FastDropout,
        },
    )
    swap(network.last, {FastGraphConvolution: LastGraphConvolution})


class FastGraphConvolution(GraphConvolution):
    """A graph convolution as two matrix products."""

    #: Add the bias in its own precision under autocast too.
    exact = False

    def forward(
        self, x: Float[Tensor, "B J C"], adjacency: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J C_out"]:
        """Map features of each joint and sum them over senders and groups.

        Both steps are one matrix product each, and commute: joints are mixed first where that is
        the narrower side.
        """
        mix = adjacency.sum(dim=0, keepdim=True) if self.shared else adjacency
        narrow = x.shape[2] < self.bias.shape[0]
        out = self._mix_first(x, mix) if narrow else self._map_first(x, mix)
        # before a batch norm a bias needs no more digits than the features have
        return out + (self.bias if self.exact else self.bias.to(out.dtype))

    def _map_first(
        self, x: Float[Tensor, "B J C"], mix: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J C_out"]:
        """(B J, C) by the stacked kernels; then, sample by sample, (J, J G) by (J G, C_out)."""
        samples, joints, _ = x.shape
        entries = joints * mix.shape[0]
        features = self.features(x).view(samples, entries, self.bias.shape[0])
        matrix = mix.permute(1, 2, 0).reshape(joints, entries)
        # bmm on the expanded matrix: plain matmul would transpose the features, 7 times slower
        return torch.bmm(matrix.expand(samples, -1, -1), features)

    def _mix_first(
        self, x: Float[Tensor, "B J C"], mix: Float[Tensor, "G J J"]
    ) -> Float[Tensor, "B J C_out"]:
        """(J G, J) by (J, C), sample by sample; then (B J, G C) by the kernels side by side."""
        samples, joints, channels = x.shape
        groups = mix.shape[0]
        matrix = mix.permute(1, 0, 2).reshape(joints * groups, joints)
        features = torch.bmm(matrix.expand(samples, -1, -1), x)
        kernels = self.weight.view(groups, -1, channels).permute(1, 0, 2).flatten(1)
        features = features.view(samples * joints, groups * channels)
        return functional.linear(features, kernels).view(samples, joints, self.bias.shape[0])

    def features(self, x: Float[Tensor, "B J C"]) -> Float[Tensor, "BJ GC_out"]:
        """Map each joint's channels by the stacked kernels."""
        return functional.linear(x.flatten(0, 1), self.weight)


class LastGraphConvolution(FastGraphConvolution):
    """The output layer: coordinates need all their digits."""

    exact = True


class FastJointBatchNorm(JointBatchNorm):
    """Batch norm with statistics of its own for each joint and channel (index joint * C + c)."""

    def forward(self, input: Float[Tensor, "B J C"]) -> Float[Tensor, "B J C"]:
        """Normalise over the batch; in evaluation, one multiplication and one addition."""
        if self.training:
            return super().forward(input)
        scale = self.weight * torch.rsqrt(self.get_buffer("running_var") + self.eps)
        shift = self.bias - self.get_buffer("running_mean") * scale
        return input * scale.view(input.shape[1:]) + shift.view(input.shape[1:])
