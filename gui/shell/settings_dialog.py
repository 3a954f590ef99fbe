"""The settings dialog, made from the sections' own metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.base.errors import OpsError
from core.settings.model import SECTIONS, Settings
from gui.bridge.settings_bridge import SettingsBridge
from gui.parts.dialogs import Dialog
from gui.parts.form import DoubleSpinBox, Field, SpinBox, choice
from gui.parts.layout import scrolled
from gui.parts.notices import Banner
from gui.style.tokens import Space


class SettingsDialog(Dialog):
    """A change counts at once and is written at once; a refused one says why and shows the old value again."""

    def __init__(self, settings: SettingsBridge, parent: QWidget | None = None) -> None:
        super().__init__("Settings", "Done", parent, width=640)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # it takes long to build, and is opened again
        self._settings = settings
        self._shows: list[Callable[[Settings], None]] = []
        self.cancel_button.hide()
        self.enter_asks = False  # it takes a number over, which may be refused
        self.asked.connect(self.accept)
        self.banner = Banner("danger")
        self.body.addWidget(self.banner)
        self.sections = QListWidget()
        self.sections.setAccessibleName("Sections")
        self.sections.setFixedWidth(140)
        self.sections.setProperty("kind", "boxed")
        self.sections.ensurePolished()  # or its rows are measured before they have their padding
        self.pages = QStackedWidget()
        for name in SECTIONS:
            self.sections.addItem(name.capitalize())
            self.pages.addWidget(scrolled(self._page(name), surface=True))
        self.sections.currentRowChanged.connect(self.pages.setCurrentIndex)
        self.sections.setCurrentRow(0)
        both = QHBoxLayout()
        both.setSpacing(Space.L)
        both.addWidget(self.sections)
        both.addWidget(self.pages, 1)
        self.body.addLayout(both, 1)
        self.setMinimumHeight(480)
        settings.changed.connect(self._show)
        settings.refused.connect(self._refused)
        self._show(settings.current)

    def _page(self, section: str) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, Space.M, 0)
        layout.setSpacing(Space.L)
        kind = get_type_hints(Settings)[section]
        hints = get_type_hints(kind)
        for item in fields(kind):
            layout.addWidget(self._field(section, item.name, hints[item.name], dict(item.metadata)))
        layout.addStretch(1)
        return page

    def _field(self, section: str, name: str, kind: type[Any], about: dict[str, Any]) -> QWidget:
        def put(value: Any) -> None:
            self.banner.hide()
            self._settings.set(section, **{name: value})

        def follow(show: Callable[[Any], None]) -> None:
            self._shows.append(lambda settings: show(getattr(getattr(settings, section), name)))

        widget: QWidget
        if kind is bool:
            box = QCheckBox(about["label"])
            box.setAccessibleName(about["label"])
            box.setToolTip(about["help"])
            box.clicked.connect(put)
            follow(box.setChecked)
            return box
        if about["choices"]:
            combo = choice(list(about["choices"]))
            combo.activated.connect(lambda index: put(combo.itemData(index)))
            follow(lambda value: combo.setCurrentIndex(combo.findData(value)))
            widget = combo
        elif kind in (int, float):
            spin: QSpinBox | QDoubleSpinBox = SpinBox() if kind is int else DoubleSpinBox()
            spin.setRange(kind(about["minimum"] or 0), kind(about["maximum"] or 2_000_000_000))
            spin.setKeyboardTracking(False)  # a half-typed number is no setting
            if about["unit"]:
                spin.setSuffix(f" {about['unit']}")
            spin.editingFinished.connect(lambda: put(spin.value()))
            follow(spin.setValue)
            widget = spin
        else:
            edit = QLineEdit()
            edit.editingFinished.connect(lambda: put(edit.text()))
            follow(edit.setText)
            widget = edit
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel scrolls the page, not the value
        return Field(about["label"], widget, about["help"])

    def _show(self, settings: Settings) -> None:
        for show in self._shows:
            show(settings)

    def _refused(self, fault: OpsError) -> None:
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)
        self._show(self._settings.current)
