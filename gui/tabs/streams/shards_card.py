"""The shards card: the hash keys they share out, how hot each is, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout

from core.streams.positions import short_shard
from core.streams.reader import ShardStatus
from core.streams.shards import HASH_SPACE, WRITE_BYTES, WRITE_RECORDS
from gui.parts.buttons import Button
from gui.parts.layout import Card
from gui.parts.range_map import Range, RangeMap
from gui.parts.words import Label, byte_size, duration, number
from gui.style.tokens import Space
from gui.tabs.streams.wording import shard_word

_HOT = 0.8  # of what a shard takes in


class ShardsCard(Card):
    split_asked = Signal(str)
    merge_asked = Signal(str, str)
    scale_asked = Signal()

    def __init__(self) -> None:
        self.scale = Button("Scale…", "small", icon_name="layers")
        self.split = Button("Split…", "small", icon_name="split")
        self.merge = Button("Merge…", "small", icon_name="git-merge")
        super().__init__("Shards", self.split, self.merge, self.scale)
        self.head.setAlignment(self.note, Qt.AlignmentFlag.AlignVCenter)
        self.map = RangeMap("Hash keys by shard")
        self.body.addWidget(self.map)
        self.hint = Label("", "small", wrap=True)
        self.body.addWidget(self.hint)
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.L)
        grid.setVerticalSpacing(2)
        self._facts: dict[str, Label] = {}
        for place, name in enumerate(("State", "Records", "Bytes", "Behind", "Reads", "Hash keys")):
            value = Label("–", "body")
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts[name] = value
            grid.addWidget(Label(name, "caption"), place // 3 * 2, place % 3)
            grid.addWidget(value, place // 3 * 2 + 1, place % 3)
        self.body.addLayout(grid)
        self.body.addStretch(1)
        self._statuses: list[ShardStatus] = []
        self._rates: dict[str, tuple[float, float]] = {}
        self._chosen = ""
        self.map.chosen.connect(self._choose)
        self.split.clicked.connect(lambda: self.split_asked.emit(self._chosen))
        self.merge.clicked.connect(self._ask_merge)
        self.scale.clicked.connect(self.scale_asked)
        self._allowed = ""
        self.show_allowed("Start a tap to see its shards")

    def show_shards(self, statuses: Sequence[ShardStatus], rates: dict[str, tuple[float, float]]) -> None:
        """``rates``: shard -> (records, bytes) a second over the last ten."""
        self._statuses = [status for status in statuses if status.state != "closed" and not status.shard.closed]
        self._rates = rates
        ids = [status.shard.id for status in self._statuses]
        if self._chosen not in ids:
            self._chosen = ids[0] if ids else ""
        self.map.show_ranges([self._range(status) for status in self._statuses], short_shard(self._chosen))
        closed = len(statuses) - len(self._statuses)
        self.set_note(f"{len(ids)} open" + (f" · {closed} closed" if closed else "") if statuses else "")
        self._show_chosen()

    def show_allowed(self, reason: str) -> None:
        """``reason`` why the shards cannot be changed now; "" when they can."""
        self._allowed = reason
        for button in (self.scale, self.split, self.merge):
            button.setEnabled(not reason)
            button.setToolTip(reason or button.accessibleName())
        self._show_chosen()

    def _range(self, status: ShardStatus) -> Range:
        records, size = self._rates.get(status.shard.id, (0.0, 0.0))
        load = max(records / WRITE_RECORDS, size / WRITE_BYTES)
        word = f"{number(records)}/s"
        share = (status.shard.last_hash - status.shard.first_hash + 1) / HASH_SPACE
        tip = (
            f"{shard_word(status.shard.id)}: {number(records, 1)} records/s, {byte_size(size)}/s, "
            f"{load * 100:.0f} % of what it takes in; {share * 100:.1f} % of all hash keys"
        )
        return Range(
            short_shard(status.shard.id),
            status.shard.first_hash / HASH_SPACE,
            (status.shard.last_hash + 1) / HASH_SPACE,
            load,
            word,
            load >= _HOT,
            tip,
        )

    def _choose(self, short: str) -> None:
        self._chosen = next((s.shard.id for s in self._statuses if short_shard(s.shard.id) == short), "")
        self._show_chosen()

    def _show_chosen(self) -> None:
        status = next((entry for entry in self._statuses if entry.shard.id == self._chosen), None)
        self.split.setText(f"Split {short_shard(self._chosen)}…" if status else "Split…")
        neighbour = self._neighbour()
        merge = f"Merge {short_shard(self._chosen)} + {short_shard(neighbour)}…" if neighbour else "Merge…"
        self.merge.setText(merge)
        for button in (self.split, self.merge):
            button.setEnabled(not self._allowed and status is not None and (button is self.split or bool(neighbour)))
        if status is None:
            for value in self._facts.values():
                value.setText("–")
            self.hint.setText("Once a tap runs, the map shows how the load spreads over the hash keys.")
            return
        records, size = self._rates.get(status.shard.id, (0.0, 0.0))
        self.hint.setText(f"{shard_word(status.shard.id)}" + (" · hot: near what a shard takes in" if
                          max(records / WRITE_RECORDS, size / WRITE_BYTES) >= _HOT else ""))  # fmt: skip
        behind = "–" if status.behind is None else "up to date" if not status.behind else duration(status.behind / 1000)
        first, last = status.shard.first_hash / HASH_SPACE, (status.shard.last_hash + 1) / HASH_SPACE
        self._facts["State"].setText(status.state)
        self._facts["Records"].setText(f"{number(records)}/s of 1,000 · {number(status.records)} read")
        self._facts["Bytes"].setText(f"{byte_size(size)}/s of 1 MiB")
        self._facts["Behind"].setText(behind)
        met = ((status.throttles, "throttled"), (status.retries, "retried"), (status.expired, "expired"))
        reads = [f"{number(status.reads_per_minute)}/min", *(f"{number(count)} {word}" for count, word in met if count)]
        self._facts["Reads"].setText(" · ".join(reads))
        self._facts["Reads"].setToolTip(
            "Refused for lack of reads; failed and made again; of an iterator older than five minutes"
        )
        self._facts["Hash keys"].setText(f"{first * 100:.1f}–{last * 100:.1f} %")

    def _neighbour(self) -> str:
        ids = [status.shard.id for status in self._statuses]
        if self._chosen not in ids or len(ids) < 2:
            return ""
        at = ids.index(self._chosen)
        return ids[at + 1] if at + 1 < len(ids) else ids[at - 1]

    def _ask_merge(self) -> None:
        if neighbour := self._neighbour():
            self.merge_asked.emit(self._chosen, neighbour)
