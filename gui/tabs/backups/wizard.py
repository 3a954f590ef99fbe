"""The plan wizard: what, where to, how it is proved, when and who is told; every step can be tried before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.backups.outcomes import Check, Finding
from core.backups.plan import (
    PARTS,
    STORAGE_CLASSES,
    Assertion,
    Plan,
    Proof,
    Retention,
    Sentinel,
    Source,
    Target,
)
from core.base.errors import OpsError
from gui.parts.buttons import Button, Segments
from gui.parts.dialogs import Dialog
from gui.parts.form import DropDown, Field, choice, line, tell_all
from gui.parts.layout import column, row, scrolled
from gui.parts.notices import Banner
from gui.parts.words import Label
from gui.style.tokens import Space
from gui.tabs.backups import wording
from gui.tabs.backups.wizard_parts import AssertionEditor, amount, listed, retention, side_by_side
from gui.tabs.backups.wizard_when import WhenStep

_STEPS = (("source", "1  Source"), ("target", "2  Target"), ("proof", "3  Proof"), ("when", "4  When and who"))


class PlanWizard(Dialog):
    server_wanted = Signal()
    server_edit_wanted = Signal(str)
    server_removal_wanted = Signal(str)
    databases_asked = Signal(str)
    try_asked = Signal(object, object)  # Plan, Assertion
    check_asked = Signal(object)  # Plan
    save_asked = Signal(object)  # Plan

    def __init__(self, plan: Plan | None, buckets: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__("Edit the plan" if plan else "New backup plan", "Next", parent, width=720)
        self._old = plan
        self._wanted = set(plan.source.databases) if plan else set()
        self.steps = Segments(_STEPS, "Step")
        self.steps.chosen.connect(self.go)
        self.stack = QStackedWidget()
        self.back = Button("Back")
        self.back.clicked.connect(lambda: self.go(_STEPS[self.stack.currentIndex() - 1][0]))
        self.foot.insertWidget(1, self.back)
        self.banner = Banner("danger")
        self.banner.hide()
        self.body.addWidget(self.steps, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.banner)
        self.body.addWidget(self.stack)
        given = plan or Plan("", Source(), Target(buckets[0] if buckets else ""))
        self.when = WhenStep(given)
        self.when.look_asked.connect(lambda: self.check_asked.emit(self.plan()))
        self.foot.insertWidget(0, self.when.look)
        for content in (self._source(given), self._target(given, buckets), self._proof(given), self.when):
            area = scrolled(content, surface=True)
            area.setMinimumHeight(436)
            self.stack.addWidget(area)
        self._kind_chosen(given.source.kind)
        self.asked.connect(self._next)
        self.go("source")

    # -- the steps ------------------------------------------------------------------
    def _source(self, plan: Plan) -> QWidget:
        self.name = line("nightly-shop", plan.name)
        self.name.setReadOnly(self._old is not None)
        self.name_field = Field(
            "Name", self.name, "Part of every object's key: small letters, digits, dash, underscore"
        )
        self.kind = Segments(
            (("mysql", "MySQL or MariaDB"), ("folder", "A folder"), ("files", "Some files")), "What is backed up"
        )
        self.kind.choose(plan.source.kind)
        self.kind.chosen.connect(self._kind_chosen)
        self.server = DropDown()
        tell_all(self.server)
        if plan.source.server:
            self.server.addItem(plan.source.server)
        self.server.currentTextChanged.connect(self._server_chosen)
        self.databases = QListWidget()
        self.databases.setProperty("kind", "boxed")
        self.databases.setFixedHeight(110)
        self.databases_field = Field("Databases", self.databases, "They are dumped together, at one moment")
        self.history = QCheckBox("Also the old rows of system-versioned tables (MariaDB)")
        self.history.setChecked(plan.source.history)
        self.paths = line("/srv/data", ", ".join(plan.source.paths), mono=True)
        browse = Button("Choose…", "small")
        browse.clicked.connect(self._browse)
        paths = QWidget()
        paths.setLayout(row(self.paths, browse))
        self.paths_field = Field("Path", paths, "Several files are separated by commas")
        self.exclude = line("*.tmp, cache/*", ", ".join(plan.source.exclude), mono=True)
        self.exclude_field = Field("Leave out", self.exclude, "Patterns on the path inside the backup")
        add = Button("Add a server…", icon_name="plus")
        add.clicked.connect(self.server_wanted)
        self.edit_server = Button("Change this server", "icon", icon_name="pencil")
        self.edit_server.clicked.connect(lambda: self.server_edit_wanted.emit(self.server.currentText()))
        self.drop_server = Button("Remove this server", "icon", icon_name="trash-2")
        self.drop_server.clicked.connect(lambda: self.server_removal_wanted.emit(self.server.currentText()))
        self._own: tuple[str, ...] = ()
        beside = row(Field("Server", self.server), self.edit_server, self.drop_server, add)
        beside.setStretch(0, 1)
        for button in (self.edit_server, self.drop_server, add):
            beside.setAlignment(button, Qt.AlignmentFlag.AlignBottom)
        servers = QWidget()
        servers.setLayout(beside)
        self._of_mysql: tuple[QWidget, ...] = (servers, self.databases_field, self.history)
        self._of_files: tuple[QWidget, ...] = (self.paths_field, self.exclude_field)
        page = QWidget()
        page.setLayout(
            column(self.name_field, Label("What is backed up", "strong"), row(self.kind, None), *self._of_mysql,
                   *self._of_files, None, gap=Space.M, margins=(0, Space.S, Space.S, 0))
        )  # fmt: skip
        return page

    def _target(self, plan: Plan, buckets: Sequence[str]) -> QWidget:
        self.bucket = DropDown()
        self.bucket.setEditable(True)
        self.bucket.addItems(sorted({*buckets, plan.target.bucket} - {""}))
        self.bucket.setCurrentText(plan.target.bucket)
        self.prefix = line("backups", plan.target.prefix, mono=True)
        self.storage = choice([(name, name) for name in STORAGE_CLASSES], plan.target.storage_class)
        self.sse = choice(
            [("", "bucket default"), ("AES256", "SSE-S3 (AES256)"), ("aws:kms", "SSE-KMS (aws:kms)")], plan.target.sse
        )
        self.kms = line("alias/backups", plan.target.kms_key, mono=True)
        self.sse.currentIndexChanged.connect(lambda _: self._key_fits())
        self._key_fits()
        self.compression = choice([("zstd", "zstd (fast, small)"), ("gzip", "gzip (opens anywhere)")], plan.compression)
        self.recipients = line("age1…", ", ".join(plan.recipients), mono=True)
        self.days = amount(plan.retention.days, 1, 36_500, "days")
        self.detection = amount(plan.retention.detection_days, 1, 3650, "days")
        self.repair = amount(plan.retention.repair_days, 1, 3650, "days")
        self.rule = Label("", "small", wrap=True)
        self.bucket_field = Field("Bucket", self.bucket)
        page = QWidget()
        page.setLayout(
            column(
                side_by_side(self.bucket_field, Field("Prefix", self.prefix)),
                side_by_side(Field("Storage class", self.storage), Field("Server-side encryption", self.sse), Field("KMS key", self.kms)),
                side_by_side(Field("Compression", self.compression), Field("Client-side encryption for", self.recipients, "age public keys")),
                side_by_side(
                    Field("Keep backups", self.days), Field("A problem is noticed within", self.detection),
                    Field("and repaired within", self.repair),
                ),
                self.rule, None, gap=Space.M, margins=(0, Space.S, Space.S, 0),
            )
        )  # fmt: skip
        for box in (self.days, self.detection, self.repair):
            box.valueChanged.connect(self._say_rule)
        return page

    def _proof(self, plan: Plan) -> QWidget:
        proof = plan.proof
        self.every = amount(proof.every_days, 1, 3650, "days")
        self.every.valueChanged.connect(self._say_rule)
        self.level = choice([(str(number), words) for number, words in enumerate(wording.LEVELS)], str(proof.level))
        self.older = amount(proof.older_every, 0, 1000, "proofs")
        self.older.setSpecialValueText("never")
        self.scratch = line("a private MariaDB", proof.scratch)
        self.identity = line("name of a secret", proof.identity)
        self.identity_key = line("as it is kept" if proof.identity else "AGE-SECRET-KEY-1…")
        self.identity_key.setEchoMode(QLineEdit.EchoMode.Password)
        self.checks = QVBoxLayout()
        self._sums: list[AssertionEditor] = []
        add = Button("Add a check", "small", icon_name="plus")
        add.clicked.connect(lambda: self._add_check(Assertion("", "SELECT COUNT(*) FROM ")))
        sentinel = Button("Add a row that must always exist", "small", icon_name="plus")
        sentinel.clicked.connect(
            lambda: self._add_check(Assertion("sentinel row", "SELECT COUNT(*) FROM `table` WHERE id = 1", ">=", "1"))
        )
        scratch = Field("Restore into", self.scratch, "Empty: a private server here. Or a MySQL source of the profile")
        asked = QWidget()
        asked.setLayout(
            column(
                Label("Checks on the restored data", "strong"),
                Label("Each asks for one value. Try it on the source before you trust it.", "small"),
                self.checks, row(sentinel, add, None), gap=Space.M,
            )
        )  # fmt: skip
        hashed = Label("Every file that comes back is compared with its hash of when it was saved.", "small", wrap=True)
        self._of_mysql += (scratch, asked)  # files can be asked nothing
        self._of_files += (hashed,)
        page = QWidget()
        page.setLayout(
            column(
                side_by_side(Field("Prove it every", self.every), Field("up to", self.level), Field("an older one every", self.older)),
                scratch, side_by_side(Field("Age identity, for encrypted backups", self.identity_key, "Goes into the keyring"),
                                      Field("kept as", self.identity, "Empty: under the plan's name")), hashed, asked, None,
                gap=Space.M, margins=(0, Space.S, Space.S, 0),
            )
        )  # fmt: skip
        for old in (*(item.as_assertion() for item in proof.sentinels), *proof.assertions):
            self._add_check(old)
        self._say_rule()
        return page

    # -- showing ----------------------------------------------------------------------
    def show_servers(self, names: Sequence[str], chosen: str = "", *, own: Sequence[str] = ()) -> None:
        """``chosen``: the one to be taken, if not the one that is. ``own``: those that may be changed here."""
        self._own = tuple(own)
        current = chosen or self.server.currentText()
        self.server.blockSignals(True)
        self.server.clear()
        self.server.addItems(list(names))
        self.server.setCurrentText(current or (names[0] if names else ""))
        self.server.blockSignals(False)
        self._weigh_server()
        if not names:
            self.databases.clear()
            self.databases_field.show_fault("The profile has no MySQL server yet: add one")
        elif self.server.currentText():
            self.databases_asked.emit(self.server.currentText())

    def show_databases(self, names: Sequence[str]) -> None:
        missing = sorted(self._planned - set(names))  # not left out in silence: nobody would back them up any more
        self.databases_field.show_fault(f"Not seen on the server now: {', '.join(missing)}" if missing else "")
        self.databases.clear()
        for name in (*names, *missing):
            item = QListWidgetItem(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            wanted = name in self._wanted or (len(names) == 1 and self._old is None)
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
            self.databases.addItem(item)

    def show_database_fault(self, fault: OpsError) -> None:
        self.databases.clear()
        self.databases_field.show_fault(str(fault))

    def show_check(self, assertion: Assertion, check: Check) -> None:
        for item in self._sums:
            if item.assertion() == assertion:
                item.show_check(check)

    def show_checking(self, busy: bool) -> None:
        self.when.show_checking(busy)
        area = self.stack.currentWidget()
        if busy and isinstance(area, QScrollArea):
            area.verticalScrollBar().setValue(0)

    def show_findings(self, findings: Sequence[Finding]) -> None:
        self.when.show_findings(findings)

    def show_fault(self, fault: OpsError) -> None:
        self.show_checking(False)
        self.accept_button.setEnabled(True)
        self.banner.show_fault(fault.title, fault.why, fault.remedy, details=fault.details)

    # -- the plan as it stands ----------------------------------------------------------
    def plan(self) -> Plan:
        old = self._old
        kind = self.kind.value
        source = Source(kind, paths=listed(self.paths), exclude=listed(self.exclude))
        if kind == "mysql":
            items = [self.databases.item(number) for number in range(self.databases.count())]
            chosen = [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]
            databases = tuple(chosen) if items else tuple(sorted(self._planned))
            source = Source(kind, self.server.currentText(), databases, history=self.history.isChecked())
        target = Target(
            self.bucket.currentText().strip(), self.prefix.text().strip(), self.storage.currentData(), self.sse.currentData(),
            self.kms.text().strip() if self.kms.isEnabled() else "",
        )  # fmt: skip
        proof = replace(
            old.proof if old else Proof(), every_days=self.every.value(), level=int(self.level.currentData()),
            older_every=self.older.value(), sentinels=(),
            assertions=tuple(item.assertion() for item in self._sums) if kind == "mysql" else (),
            scratch=self.scratch.text().strip() if kind == "mysql" else "", identity=self.identity.text().strip(),
        )  # fmt: skip
        if old:  # a sentinel that was not touched stays one
            kept: tuple[Sentinel, ...] = tuple(
                item for item in old.proof.sentinels if item.as_assertion() in proof.assertions
            )
            rest = tuple(item for item in proof.assertions if item not in {mark.as_assertion() for mark in kept})
            proof = replace(proof, sentinels=kept, assertions=rest)
        return Plan(
            self.name.text().strip(), source, target, self.compression.currentData(), listed(self.recipients),
            self.when.schedule(), proof,
            Retention(self.days.value(), self.detection.value(), self.repair.value()), self.when.alerts(),
        )  # fmt: skip

    def secrets(self, plan: Plan) -> dict[str, str]:
        """What was typed and is to be kept in the keyring, by the names that ``plan`` has for it."""
        typed = {plan.smtp_secret: self.when.password.text(), plan.proof.identity: self.identity_key.text().strip()}
        return {name: text for name, text in typed.items() if name and text}

    # -- inside -------------------------------------------------------------------------
    @property
    def _planned(self) -> set[str]:
        """The databases that the plan names, as long as it is its own server that is looked at."""
        same = self._old is not None and self._old.source.server == self.server.currentText()
        return self._wanted if same else set()

    def go(self, step: str) -> None:
        number = [value for value, _ in _STEPS].index(step)
        self.steps.choose(step)
        self.stack.setCurrentIndex(number)
        self.back.setVisible(number > 0)
        last = number == len(_STEPS) - 1
        self.when.look.setVisible(last)
        self.accept_button.setText("Save the plan" if last else "Next")
        self.accept_button.setAccessibleName(self.accept_button.text())

    def _next(self) -> None:
        self.banner.hide()
        number, plan = self.stack.currentIndex(), self.plan()
        last = number == len(_STEPS) - 1
        for step in PARTS if last else (_STEPS[number][0],):
            try:
                plan.checked(step)
                if step == "when":
                    self.when.check()
            except OpsError as fault:
                self.go(step)
                self.show_fault(fault)
                return
        if last:
            self.save_asked.emit(plan)
        else:
            self.go(_STEPS[number + 1][0])

    def _weigh_server(self) -> None:
        own = self.server.currentText() in self._own
        for button in (self.edit_server, self.drop_server):
            button.setEnabled(own)
            button.setToolTip(button.accessibleName() if own else "It is none of the profile's own")

    def _server_chosen(self, name: str) -> None:
        self._weigh_server()
        if name:
            self.databases_asked.emit(name)

    def _kind_chosen(self, kind: str) -> None:
        for widget in self._of_mysql:
            widget.setVisible(kind == "mysql")
        for field in self._of_files:
            field.setVisible(kind != "mysql")
        words = (
            ("Folder", "With everything below it") if kind == "folder" else ("Files", "Several are separated by commas")
        )
        self.paths_field.show_words(*words)

    def _browse(self) -> None:
        if self.kind.value == "folder":
            folder = QFileDialog.getExistingDirectory(self, "Folder to back up")
            if folder:
                self.paths.setText(folder)
            return
        files, _ = QFileDialog.getOpenFileNames(self, "Files to back up")
        if files:
            self.paths.setText(", ".join(files))

    def _add_check(self, assertion: Assertion) -> None:
        item = AssertionEditor(assertion)
        item.try_asked.connect(lambda: self.try_asked.emit(self.plan(), item.assertion()))
        item.removed.connect(lambda: self._drop_check(item))
        self._sums.append(item)
        self.checks.addWidget(item)

    def _drop_check(self, item: AssertionEditor) -> None:
        self._sums.remove(item)
        item.hide()
        item.deleteLater()

    def _key_fits(self) -> None:
        """Only SSE-KMS takes a key; what was typed before goes nowhere without it."""
        self.kms.setEnabled(self.sse.currentData() == "aws:kms")

    def _say_rule(self) -> None:
        if hasattr(self, "every"):
            words, fits = retention(self.days.value(), self.every.value(), self.detection.value(), self.repair.value())
            self.rule.setText(words)
            self.rule.set_tone("success" if fits else "danger")
