"""What the page's dialogs fill in by themselves, and what they ask for again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gui.tabs.digits.ask_dialogs import PredictDialog


def test_a_submission_goes_beside_its_data_until_another_place_is_named(qtbot, tmp_path: Path) -> None:
    dialog = PredictDialog("Linear SVM", "")
    qtbot.addWidget(dialog)
    wishes: list[Any] = []
    dialog.ordered.connect(wishes.append)
    dialog.data.edit.setText(str(tmp_path / "test.csv"))
    assert dialog.submission.path == str(tmp_path / "submission-Linear-SVM.csv")
    dialog.submission.edit.setText("")
    dialog.asked.emit()
    assert not wishes and dialog.fault.title.text() == "A file needs a name"
    dialog.submission.edit.setText("/mine.csv")
    dialog.data.edit.setText(str(tmp_path / "other.csv"))
    dialog.asked.emit()
    assert [(wish.submission, wish.scores) for wish in wishes] == [("/mine.csv", "")]
