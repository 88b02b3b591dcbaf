"""A program that writes events until it is killed: URL, run, events per batch."""

from __future__ import annotations

import sys
import time
from itertools import count

from lamina.records.store import Store
from lamina.workflow import log

if __name__ == "__main__":
    url, run, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    store = Store(url)
    for batch in count():
        outputs = {"y": {"codec": "arrow", "digest": f"{batch:064x}", "size": 1}}
        store.append(
            run,
            [
                log.AttemptStarted(float(batch), f"t[{n}]", batch + 1, 0.0, f"k{batch}-{n}")
                if n < size // 2
                else log.AttemptEnded(
                    float(batch), f"t[{n - size // 2}]", batch + 1, "succeeded", outputs=outputs
                )
                for n in range(size)
            ],
        )
        time.sleep(0.001)  # as engines do; without it nobody else would get a turn
        if batch == 0:
            sys.stdout.write("writing\n")
            sys.stdout.flush()
