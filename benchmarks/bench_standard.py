"""The standard work of `minsum bench` at scale 1, beside a cluster of two processes, recorded.

Run from the checkout: python benchmarks/bench_standard.py
"""

from __future__ import annotations

from minsum.bench.work import standard_work
from minsum.machine import default_jobs
from record import record


def main() -> None:
    whole = standard_work(1, jobs=default_jobs(), progress=lambda *_: None, cluster="local:2")
    for row in whole["rows"]:
        print(f"{row['name']}: {row['seconds']:.2f} s")
    record("standard", whole["rows"])


if __name__ == "__main__":
    main()
