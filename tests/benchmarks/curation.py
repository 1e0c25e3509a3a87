"""How well the curation rules find what they look for, on labelled lines of real files, and how fast.

    python tests/benchmarks/curation.py FOLDER            tables
    python tests/benchmarks/curation.py FOLDER --json     one JSON object

FOLDER holds the files of the Why Snakes project. The labels (``tests/curation_labels.tsv``) were made by
reading, in two samples that are told apart:

``fitted``: 230 lines drawn at random, 270 near misses drawn from lines with the words that rules look for,
the last lines of scripts, guides and encyclopedia articles, the first lines of scripts, and all lines that
wide searches had turned up. They were written before the rules were; the rules were then mended on the same
lines, so these figures say how well the rules fit these files, not how they do elsewhere.

``held-out``: 200 further lines drawn at random, 420 last lines of answers, and 220 with words that such rules
look for. They were read and labelled when the rules were done and before they were run on them, and the rules
are not mended on them. Nothing is to be found in them (the first sample took all that wide searches saw), so
they measure false alarms only.

Whether the rules find what they have not seen is measured on sentences of our own, in the ways that other
teachers say such things (``tests/curation_phrasings.tsv``: rule, place in the answer, text, set; those with
no rule are innocents that stand in the middle of a story). Each of the three sets was written before the
rules were run on it. They had found 60 % of the first and 43 % of the second, and were then mended on these;
on the third they were not, so it is the one that says how they do elsewhere.

A label holds for one line; a line counts as found if a flag of the rule touches it.

Defects that the files do not have are planted in copies of their records, each in 200 of them, and the
rule has to find them there (recall only; what it flags in the untouched records is in the first table).
The speed is that of the rule pass over requests and answers of all records, on one core, the best of five.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from ysnakes_core.synthesis.curation import check, shipped_rules
from ysnakes_core.text.reading import read_documents
from ysnakes_core.text.records import START_MARK, Document

LABELS = Path(__file__).resolve().parents[1] / "curation_labels.tsv"
PHRASINGS = LABELS.with_name("curation_phrasings.tsv")
SAMPLES = ("fitted", "held-out")
PHRASING_SAMPLES = ("first", "second", "third")
TARGET = 0.95  # precision and recall of refusals and notes
FASTEST_NEEDED = 20.0  # MB/s
PLANTED = 200

Line = tuple[str, int]


def labelled(folder: Path) -> tuple[dict[str, dict[Line, set[str]]], int]:
    """The labels by sample, file and line, and how many lines are not what they were when they were read."""
    labels: dict[str, dict[Line, set[str]]] = {sample: {} for sample in SAMPLES}
    changed = 0
    lines: dict[str, list[str]] = {}
    for row in LABELS.read_text(encoding="utf-8").splitlines()[1:]:
        name, number, digest, rules, sample = row.split("\t")
        if name not in lines:
            lines[name] = (folder / name).read_bytes().decode("utf-8").split("\n")
        text = lines[name][int(number) - 1] if int(number) <= len(lines[name]) else ""
        if hashlib.sha256(text.encode()).hexdigest()[:16] != digest:
            changed += 1
            continue
        labels[sample][(name, int(number))] = set(filter(None, rules.split(",")))
    return labels, changed


def found_on_lines(documents: list[Document], folder: Path) -> dict[Line, set[str]]:
    """The rules that flag something on each line of the files."""
    found: dict[Line, set[str]] = defaultdict(set)
    texts: dict[str, str] = {}
    at: Counter[str] = Counter()
    for document in documents:
        name = Path(document.source).name
        text = texts.setdefault(name, (folder / name).read_bytes().decode("utf-8"))
        answer = text.index(document.answer, text.index(START_MARK, at[name]))
        at[name] = answer + len(document.answer)
        for flag in check(document.request, document.answer):
            first = text.count("\n", 0, answer + flag.start)
            last = text.count("\n", 0, answer + max(flag.end - 1, flag.start))
            for number, line in enumerate(text.split("\n")[first : last + 1], first + 1):
                if line.strip():
                    found[(name, number)].add(flag.rule)
    return found


def ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def scores(labels: dict[Line, set[str]], found: dict[Line, set[str]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for rule in shipped_rules():
        labelled_lines = {line for line, rules in labels.items() if rule.id in rules}
        flagged = {line for line, rules in found.items() if rule.id in rules}
        right = len(labelled_lines & flagged)
        inside = len(flagged & labels.keys())
        rows.append(
            {
                "rule": rule.id,
                "labelled": len(labelled_lines),
                "flagged": inside,
                "precision": ratio(right, inside),
                "recall": ratio(right, len(labelled_lines)),
                "flagged_outside_the_sample": len(flagged) - inside,
            }
        )
    return rows


def false_alarms(labels: dict[Line, set[str]], found: dict[Line, set[str]]) -> dict[str, int]:
    """How many lines of a sample each rule flags that have no such label."""
    wrong = Counter(rule for line, rules in labels.items() for rule in found.get(line, set()) - rules)
    return dict(sorted(wrong.items()))


STORY = "The ferry left at dawn.\n\nMara waved until the harbour was small, and then she went below."
ENDING = "By evening the nets were dry, and nobody spoke of the storm again."


def _around(place: str, text: str) -> str:
    parts = {"whole": [text], "start": [text, STORY], "end": [STORY, text]}
    return "\n\n".join(parts.get(place, [STORY, text, ENDING]))


def phrasings(sample: str) -> tuple[list[dict[str, object]], dict[str, int]]:
    """What is found of sentences that were written without a look at the patterns, and its false alarms.

    A refusal, a note or an offer counts as found by any rule that strips or rejects it.
    """
    hits: Counter[str] = Counter()
    total: Counter[str] = Counter()
    missed: dict[str, list[str]] = defaultdict(list)
    wrong: Counter[str] = Counter()
    for row in PHRASINGS.read_text(encoding="utf-8").splitlines()[1:]:
        rule, place, text, of = row.split("\t")
        if of != sample:
            continue
        flags = [
            flag for flag in check("Write about a ferry.", _around(place, text)) if flag.action != "flag"
        ]
        if not rule:
            total["innocent"] += 1
            wrong.update({flag.rule for flag in flags})
            continue
        total[rule] += 1
        hits[rule] += bool(flags)
        if not flags:
            missed[rule].append(text)
    rows: list[dict[str, object]] = [
        {
            "rule": rule,
            "texts": total[rule],
            "found": hits[rule],
            "recall": ratio(hits[rule], total[rule]),
            "missed": missed[rule],
        }
        for rule in total
        if rule != "innocent"
    ]
    return rows, {"texts": total["innocent"], **wrong}


def _cut(answer: str, rng: random.Random) -> str:
    """An answer that ends after some word in the middle of one of its longer sentences."""
    words = answer.split(" ")
    for _ in range(200):
        end = rng.randrange(len(words) // 4, len(words) - 1)
        line = " ".join(words[:end]).rsplit("\n", 1)[-1]
        if words[end - 1][-1:].isalpha() and len(line.split()) >= 10 and "\n" not in words[end - 1]:
            return " ".join(words[:end])
    return answer[: len(answer) // 2].rstrip(" .!?\n") + " and the"


def _sentence(answer: str) -> str:
    sentences = [part.strip() for part in answer.replace("\n", " ").split(". ") if len(part.strip()) > 30]
    return (sentences[len(sentences) // 2] if sentences else answer[:60].strip()) + "."


def _phrase(answer: str) -> str:
    words = answer.split()
    return " ".join(words[len(words) // 2 : len(words) // 2 + 5])


FOREIGN = (
    "Als die Fähre endlich kam, war niemand auf dem Steg, und die Lampen waren alle aus, also ruderten wir "
    "im Licht des Mondes nach Hause und sprachen nicht.",
    "Cuando el barco por fin llegó, no había nadie en el muelle y las lámparas estaban todas apagadas, así "
    "que volvimos a casa con la luz de la luna.",
    "Когда паром наконец пришёл, на пристани никого не было.",
    "渡船终于来了,码头上一个人也没有。",
)
PLANTS: dict[str, Callable[[Document, random.Random], tuple[str, str]]] = {
    "truncated": lambda d, rng: (d.request or "", _cut(d.answer, rng)),
    "loop": lambda d, rng: (
        d.request or "",
        f"{d.answer}\n\n" + " ".join([_sentence(d.answer)] * rng.randint(4, 20)),
    ),
    "loop of a phrase": lambda d, rng: (
        d.request or "",
        f"{d.answer} {f'{_phrase(d.answer)} ' * rng.randint(8, 60)}".strip(),
    ),
    "echo": lambda d, rng: (d.request or "", (d.request or "").rstrip(".") + rng.choice([".", "!", ""])),
    "request-repeated": lambda d, rng: (d.request or "", f"**{d.request}**\n\n{d.answer}"),
    "wrong-language": lambda d, rng: (d.request or "", f"{d.answer}\n\n{rng.choice(FOREIGN)}"),
    "too-short": lambda d, rng: (d.request or "", rng.choice(["", "Yes.", "The end."])),
    "control-token": lambda d, rng: (d.request or "", f"<|im_start|>assistant\n{d.answer}"),
    "end-token": lambda d, rng: (d.request or "", f"{d.answer}<|eot_id|>"),
    "thinking": lambda d, rng: (d.request or "", f"<think>Let me see.</think>\n\n{d.answer}"),
    "next-turn": lambda d, rng: (d.request or "", f"{d.answer}\n\nUser: Another one\nAssistant: {d.answer}"),
    "wrapped": lambda d, rng: (d.request or "", f"```\n{d.answer}\n```"),
    "citation": lambda d, rng: (d.request or "", d.answer.replace(". ", ".[3] ", 1)),
    "url": lambda d, rng: (d.request or "", f"{d.answer}\n\nSee https://example.org/{rng.random()}"),
    "word-count": lambda d, rng: (d.request or "", f"{d.answer}\n\n({len(d.answer.split())} words)"),
}


def planted(documents: list[Document]) -> Iterator[dict[str, object]]:
    """Recall on defects that were planted in records of the files."""
    for name, plant in PLANTS.items():
        rng = random.Random(name)
        rule = name.split(" ")[0]
        hits = total = 0
        for document in rng.sample(documents, min(PLANTED, len(documents))):
            request, answer = plant(document, rng)
            if answer == document.answer:
                continue
            total += 1
            hits += any(flag.rule == rule for flag in check(request, answer))
        yield {"defect": name, "planted": total, "recall": ratio(hits, total)}


def speed(documents: list[Document], repeats: int) -> float:
    """MB of requests and answers in a second of the processor, the best of some passes."""
    megabytes = sum(document.text_bytes for document in documents) / 1e6
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        for document in documents:
            check(document.request, document.answer)
        best = min(best, time.process_time() - began)
    return megabytes / best


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    documents = read_documents([args.folder]).documents
    labels, changed = labelled(args.folder)
    on_lines = found_on_lines(documents, args.folder)
    rows = scores(labels["fitted"], on_lines)
    held_out = labels["held-out"]
    alarms = false_alarms(held_out, on_lines)
    said = {sample: phrasings(sample) for sample in PHRASING_SAMPLES}
    plants = list(planted(documents))
    megabytes_per_second = speed(documents, args.repeats)
    judged = {str(row["rule"]): row for row in rows}
    missed = [
        f"{kind} of {rule}"
        for rule in ("refusal", "note")
        for kind in ("precision", "recall")
        if not isinstance(value := judged[rule][kind], float) or value < TARGET
    ]
    if megabytes_per_second < FASTEST_NEEDED:
        missed.append("speed")
    found = {
        "lines": len(labels["fitted"]),
        "lines_that_changed": changed,
        "records": len(documents),
        "rules": rows,
        "held_out": {"lines": len(held_out), "labelled": sum(map(bool, held_out.values())), "wrong": alarms},
        "phrasings": {
            sample: {"rules": rules, "innocents": wrong} for sample, (rules, wrong) in said.items()
        },
        "planted": plants,
        "megabytes_per_second": round(megabytes_per_second, 1),
        "passed": not missed,
    }
    if args.json:
        print(json.dumps(found))
        return bool(missed)
    print(f"{len(labels['fitted']):,} labelled lines ({changed} changed since), {len(documents):,} records\n")
    print(f"{'rule':18}{'labelled':>9}{'flagged':>9}{'precision':>11}{'recall':>8}{'outside':>9}")
    for row in rows:
        print(
            f"{row['rule']:18}{row['labelled']:>9}{row['flagged']:>9}{_shown(row['precision']):>11}"
            f"{_shown(row['recall']):>8}{row['flagged_outside_the_sample']:>9}"
        )
    print(
        f"\nheld out: {len(held_out):,} lines, {sum(map(bool, held_out.values())):,} with something to find; "
        f"false alarms: {alarms or 'none'}"
    )
    for sample, (found_rules, innocents) in said.items():
        print(f"\n{f'in other words, {sample}':24}{'texts':>9}{'found':>9}{'recall':>8}")
        for row in found_rules:
            print(f"{row['rule']:24}{row['texts']:>9}{row['found']:>9}{_shown(row['recall']):>8}")
        print(f"innocents: {innocents}")
    print(f"\n{'planted defect':22}{'records':>8}{'recall':>8}")
    for plant in plants:
        print(f"{plant['defect']:22}{plant['planted']:>8}{_shown(plant['recall']):>8}")
    print(f"\nrule pass: {megabytes_per_second:.1f} MB/s on one core")
    print(f"refusals and notes at {TARGET:g} and more, {FASTEST_NEEDED:g} MB/s and more: {missed or 'yes'}")
    return bool(missed)


def _shown(value: object) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
