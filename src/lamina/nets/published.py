"""Published weights: where torchvision's files for ImageNet lie, and what they must be."""

from __future__ import annotations

from dataclasses import dataclass

_HOME = "https://download.pytorch.org/models"


@dataclass(frozen=True)
class Published:
    """A file of weights in torchvision's state-dict layout (BSD licence; trained on ImageNet-1K).

    Args:
        address: where it is downloaded from.
        sha256: digest of the file.
        size: its bytes.
        classifier: the layer that tells the 1000 classes apart.
    """

    address: str
    sha256: str
    size: int
    classifier: str

    @property
    def file_name(self) -> str:
        """The file's own name."""
        return self.address.rpartition("/")[2]


PUBLISHED: dict[str, Published] = {
    "alexnet": Published(
        f"{_HOME}/alexnet-owt-7be5be79.pth",
        "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        244_408_911,
        "classifier.6",
    ),
    "resnet-18": Published(
        f"{_HOME}/resnet18-f37072fd.pth",
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        46_830_571,
        "fc",
    ),
    "vgg-16": Published(
        f"{_HOME}/vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        553_433_881,
        "classifier.6",
    ),
}
"""By the name of the network in the zoo."""
