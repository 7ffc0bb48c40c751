"""One source to the rows and the audit of each of its partitions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from minsum.errors import SourceError
from minsum.flows.figures import names_of, row_dtype
from minsum.flows.lake import SourceRecord
from minsum.flows.options import IngestOptions
from minsum.flows.pending import Pending
from minsum.flows.reader import batches
from minsum.flows.rules import Judge
from minsum.formats import Format, read_header, recognise
from minsum.sources import Source, open_text
from minsum.workspace import Footer, Layout


@dataclass(frozen=True, slots=True)
class Parsed:
    """One source, read.

    Attributes
    ----------
    source, form
        What it is.
    pending
        Its rows.
    records
        By partition, what the footer says of it: identity, publication and audit.
    """

    source: Source
    form: Format
    pending: Pending
    records: dict[int, SourceRecord]


def parse(source: Source, options: IngestOptions, layout: Layout) -> Parsed | None:
    """Read a source to its end; None when it only accompanies data or holds no reporter that is wanted.

    Raises
    ------
    SourceError
        If it is rejected.
    """
    wanted = options.reporter_codes()
    pending = Pending(
        layout.scratch / f"pending-{source.sha256}",
        source.name,
        wanted=wanted,
        dtype=row_dtype(options.columns),
    )
    with open_text(source) as file:
        header = read_header(file, source.name)
        form = recognise(header, source.name, figures=names_of(options.columns))
        if form is None:
            return None
        header, claims = form.settle(header), form.claims(source.name)
        if wanted and claims.reporter_code is not None and claims.reporter_code not in wanted:
            return None
        if claims.classification is None:
            claims = replace(claims, classification=options.classification)
        judge = Judge(form, header, claims=claims, options=options, name=source.name)
        for batch in batches(file, judge.fields, header, source.name):
            judged = judge.judge(batch, pending.room(batch.lines.n_rows))
            pending.add(judged, mirrors_imports=form.mirrors_imports)
    if not form.is_complete:
        pending.finish()
    if not pending.rows_in:
        raise SourceError(f"{source.name}: a header line and no rows", "download it again")
    if not pending.partitions:
        return None
    base = {
        "name": source.name, "size": source.size, "sha256": source.sha256, "format": form.name,
        "publisher": form.publisher, "published": claims.published, "is_complete": form.is_complete,
        "partitions": len(pending.partitions), "padded_codes": pending.padded, **judge.bad_figures, **claims.identity,
    }  # fmt: skip
    return Parsed(
        source, form, pending, {number: base | _audit_json(pending, number) for number in pending.partitions}
    )


def _audit_json(pending: Pending, number: int) -> Footer:
    audit = pending.audits.get(number)
    rules = audit.as_json() if audit else {}
    return {
        "rows_in": sum(int(one["rows"]) for one in rules.values()),
        "rows_kept": int(rules.get("kept", {"rows": 0})["rows"]),
        "rules": rules,
    }
