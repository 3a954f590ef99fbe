"""From what the core knows of models and their answers to the plain values that the page shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gui.parts.words import byte_size, duration, number, zoned
from gui.tabs.digits.values import AlgorithmChoice, ModelRow, Overview, ParameterField, Thumb

if TYPE_CHECKING:
    from core.digits.judgements import Judged
    from core.digits.registry import Broken, Kept
    from core.digits.scores import Evaluation


def row_of(entry: Kept | Broken, live: str, scores: dict[str, float]) -> tuple[ModelRow, Overview | None]:
    """scores: those of the card, or of its newest evaluation where the card has none."""
    from core.digits.registry import Kept

    if not isinstance(entry, Kept):
        return (
            ModelRow(
                entry.path.stem, entry.path.stem, state="damaged", why=f"{entry.trouble.why}. {entry.trouble.remedy}"
            ),
            None,
        )
    card = entry.card
    row = ModelRow(
        entry.id,
        card.name,
        card.algorithm,
        scores.get("accuracy"),
        scores.get("macro_f1"),
        card.rows or None,
        entry.size,
        "in use" if entry.id == live else "ready",
        own=not entry.ships,
        curve=card.curve,
        seconds=card.seconds,
        created=card.created,
        details=(
            f"{card.algorithm}, {card.data}, seed {card.seed}, {card.created[:16]}"
            + (f", judged on {card.held_out:,} held-out rows" if card.held_out else "")
        ),
    )
    return row, card_overview(card.name, card.data, card.scores, card.overview)


def facts_of(kept: Kept) -> list[tuple[str, str]]:
    """A model's card in words: what it is, of what, how made, how good, how large, when."""

    def percent(share: float) -> str:
        return number(share * 100, 2)

    card = kept.card
    made = datetime.fromisoformat(card.created) if card.created else None
    scores = card.scores
    judged = f"{number(card.held_out)} held-out rows" + (", then fitted on every row" if card.refitted else "")
    facts = [
        ("Algorithm", card.algorithm),
        ("Parameters", ", ".join(f"{name} {value}" for name, value in card.parameters.items())),
        ("Data", card.data + (f" (SHA-256 {card.data_digest}…)" if card.data_digest else "")),
        ("Rows", number(card.rows) if card.rows else ""),
        ("Judged on", judged if card.held_out else ""),
    ]
    if "accuracy" in scores:
        low, high = scores["accuracy_low"], scores["accuracy_high"]
        facts += [
            ("Accuracy", f"{percent(scores['accuracy'])} % (95 % interval {percent(low)} to {percent(high)} %)"),
            ("Macro-F1", f"{scores['macro_f1']:.4f}, baseline {scores['baseline_macro_f1']:.4f}"),
            ("Calibration error", f"{scores['ece']:.4f}"),
        ]
    facts += [
        ("Seed", str(card.seed) if card.rows else ""),
        ("Training took", f"{duration(card.seconds)} of one core" if card.seconds else ""),
        ("Made", f"{zoned(made):%d %b %Y %H:%M}" if made else ""),
        ("With", ", ".join(f"{name} {version}" for name, version in card.versions.items())),
        ("File", f"{kept.path.name}, {byte_size(kept.size)}"),
    ]
    return [(what, words) for what, words in facts if words]


def card_overview(name: str, data: str, scores: dict[str, float], kept: dict[str, Any]) -> Overview | None:
    if not kept or "confusion" not in kept:
        return None
    return Overview(
        name,
        f"{data} (held out)",
        int(kept["count"]),
        scores["accuracy"],
        (scores["accuracy_low"], scores["accuracy_high"]),
        scores["macro_f1"],
        scores["baseline_macro_f1"],
        scores["ece"],
        kept["confusion"],
        [tuple(entry) for entry in kept["reliability"]],
        [tuple(entry) for entry in kept["coverage"]],
    )


def overview_of(name: str, data: str, evaluation: Evaluation) -> Overview:
    shown = card_overview(name, data, evaluation.summary, evaluation.overview)
    assert shown
    return replace(shown, data=data, has_pictures=True)


def thumbs_of(judged: Judged, rows: Any, most: int) -> list[Thumb]:
    """The first ``most`` of the rows whose pictures were kept."""
    evaluation = judged.evaluation
    found: list[Thumb] = []
    for row in rows:
        picture = judged.picture(int(row))
        if picture is None:
            continue
        truth, answer, shares = (
            int(evaluation.truth[row]),
            int(evaluation.predicted[row]),
            evaluation.probabilities[row],
        )
        found.append(Thumb(picture.tobytes(), int(row), truth, answer, float(shares.max()), tuple(shares.tolist())))
        if len(found) == most:
            break
    return found


def choice_of(algorithm: Any) -> AlgorithmChoice:
    def estimate(rows: int, parameters: dict[str, Any], probe: Any) -> tuple[float, float, float, float]:
        found = algorithm.estimate(rows, parameters, probe)
        return found.seconds, found.megabytes, found.accuracy, found.milliseconds

    fields = [
        ParameterField(item.name, item.label, item.default, item.minimum, item.maximum, item.help)
        for item in algorithm.parameters
    ]
    return AlgorithmChoice(algorithm.id, algorithm.name, algorithm.good_for, fields, estimate)
