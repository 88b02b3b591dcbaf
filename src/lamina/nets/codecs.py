"""Networks and models as artifacts: documents and bundles, never pickles."""

from __future__ import annotations

from typing import Any

from lamina.nets.bundle import Bundle
from lamina.nets.document import network_from_document, network_text
from lamina.nets.network import Network


class Bundles:
    """Model bundles, as `lamina train -o` writes them."""

    safe = True

    def fits(self, value: Any) -> bool:
        """Every bundle does."""
        return isinstance(value, Bundle)

    def write(self, value: Any, sink: Any) -> None:
        """The bundle's own bytes."""
        sink.write(value.to_bytes())

    def read(self, data: Any) -> Any:
        """The bundle."""
        return Bundle.from_bytes(bytes(data))


class Networks:
    """Networks, as JSON documents."""

    safe = True

    def fits(self, value: Any) -> bool:
        """Every network does."""
        return isinstance(value, Network)

    def write(self, value: Any, sink: Any) -> None:
        """The network's document."""
        sink.write(network_text(value, "json").encode())

    def read(self, data: Any) -> Any:
        """The network of the document."""
        import json

        return network_from_document(json.loads(bytes(data)))


BUNDLES = Bundles()
NETWORKS = Networks()
