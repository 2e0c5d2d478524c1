"""Captures as they come: every encoding, every disorder, in one process or in many."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sagemaker_gitops.aws.invocations import VERIFICATION_PREFIX
from sagemaker_gitops.monitor import events as events_module
from sagemaker_gitops.monitor import plain_csv
from sagemaker_gitops.monitor.answers import read_truth
from sagemaker_gitops.monitor.baseline import Contract
from sagemaker_gitops.monitor.events import Payload, blocks
from sagemaker_gitops.monitor.reader import CaptureReader
from sagemaker_gitops.monitor.requests import Requests
from sagemaker_gitops.monitor.tally import Tally, dump_tally, load_tally
from tests.engine.drift.worlds import (
    END,
    RELEASE,
    VARIANT,
    WINDOW,
    Encode,
    World,
    answer,
    as_arrow,
    as_columns,
    as_csv,
    as_csv_with_header,
    as_json,
    as_plain_csv,
    event,
    events,
    in_base64,
    read,
    truth_lines,
)

ENCODINGS: dict[str, Encode] = {
    "json": as_json,
    "columns": as_columns,
    "csv": as_csv,
    "csv-with-header": as_csv_with_header,
    "base64-json": in_base64(as_json),
    "base64-csv": in_base64(as_csv),
    "arrow": as_arrow,
}


def numbers(tally: Tally) -> dict[str, object]:
    """Give what a tally counted, in a form that compares."""
    return {
        "numbers": {
            name: (one.counts.tolist(), one.missing, one.invalid, one.outside) for name, one in tally.numbers.items()
        },
        "categories": {
            name: (one.counts.tolist(), one.missing, one.invalid, one.unknown, one.names)
            for name, one in tally.categories.items()
        },
        "scores": (tally.scores.counts.tolist(), tally.scores.labelled_positive, tally.scores.groups),
        "rows": tally.reading.rows,
    }


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("rows_each", [1, 7])
def test_every_encoding_counts_the_same(world: World, encode: Encode, rows_each: int) -> None:
    """How a caller wrote its rows makes no difference to what is counted."""
    sample = world.sample(140, seed=0)

    tally = read(world, [events(sample, encode=encode, rows_each=rows_each)])

    assert numbers(tally) == numbers(read(world, [events(sample)]))
    assert tally.reading.rows == 140
    assert tally.reading.unanswered == 0


def test_columns_are_counted_as_numpy_counts_them(world: World) -> None:
    """Sums, extremes and category counts are those of the rows themselves."""
    sample = world.sample(500, seed=1)

    tally = read(world, [events(sample)])

    rows = sample.rows
    assert tally.numbers["pirat"].total == pytest.approx(rows["pirat"].sum())
    assert tally.numbers["pirat"].high == rows["pirat"].max()
    assert tally.categories["chist"].counts.tolist() == [int((rows["chist"] == str(i)).sum()) for i in range(1, 7)]
    assert tally.scores.labelled_positive == int((sample.probability >= 0.3).sum())


def test_one_shard_or_many_give_the_same_answer(world: World) -> None:
    """Tallies of any split of the files merge to what one process counts, through bytes too."""
    sample = world.sample(600, seed=2)
    lines = events(sample, rows_each=2)
    truth = read_truth(truth_lines(sample), world.baseline.contract)
    shards = [lines[0::3], lines[1::3], lines[2::3]]

    merged = load_tally(dump_tally(read(world, [shards[2]], truth=truth)))
    merged.merge(load_tally(dump_tally(read(world, [shards[0]], truth=truth))))
    merged.merge(read(world, [shards[1]], truth=truth))

    alone = read(world, [lines], truth=truth)
    assert numbers(merged) == numbers(alone)
    assert merged.reading.hours == alone.reading.hours
    assert merged.numbers["lvrat"].total == pytest.approx(alone.numbers["lvrat"].total, rel=1e-12)


ODD_ROWS = {
    "infinite": "inf,0.2,0.8,1,1,no,3.2,no,no,no,no,no",
    "not-a-number": "nan,0.2,0.8,1,1,no,3.2,no,no,no,no,no",
    "missing": ",,0.8,,1,no,3.2,no,no,no,no,no",
    "text": "high,0.2,0.8,1,1,no,3.2,no,no,no,no,no",
    "short": "0.3,0.2,0.8,1,1,no,3.2,no,no,no,no",
    "long": "0.3,0.2,0.8,1,1,no,3.2,no,no,no,no,no,no",
    "header": "pirat,hirat,lvrat,chist,mhist,phist,unemp,selfemp,insurance,condomin,single,hschool",
    "quoted": '0.3,0.2,0.8,"1",1,"n,o",3.2,no,no,no,no,no',
    "blank": "0.3, 0.2,0.8,1,1,no ,3.2,no,no,no,no,no",
    "comma": '0.3,0.2,0.8,"1",1,"n,o",3.2,"no, then",no,no,no,no',
    "escaped": '0.3,0.2,0.8,1,1,"say ""no""",3.2,no,"",no,no,""""',
    "lines": '0.3,0.2,0.8,1,1,"two\nlines",3.2,no,no,no,no,no',
    "returns": "0.3,0.2,0.8,1,1,no,3.2,no,no,no,no,no\r",
    "stray-return": "0.3,0.2,0.8,1,1,n\ro,3.2,no,no,no,no,no",
    "inner-quote": '0.3,0.2,0.8,1,1,n"o"",3.2,no,no,no,no,no',
    "open-quote": '0.3,0.2,0.8,1,1,no,3.2,no,no,no,no,"no',
    "text-after-quote": '0.3,0.2,0.8,1,1,"n"o,3.2,no,no,no,no,no',
    "quoted-blank": '0.3,0.2,0.8,1,1, "no",3.2,no,no,no,no," "',
    "two-rows": "0.3,0.2,0.8,1,1,no,3.2,no,no,no,no,no\n0.3,0.2,0.8,1,1,no,3.2,no,no,no,no,no",
    "empty-row": "0.3,0.2,0.8,1,1,no,3.2,no,no,no,no,no\n\n0.3,0.2,0.8,1,1,no,3.2,no,no,no,no,no",
    "accents": "0.3,0.2,0.8,1,1,né,3.2,no,😀,no,no,no",
    "apostrophe": "0.3,0.2,0.8,1,1,n'o,3.2,no,'no',no,no,no",
    "tab": "0.3,\t0.2,0.8,1,1,\tno,3.2,no,no,no,no,no",
    "underscore": "1_0,0.2,0.8,1,1,no,3.2,no,no,no,no,no",
    "empty": "",
}


@pytest.mark.parametrize("end", ["\n", ""], ids=["ended", "open"])
@pytest.mark.parametrize("odd", [None, *ODD_ROWS])
def test_with_and_without_pyarrow_the_counts_are_the_same(
    world: World, odd: str | None, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large block of plain rows goes through pyarrow where it is installed; nothing else may depend on that."""
    lines = events(world.sample(700, seed=9), encode=as_plain_csv)
    if odd is not None:
        request = {"observedContentType": "text/csv", "encoding": "CSV", "data": ODD_ROWS[odd] + end}
        lines.insert(350, json.dumps(event(request, answer([0.5]), name="x", time=END - timedelta(hours=1))).encode())

    with_pyarrow = read(world, [lines])
    monkeypatch.setattr(plain_csv, "_is_installed", lambda: False)
    without = read(world, [lines])

    assert numbers(with_pyarrow) == numbers(without)
    assert with_pyarrow.reading == without.reading
    assert with_pyarrow.reading.rows >= 700


CSV_ROW = '0.3,0.2,{cell},"1","1",no,3.2,no,no,no,no,no'


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('"0.8"', "0.8"),
        ('"a,b"', "a,b"),
        ('"say ""no"""', 'say "no"'),
        ('"two\nlines"', "two\nlines"),
        ("plain", "plain"),
    ],
    ids=["quoted", "comma", "quote", "newline", "plain"],
)
def test_quoted_escaped_and_multi_line_fields_come_out_right(world: World, cell: str, value: str) -> None:
    """A field's text survives, and so do its neighbours, alone and between other requests."""
    text = CSV_ROW.format(cell=cell) + "\n"
    plain = Payload(data=CSV_ROW.format(cell="0.7"), encoding="CSV")

    table = Requests(world.baseline.contract).csv_table([plain, Payload(data=text, encoding="CSV"), plain])

    assert [row[2] for row in table.rows] == ["0.7", value, "0.7"]
    assert [row[-1] for row in table.rows] == ["no", "no", "no"]
    assert table.lengths == [1, 1, 1]


@pytest.mark.parametrize("installed", [True, False], ids=["pyarrow", "csv"])
@pytest.mark.parametrize("count", [1, 700], ids=["alone", "in-a-block"])
def test_a_category_that_has_a_features_name_is_no_header(
    world: World, count: int, monkeypatch: pytest.MonkeyPatch, *, installed: bool
) -> None:
    """A line that holds a number is a row, as it is to the server; every way of reading it says so."""
    monkeypatch.setattr(plain_csv, "_is_installed", lambda: installed)
    plain = Payload(data="0.3,0.2,0.7,1,1,no,3.2,no,no,no,no,no\n", encoding="CSV")
    named = Payload(data="0.3,0.2,0.7,1,1,single,3.2,no,no,no,no,no\n", encoding="CSV")

    table = Requests(world.baseline.contract).csv_table([*[plain] * (count - 1), named])

    assert table.lengths == [1] * count
    assert table.extra == []


def test_an_open_quote_spoils_its_own_request_only(world: World) -> None:
    """What follows a broken request is not swallowed by it."""
    plain = Payload(data=CSV_ROW.format(cell="0.7"), encoding="CSV")
    broken = Payload(data=CSV_ROW.format(cell='"0.7'), encoding="CSV")

    table = Requests(world.baseline.contract).csv_table([plain, broken, plain])

    assert table.lengths == [1, 0, 1]
    assert table.undecodable == 1


def test_corrupt_lines_are_counted_and_the_rest_is_read(world: World) -> None:
    """Half a line, other JSON, wrong UTF-8 and a wrong date cost themselves only."""
    lines = events(world.sample(50, seed=3))
    undated = json.dumps(event(as_json([{}]), None, name="x", time=END)).replace("2026-11-23T12", "some-day").encode()
    bad = [lines[0][:40], b'{"other": 1}', b"\xff\xfe", b"[" * 5000, undated, b"null"]

    tally = read(world, [[*lines[:20], *bad, b"", *lines[20:]]])

    assert tally.reading.corrupt_lines == len(bad)
    assert tally.reading.rows == 50


def test_a_file_that_breaks_off_counts_as_far_as_it_went(world: World) -> None:
    """A connection lost in the middle is an entry in the reading, not a traceback."""
    lines = events(world.sample(30, seed=4))

    def broken() -> Iterator[bytes]:
        yield b"".join(line + b"\n" for line in lines) * 200
        raise OSError("connection reset")

    reader = CaptureReader(world.baseline, window=WINDOW, release=RELEASE)
    reader.read("lost.jsonl", broken(), variant=VARIANT)

    reading = reader.finish().reading
    assert reading.unreadable_files == {"lost.jsonl": "OSError: connection reset"}
    assert reading.rows > 0


def test_strange_bodies_are_an_outcome_too(world: World) -> None:
    """Bodies that are no table at all are counted as undecodable."""
    bodies = [
        "",
        "null",
        "[]",
        "{}",
        '{"instances": 3}',
        '{"columns": {"pirat": 1}}',
        '{"instances": [[1]]}',
        "{" * 2000,
    ]
    requests = [as_json([]) | {"data": body} for body in bodies]
    lines = [json.dumps(event(r, answer([0.5]), name="x", time=END - timedelta(hours=1))).encode() for r in requests]

    tally = read(world, [lines])

    assert tally.reading.undecodable == len(bodies)
    assert tally.reading.rows == 0


def test_wrong_types_missing_values_and_new_names_are_kept_apart(world: World) -> None:
    """A text for a number is invalid, null is missing, an unknown category is new."""
    row = world.requests()[0]
    rows = [
        row | {"pirat": "0.3"},
        row | {"hirat": None},
        row | {"chist": "9"},
        row | {"chist": 5},
        row | {"phist": [1]},
    ]
    rows.append({name: value for name, value in row.items() if name != "unemp"} | {"colour": "red"})

    tally = read(world, [[json.dumps(event(as_json(rows), None, name="x", time=END - timedelta(hours=1))).encode()]])

    assert (tally.numbers["pirat"].invalid, tally.numbers["hirat"].missing) == (1, 1)
    assert tally.categories["chist"].names == {"9": 1}
    assert (tally.categories["chist"].invalid, tally.categories["phist"].invalid) == (1, 1)
    assert tally.reading.absent_columns == {"unemp": 1}
    assert tally.reading.extra_columns == {"colour": 1}
    assert tally.reading.unanswered == 1


def test_only_the_window_counts(world: World) -> None:
    """Events before and after the window are read past, wherever their file lies."""
    sample = world.sample(10, seed=5)

    tally = read(world, [events(sample, start=END - timedelta(hours=30)), events(sample, start=END)])

    assert (tally.reading.rows, tally.reading.events) == (0, 0)


def test_answers_of_another_release_are_not_judged(world: World) -> None:
    """Inputs of all releases count; answers only where the baseline's own release gave them."""
    sample = world.sample(40, seed=6)
    other = [line.replace(RELEASE.encode(), b"99999999") for line in events(sample)]

    tally = read(world, [events(sample), other])

    assert tally.reading.rows == 80
    assert tally.scores.rows == 40
    assert {release for releases in tally.reading.hours.values() for release in releases} == {RELEASE, "99999999"}


def test_releases_and_labels_may_change_from_line_to_line(world: World) -> None:
    """What the first answer of a block holds decides nothing about the others."""
    sample = world.sample(600, seed=6)
    lines = events(sample, encode=as_csv)
    lines[1::3] = [line.replace(RELEASE.encode(), b"99999999") for line in lines[1::3]]
    lines[2::3] = [line.replace(b'\\"label\\": \\"', b'\\"label\\": \\"un') for line in lines[2::3]]

    tally = read(world, [lines])
    alone = read(world, [lines[0::3]])

    assert (tally.reading.events, tally.reading.unanswered, tally.scores.rows) == (600, 0, 400)
    assert tally.scores.labelled_positive == alone.scores.labelled_positive > 0
    assert {name: sum(hour[name] for hour in tally.reading.hours.values()) for name in (RELEASE, "99999999")} == {
        RELEASE: 400,
        "99999999": 200,
    }


def test_calls_of_a_deploy_do_not_count(world: World) -> None:
    """The rows that verify an endpoint are nobody's applications."""
    own = [line.replace(b'"call-', f'"{VERIFICATION_PREFIX}'.encode()) for line in events(world.sample(16, seed=8))]

    tally = read(world, [[*own, *events(world.sample(20, seed=7))]])

    assert (tally.reading.rows, tally.scores.rows) == (20, 20)
    assert events_module.VERIFICATION_PREFIX == VERIFICATION_PREFIX


def test_an_answer_in_csv_belongs_to_its_variant(world: World) -> None:
    """A caller may want CSV back, which names no release: the variant does."""
    row = world.requests()[:2]
    response = answer([]) | {"observedContentType": "text/csv", "encoding": "CSV", "data": "no,0.1\nyes,0.9\n"}
    line = json.dumps(event(as_csv(row), response, name="x", time=END - timedelta(hours=1))).encode()

    tally = read(world, [[line]])

    assert tally.scores.labelled_positive == 1
    assert tally.scores.rows == 2


def test_an_answer_that_tells_no_type_is_csv(world: World) -> None:
    """Capture's default holds for it, however plain its neighbours are."""
    response = {"mode": "OUTPUT", "data": "no,0.1\n"}
    line = json.dumps(event(as_csv(world.requests()[:1]), response, name="x", time=END - timedelta(hours=1))).encode()

    tally = read(world, [[*events(world.sample(5, seed=3), encode=as_csv), line]])

    assert (tally.reading.events, tally.reading.unanswered, tally.scores.rows) == (6, 0, 6)


@pytest.mark.parametrize("probability", ["1.5", "-0.1", "1e999", '"high"'])
def test_an_answer_that_is_no_probability_is_none(world: World, probability: str) -> None:
    """What the model never answers is counted as unanswered, and reaches no statistic."""
    response = answer([0.5])
    response["data"] = response["data"].replace('"probability": 0.5', f'"probability": {probability}')
    line = json.dumps(event(as_json(world.requests()[:1]), response, name="x", time=END - timedelta(hours=1))).encode()

    tally = read(world, [[line]])

    assert (tally.reading.unanswered, tally.scores.rows, tally.reading.rows) == (1, 0, 1)


def test_a_line_without_end_does_not_fill_memory() -> None:
    """Blocks stay bounded: what runs on beyond the longest line is cut."""
    endless = (b"x" * 1000 for _ in range(1000))

    found = list(blocks(endless, size=10_000, longest=50_000))

    assert sum(map(len, found)) <= 52_000


def test_blocks_keep_lines_whole() -> None:
    """However a stream is chopped, its blocks end with lines."""
    text = b"".join(b"%d,%s\n" % (number, b"x" * (number % 50)) for number in range(2000))

    for step in (1, 7, 1000, 100_000):
        found = list(blocks((text[at : at + step] for at in range(0, len(text), step)), size=4096))

        assert b"".join(found) == text
        assert all(block.endswith(b"\n") for block in found)


def test_the_protected_attribute_is_taken_where_it_is_told(world: World) -> None:
    """Groups come from the request if the caller sent the attribute along."""
    rows = world.rows.head(20)
    requests = [{**request, "afam": group} for request, group in zip(world.requests(), rows["afam"], strict=False)]
    response = answer(map(float, world.probability[:20]))
    line = json.dumps(event(as_json(requests[:20]), response, name="x", time=END - timedelta(hours=1))).encode()

    tally = read(world, [[line]])

    counts = rows["afam"].value_counts().to_dict()
    assert {group: numbers[0] for group, numbers in tally.scores.groups.items()} == counts
    assert tally.reading.extra_columns == {}


def test_contract_knows_the_carried_columns(world: World) -> None:
    """Row id and protected attribute are no features, and yet no strangers."""
    contract: Contract = world.baseline.contract

    assert contract.carried == ("rownames", "afam")
    assert not set(contract.carried) & set(contract.names)
