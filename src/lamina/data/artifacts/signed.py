"""Python objects as signed text: what may travel through a record that others could write."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from lamina.data.artifacts.codecs.pickles import PICKLES
from lamina.errors import ArtifactError


def signed_text(value: Any) -> str:
    """A pickle with this user's signature, in letters. Raises ArtifactError."""
    buffer = io.BytesIO()
    PICKLES.write(value, buffer)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def signed_value(text: str) -> Any:
    """The object of `signed_text`; may run code. Raises ArtifactError without the signature."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ArtifactError("it is no signed pickle", "run again to make it anew") from error
    return PICKLES.read(data)
