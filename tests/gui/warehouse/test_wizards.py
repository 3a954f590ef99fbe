"""The page's wizards: where a table can be made, records of XML by hand, which tool; kept plans and their timers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QComboBox

from core.base.errors import OpsError
from core.jobs import timers
from core.jobs.calendar import Schedule
from core.warehouse.extract.definition import Definition, OutputColumn
from core.warehouse.extract.preview import Preview
from core.warehouse.feed.plan import FeedPlan, PlanSource
from core.warehouse.feed.service import FeedService
from gui.parts.dialogs import ConfirmDialog
from gui.tabs.warehouse.extract_view import ExtractDialog
from gui.tabs.warehouse.plans import PlansDialog
from tests.fakes.warehouse import FakeDriver


def opened(kind):
    return next(w for w in reversed(QApplication.topLevelWidgets()) if isinstance(w, kind) and w.isVisible())


def choose(dialog: ExtractDialog, preset: str) -> None:
    dialog.how.setCurrentIndex(dialog.how.findData(preset))
    dialog.how.activated.emit(dialog.how.currentIndex())


def test_the_wizard_offers_a_table_as_soon_as_the_warehouse_is_there(make_page, qtbot) -> None:
    page = make_page()
    page.command("extract")  # before anything was read
    dialog = opened(ExtractDialog)
    assert not dialog.to_table.isEnabled() and dialog.to_file.isChecked()
    assert "no warehouse" in dialog.to_table.text()
    qtbot.waitUntil(dialog.to_table.isEnabled)
    assert dialog.to_table.isChecked() and dialog.to_table.text() == "Make a table in fake"
    dialog.reject()


def test_a_table_that_is_there_is_told_before_anything_is_read(page, qtbot, tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text('{"a": 1}\n' * 3)
    page.command("extract")
    dialog = opened(ExtractDialog)
    dialog.input.setText(str(path))
    qtbot.waitUntil(lambda: "they look like “JSON" in dialog.count.text())
    assert dialog.table.text() == "public.orders_2"
    choose(dialog, "json")
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    dialog.table.setText("public.Orders")
    dialog.accept_button.click()
    assert dialog.isVisible() and "public.Orders is there already" in dialog.count.text()
    dialog.reject()


def test_the_record_of_xml_can_be_named(page, qtbot, tmp_path: Path) -> None:
    path = tmp_path / "shop.xml"
    path.write_text("<s>" + "<o id='1'><who>ann</who><i k='1'>7</i><i k='2'>8</i></o>" * 3 + "</s>")
    page.command("extract")
    dialog = opened(ExtractDialog)
    choose(dialog, "xml")
    assert dialog.pattern_field.name.text() == "Record" and dialog.pattern.isEnabled()
    dialog.input.setText(str(path))
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    assert dialog.count.text().startswith("6 of 6 sampled records")  # guessed: what repeats most
    dialog.pattern.setText("o: @id, who, i/@k")
    dialog.pattern_changed.emit()
    qtbot.waitUntil(lambda: dialog.count.text().startswith("3 of 3"))
    assert dialog.kinds() == {"id": "whole", "who": "text", "i_k": "whole"}
    dialog.pattern.setText("nothing")
    dialog.pattern_changed.emit()
    qtbot.waitUntil(lambda: "There is no element nothing" in dialog.pattern_field.note.text())
    assert not dialog.accept_button.isEnabled()
    dialog.reject()


def test_what_is_columns_already_and_what_is_asked_often_belongs_elsewhere(page, qtbot, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("".join(f'{n},"Miller, Ann",{n * 2}\n' for n in range(50)))
    page.command("extract")
    dialog = opened(ExtractDialog)
    dialog.input.setText(str(path))
    qtbot.waitUntil(lambda: "columns already" in dialog.advice.text())
    assert "Redshift" in dialog.advice.text()
    path.write_text("".join(f"word {n}\n" for n in range(50)))
    dialog.pattern.setText(r"word (?P<n>\d+)")
    dialog.pattern.textEdited.emit(dialog.pattern.text())
    qtbot.waitUntil(lambda: "This computer" in dialog.advice.text())
    dialog.often.setChecked(True)
    assert "Redshift" in dialog.advice.text() and "asked often" in dialog.advice.text()
    dialog.reject()


def test_nothing_is_pulled_without_a_warehouse_and_the_page_says_so(make_page, qtbot) -> None:
    fault = OpsError("Could not read", "The endpoint does not answer", "Check the network", code="unreachable")
    page = make_page(FakeDriver(fault=fault))
    presenter = next(c for c in page.view.children() if type(c).__name__ == "WarehousePresenter")
    presenter.place.connection = None
    page.command("pull")
    assert page.view.banner.isVisible() and "No warehouse is connected" in page.view.banner.why.text()


def test_a_timer_is_stopped_and_a_plan_removed_from_the_page(page, qtbot, tmp_path, monkeypatch) -> None:
    table, program = tmp_path / "table", tmp_path / "bin" / "crontab"
    table.write_text("")
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then cat "{table}"; else cat > "{table}"; fi\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    feed = FeedService(page.context.desk.workplace)
    sources = (PlanSource("shop", "", "shop"), PlanSource("mysql://ann@db:3306/crm", "crm", "crm"))
    plan = FeedPlan("nightly", sources, union="whole", schedule=Schedule(("02:00",), ("mon",)))
    feed.save(plan)
    feed.save(FeedPlan("spoilt", sources))
    (page.context.desk.places.config / "feeds" / "spoilt.json").write_text("{")
    timers.install(feed.timer(plan), "cron")

    page.command("plans")
    dialog = opened(PlansDialog)
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 2)
    cells = [dialog.list.topLevelItem(0).text(n) for n in range(5)]
    assert cells == ["nightly", "shop, db:3306/crm", "shop, crm, whole (all)", "mon 02:00 by cron", "–"]
    assert "cannot be read" in dialog.list.topLevelItem(1).text(1)
    dialog.list.topLevelItem(1).setSelected(True)
    assert not dialog.run.isEnabled() and not dialog.stop.isEnabled() and dialog.remove.isEnabled()
    dialog.list.clearSelection()
    dialog.list.topLevelItem(0).setSelected(True)
    dialog.stop.click()
    qtbot.waitUntil(lambda: dialog.list.topLevelItem(0).text(3) == "mon 02:00, no timer")
    assert "opsdesk" not in table.read_text()

    dialog.list.topLevelItem(0).setSelected(True)
    dialog.remove.click()
    opened(ConfirmDialog).accept_button.click()
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 1)
    assert feed.plans() == ["spoilt"]
    dialog.reject()


def test_a_pull_is_kept_for_its_weekdays(page, qtbot, tmp_path, monkeypatch) -> None:
    from gui.tabs.warehouse.pull_presenter import PullPresenter
    from gui.tabs.warehouse.pull_view import PullDialog

    page.command("pull")
    dialog = opened(PullDialog)
    presenter = next(c for c in dialog.children() if isinstance(c, PullPresenter))
    presenter._source, presenter._schema = "shop", "shop"
    dialog.plan.setText("nightly")
    for at, on, at_note, on_note in (
        ("02:00", "mon, Fri", None, None),
        ("2", "mon", "no time of day", None),
        ("", "mon", None, "Days need a time of day"),
        ("02:00", "monday", None, "'monday' is no weekday. It can be mon, tue"),
    ):
        dialog.at.setText(at)
        dialog.on.setText(on)
        plan = presenter._kept(presenter._plan())
        assert (plan is not None) == (at_note is None and on_note is None)
        assert at_note is None or at_note in dialog.at_field.note.text()
        assert on_note is None or on_note in dialog.on_field.note.text()
        if plan is not None:
            assert plan.schedule == Schedule(("02:00",), ("mon", "fri"))
            presenter._copy_command()
            assert "--at 02:00 --on 'mon, Fri'" in QGuiApplication.clipboard().text()
    dialog.reject()


@pytest.mark.parametrize("name", ["no/name", "a b"])
def test_a_plan_of_an_impossible_name_is_told_at_its_field(page, qtbot, name: str) -> None:
    from gui.tabs.warehouse.pull_view import PullDialog

    page.command("pull")
    dialog = opened(PullDialog)
    dialog.plan.setText(name)
    dialog.pull_asked.emit()
    assert "is no name for a plan" in dialog.plan_field.note.text()
    dialog.plan.clear()
    dialog.union.setText("whole")
    dialog.pull_asked.emit()
    assert "give it a name" in dialog.union_field.note.text()
    assert dialog.isVisible()
    dialog.reject()


def test_tab_goes_through_the_types_of_all_columns_and_on(qtbot) -> None:
    dialog = ExtractDialog()
    qtbot.addWidget(dialog)
    columns = tuple(OutputColumn(f"c{number}", "whole") for number in range(8))
    dialog.show_preview(Preview(Definition(pattern="(.)" * 8, columns=columns), "polars", rows=(("1",) * 8,)))
    dialog.show()
    dialog.activateWindow()
    dialog.lines.setFocus()
    seen: list[str] = []
    while (now := dialog.focusWidget()) is not dialog.often and len(seen) < 40:
        seen.append(now.accessibleName())
        qtbot.keyClick(now, Qt.Key.Key_Tab)
        if isinstance(dialog.focusWidget(), QComboBox):
            box, view = dialog.focusWidget(), dialog.columns.viewport()
            qtbot.waitUntil(lambda box=box, view=view: box.mapTo(view, box.rect().center()).y() < view.height())
    assert seen[1:] == [f"Type of c{number}" for number in range(8)]
