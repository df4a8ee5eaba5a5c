"""`layerscope clean`: what is wrong with the data, for a person to decide on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "layerscope clean examples/photos6.toml --out cleaning/photos6"


def clean(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The scan's folder (default: cleaning/NAME)."),
    ] = None,
    issues: Annotated[
        str, typer.Option(metavar="LIST", help="What is looked for, parted by commas.")
    ] = "leaking,broken,duplicate,mislabelled",
    network: Annotated[
        str,
        typer.Option(
            help="What tells wrong labels: study (it is trained), efficientnet_lite0 (its features)"
            " or auto."
        ),
    ] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of a table.")
    ] = False,
) -> None:
    """Find defects in the data of a study.

    Writes keep_drop.csv, where a second scan keeps the decisions that were made, findings.json,
    and review.html, on which a person decides. Nothing is deleted or moved: `[data] decisions`
    applies what was decided.
    """
    from layerscope.cleaning.scan import scan
    from layerscope.cleaning.thumbnails import thumbnails
    from layerscope.cli.tables import echo_table
    from layerscope.provenance import now
    from layerscope.report.review import write_review
    from layerscope.study import Study

    asked = Study.load(study)
    folder = out or Path("cleaning") / asked.name
    wanted = tuple(name.strip() for name in issues.split(",") if name.strip())
    scanned = scan(asked, folder, wanted, network)
    sheet = write_review(
        folder / "review.html",
        asked.name,
        scanned.pool.classes,
        scanned.findings,
        scanned.rows,
        thumbnails(scanned.pool, (each.id for each in scanned.findings)),
        stamp=f"{folder.absolute()} {now()}",
        sentence=scanned.errors["sentence"] if scanned.errors else "",
    )
    if as_json:
        findings = [asdict(each) for each in scanned.findings]
        document = {"examples": len(scanned.pool), "counts": scanned.counts(), "findings": findings}
        document |= {"errors": scanned.errors, "decided": scanned.decided}
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    told = scanned.counts()
    if told:
        echo_table([{"issue": issue, "examples": count} for issue, count in told.items()])
    else:
        typer.echo(f"nothing found in {len(scanned.pool):,} examples")
    if scanned.errors:
        typer.echo(scanned.errors["sentence"])
    typer.echo(f"{scanned.folder / 'keep_drop.csv'}: {scanned.decided:,} rows decided")
    typer.echo(f"{sheet}: decide here, in a browser")
