"""`layerscope clean`: what is wrong with the data, for a person to decide on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from layerscope.cleaning.scan import Scanned
    from layerscope.study import Study

EXAMPLE = "layerscope clean examples/photos6.toml --out cleaning/photos6"

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The scan's folder (default: cleaning/NAME).")
]
Issues = Annotated[str, typer.Option(metavar="LIST", help="What is looked for, parted by commas.")]
Network = Annotated[
    str,
    typer.Option(
        help="What tells wrong labels: study (it is trained), efficientnet_lite0 (its features) or"
        " auto."
    ),
]
SelfTest = Annotated[
    bool,
    typer.Option("--self-test", help="Plant known defects in a copy of these data, find them."),
]
Compare = Annotated[
    bool,
    typer.Option(
        "--compare",
        help="Retrain on the decisions in DIR, on uncleaned data, and without as many random ones.",
    ),
]
Automatic = Annotated[
    bool, typer.Option("--automatic", help="Compare: suggestions count where nobody has decided.")
]
Seeds = Annotated[int, typer.Option(min=1, metavar="N", help="Compare: trainings of each kind.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]


def clean(
    study: StudyFile,
    out: Out = None,
    issues: Issues = "leaking,broken,duplicate,mislabelled,odd,shortcuts",
    network: Network = "auto",
    self_test: SelfTest = False,
    compare: Compare = False,
    automatic: Automatic = False,
    seeds: Seeds = 5,
    as_json: AsJson = False,
) -> None:
    """Find defects in the data of a study.

    Writes keep_drop.csv, where a second scan keeps the decisions that were made, findings.json,
    and review.html, on which a person decides. Nothing is deleted or moved: `[data] decisions`
    applies what was decided. With --self-test nothing is written: it tells how much is found. With
    --compare nothing is looked for: it retrains, and tells whether cleaning helped.
    """
    from layerscope.cleaning.scan import scan
    from layerscope.study import Study

    asked = Study.load(study)
    if self_test:
        _self_test(asked, network, as_json)
        return
    folder = out or Path("cleaning") / asked.name
    if compare:
        _compare(asked, folder, seeds, automatic, as_json)
        return
    wanted = tuple(name.strip() for name in issues.split(",") if name.strip())
    scanned = scan(asked, folder, wanted, network)
    sheet = _sheet(asked, scanned)
    if as_json:
        findings = [asdict(each) for each in scanned.findings]
        document = {"examples": len(scanned.pool), "counts": scanned.counts()}
        document |= {"shortcuts": [asdict(each) for each in scanned.shortcuts]}
        document |= {"errors": scanned.errors, "decided": scanned.decided, "findings": findings}
        typer.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    _echo(scanned, sheet)


def _sheet(asked: "Study", scanned: "Scanned") -> Path:
    from layerscope.cleaning.thumbnails import thumbnails
    from layerscope.provenance import now
    from layerscope.report.review import write_review

    return write_review(
        scanned.folder / "review.html",
        asked.name,
        scanned.pool.classes,
        scanned.findings,
        scanned.rows,
        thumbnails(scanned.pool, (each.id for each in scanned.findings)),
        stamp=f"{scanned.folder.absolute()} {now()}",
        sentence=scanned.errors["sentence"] if scanned.errors else "",
    )


def _echo(scanned: "Scanned", sheet: Path) -> None:
    from layerscope.cli.tables import echo_table

    told = scanned.counts()
    if told:
        echo_table([{"issue": issue, "examples": count} for issue, count in told.items()])
    else:
        typer.echo(f"nothing found in {len(scanned.pool):,} examples")
    if scanned.errors:
        typer.echo(scanned.errors["sentence"])
    if scanned.shortcuts:
        typer.echo("\nwhat tells the class without its object (balanced accuracy, held out)")
        echo_table(
            [
                {
                    "cue": each.cue,
                    "accuracy": round(each.accuracy, 3),
                    "chance": round(each.chance, 3),
                    "shuffled": round(each.null, 3),
                    "shortcut": each.found,
                    "best told": max(each.recalls, key=lambda name: each.recalls[name]),
                    "recall": round(max(each.recalls.values()), 3),
                }
                for each in scanned.shortcuts
            ]
        )
        typer.echo("")
    typer.echo(f"{scanned.folder / 'keep_drop.csv'}: {scanned.decided:,} rows decided")
    typer.echo(f"{sheet}: decide here, in a browser")


def _self_test(asked: "Study", network: str, as_json: bool) -> None:
    from layerscope.cleaning import suspects
    from layerscope.cleaning.pool import pool_of
    from layerscope.cleaning.self_test import self_test, wrong_labels
    from layerscope.cli.tables import echo_table
    from layerscope.data import prepare

    pool = pool_of(prepare(asked.data))
    rows = self_test(pool, asked.data.seed)
    if network != "study" and suspects.is_photographs(pool) and suspects.installed():
        rows.append(wrong_labels(pool, suspects.pretrained_features(pool), seed=asked.data.seed))
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        names = {"false": "false alarms", "per_1000": "per 1,000"}
        echo_table([{names.get(key, key): value for key, value in row.items()} for row in rows])


def _compare(asked: "Study", folder: Path, seeds: int, automatic: bool, as_json: bool) -> None:
    from layerscope.cleaning.compare import compare
    from layerscope.cli.tables import echo_table

    found = compare(asked, folder, seeds=range(seeds), automatic=automatic)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    echo_table(found["arms"])
    typer.echo("")
    names = {"than": "cleaned against", "value": "accuracy gained"}
    echo_table([{names.get(k, k): v for k, v in row.items()} for row in found["differences"]])
    typer.echo(f"\n{found['sentence']}")
