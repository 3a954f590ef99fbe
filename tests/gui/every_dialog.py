"""Every dialog of the window, filled as on a hard day: long names, both directions of writing, faults in place.

``MAKERS`` has one entry for each class; ``all_kinds`` finds the classes themselves, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from PySide6.QtWidgets import QMainWindow, QWidget

import gui
from core.aws.sign_in import Invitation
from core.backups.adopting import Left
from core.backups.objects.address import Address
from core.backups.objects.lifecycle import Lifecycle
from core.backups.objects.values import Comparison, Difference, ObjectFacts, OpenUpload
from core.backups.outcomes import Backup, Finding, RestorePreview, Severity
from core.backups.plan import Plan, Source, Target
from core.base.errors import OpsError
from core.digits.algorithms import ALGORITHMS
from core.sandbox.kinesis.faults import Faults
from core.settings.profiles import Profile
from core.settings.store import SettingsStore
from core.streams.checkpoints import Held, Standing
from core.streams.positions import TRIM_HORIZON, Start
from core.streams.resetting import ResetPlan
from core.streams.shards import PlannedShard, ReshardPlan, Shard
from core.warehouse.catalogue import Table, TableColumn
from core.warehouse.drafts import Draft
from core.warehouse.drivers.driver import RunningStatement
from core.warehouse.feed.kept import KeptPlan
from core.warehouse.feed.plan import FeedPlan
from core.warehouse.history import PastRun, SavedQuery
from core.warehouse.views import ColumnProfile
from gui.bridge.commands import Commands
from gui.bridge.settings_bridge import SettingsBridge
from gui.parts.dialogs import ConfirmDialog, Dialog, LineDialog
from gui.shell.code_dialog import CodeDialog
from gui.shell.help import HelpDialog
from gui.shell.profile_dialog import ProfileDialog
from gui.shell.settings_dialog import SettingsDialog
from gui.shell.sign_in import SignInDialog
from gui.shell.trouble import TroublePanel
from gui.tabs.backups import object_dialogs, restore_dialog, server_dialog, text_dialog, wizard
from gui.tabs.backups.adopt_dialog import AdoptDialog
from gui.tabs.backups.lifecycle_dialog import LifecycleDialog
from gui.tabs.backups.sync_dialog import SyncDialog
from gui.tabs.digits import ask_dialogs, dataset_dialog, samples_dialog, train_dialog
from gui.tabs.digits.training_presenter import choice_of
from gui.tabs.digits.values import Thumb
from gui.tabs.streams import dialogs as streams
from gui.tabs.streams import dials_dialog, open_dialog, query_dialog, reset_dialog
from gui.tabs.warehouse import columns_dialog, extract_view, lists, plans, pull_view, row_dialog
from gui.tabs.warehouse import dialogs as warehouse

NOW = datetime(2026, 11, 29, 7, 30, tzinfo=UTC)
LONG = "orders-of-all-customers-" + "and-their-addresses-" * 8
MIXED = "הזמנות \u0637\u0644\u0628\u0627\u062a 🛒 commandes d’été"
FAULT = OpsError(
    "Could not list the streams of acme-production",
    "AWS says: User arn:aws:sts::123456789012:assumed-role/ops-admin/someone is not authorized to perform kinesis:ListStreams",
    "Ask for the permission named in the details",
    details={"request_id": "0123456789abcdef"},
)
SQL = f"select customer_id, count(*) from \"{MIXED}\" where name = '{LONG}' group by 1"

Maker = Callable[[QWidget, Path], Dialog]


def all_kinds() -> set[type[Dialog]]:
    """The classes of the window's own dialogs, wherever they stand, but for those that are only there to be inherited from."""
    for module in pkgutil.walk_packages(gui.__path__, "gui."):
        importlib.import_module(module.name)
    found, more = set(), [Dialog]
    while more:
        kinds = more.pop().__subclasses__()
        found.update(kind for kind in kinds if kind.__module__.startswith("gui."))
        more += kinds
    return {kind for kind in found if not kind.__subclasses__()}


def _confirm(parent: QWidget, _home: Path) -> Dialog:
    return ConfirmDialog(
        f"Delete {LONG}?",
        "8,400 objects (41.2 GB) are removed from PRODUCTION",
        "Delete 8,400 objects",
        parent,
        environment="production",
        hint="Versioning is off, so this cannot be undone.",
        type_this=LONG,
        command=f"opsdesk s3 rm s3://{LONG}/",
    )


def _settings(parent: QWidget, home: Path) -> Dialog:
    from core.jobs.runner import JobRunner
    from gui.bridge.job_bridge import JobBridge

    bridge = SettingsBridge(SettingsStore(home / "settings.toml"), JobBridge(JobRunner()))
    dialog = SettingsDialog(bridge, parent)
    bridge.setParent(dialog)
    return dialog


def _profile(parent: QWidget, _home: Path) -> Dialog:
    before = Profile(LONG, environment="production", region="eu-west-1", aws_profile=MIXED)
    return ProfileDialog(before, parent)


def _help(parent: QWidget, _home: Path) -> Dialog:
    window = QMainWindow(parent)
    commands = Commands(window)
    for number in range(40):
        title = f"Do {LONG[: 10 + 4 * number]}"
        commands.add(f"streams.c{number}", title, lambda: None, room="streams", shortcut="Ctrl+Alt+F7")
    return HelpDialog(commands, {"streams": "Streams"}, parent)


def _trouble(parent: QWidget, home: Path) -> Dialog:
    panel = TroublePanel(str(home / LONG / "opsdesk.log"), parent)
    try:
        raise RuntimeError(f"{LONG} {MIXED}" * 3)
    except RuntimeError as error:
        panel.show_error(error)
    return panel


# -- backups ----------------------------------------------------------------------------------------
PLAN = Plan(LONG[:60], Source("mysql", LONG[:40], (MIXED, "shop")), Target(LONG[:63], f"db/{LONG}"))


def _backup(number: int) -> Backup:
    return Backup(f"2026112{number}T072819Z", PLAN.name, f"db/{LONG}", NOW, 123_456_789_012_345, True, NOW)


def _server(parent: QWidget, _home: Path) -> Dialog:
    made = server_dialog.ServerDialog(LONG, parent)
    made.show_fault(FAULT)
    return made


def _wizard(parent: QWidget, _home: Path) -> Dialog:
    made = wizard.PlanWizard(PLAN, [f"bucket-{number}" for number in range(500)], parent)
    made.show_servers([LONG, "main"])
    made.show_databases([f"{MIXED} {number}" for number in range(300)])
    made.show_fault(FAULT)
    return made


def _lifecycle(parent: QWidget, _home: Path) -> Dialog:
    rules = tuple(
        {"ID": f"{LONG}{number}"[-90:], "Status": "Enabled", "Filter": {"Prefix": f"{LONG}/"}, "Expiration": {"Days": 400}}
        for number in range(6)
    )  # fmt: skip
    return LifecycleDialog(LONG[:63], Lifecycle(rules), f"{LONG}/", parent, may_write=True)


def _adopt(parent: QWidget, _home: Path) -> Dialog:
    made = AdoptDialog([LONG[:63]], parent)
    made.show_servers([LONG[:48]])
    made.show_found([Left(LONG[:48], LONG[:63], LONG, f"{LONG}.sql.zst.age", "20261122T140500Z", 9999)])
    return made


def _restore(parent: QWidget, _home: Path) -> Dialog:
    made = restore_dialog.RestoreDialog(PLAN, [_backup(number) for number in range(9)], "", "production", parent)
    finding = Finding(Severity.WARNING, "not-proved", f"This backup of {LONG} was never proved", "", "Verify now")
    items = tuple((f"{MIXED}.{LONG}{number}", 999_999_999_999_999) for number in range(300))
    made.show_preview(
        RestorePreview(PLAN.name, "r", NOW, f"{LONG}/{MIXED}", 1, 10**15, 10**15, items, 300, True, (finding,))
    )
    return made


def _bucket(parent: QWidget, _home: Path) -> Dialog:
    made = object_dialogs.BucketDialog(parent)
    made.show_fault(FAULT)
    return made


def _labels(parent: QWidget, _home: Path) -> Dialog:
    tags = {f"{LONG}{number}"[:128]: MIXED for number in range(8)}
    return object_dialogs.LabelsDialog(ObjectFacts("vault", LONG, 1, NOW, "e", metadata=tags, tags=tags), parent)


def _uploads(parent: QWidget, _home: Path) -> Dialog:
    found = [OpenUpload(f"{LONG}/{number}", "u", NOW, "STANDARD", 3, 10**15) for number in range(60)]
    return object_dialogs.UploadsDialog(LONG[:63], found, parent, may_write=True)


def _policies(parent: QWidget, _home: Path) -> Dialog:
    texts = [("w", "Writer", SQL * 5), ("v", "Verifier", LONG)]
    return text_dialog.TextDialog(f"Policies for {LONG}", texts, parent, notes={"w": LONG}, verbs={"w": "Install"})


# -- digits -----------------------------------------------------------------------------------------
def _train(parent: QWidget, _home: Path) -> Dialog:
    return train_dialog.TrainDialog([choice_of(algorithm) for algorithm in ALGORITHMS], f"/data/{LONG}.csv", 12, parent)


def _duel(parent: QWidget, _home: Path) -> Dialog:
    lines = [(LONG, "99.52 % right"), (MIXED, "97.60 % right")]
    return ask_dialogs.DuelDialog(
        lines, "The first is better, and not by chance.", [("Patch features", 0.4, "1998")], parent
    )


def _samples(parent: QWidget, _home: Path) -> Dialog:
    made = samples_dialog.SamplesDialog(parent)
    made.show_samples([samples_dialog.SampleView(number, 7, 1, bytes(784), None, "today") for number in range(200)])
    return made


# -- streams ----------------------------------------------------------------------------------------
def _query(parent: QWidget, _home: Path) -> Dialog:
    made = query_dialog.QueryDialog(LONG[:128], SQL, parent)
    made.show_answer(pl.DataFrame({LONG: [MIXED, LONG], "n": [999_999_999_999_999, 1]}), cut=True, of=10**15)
    return made


def _dials(parent: QWidget, _home: Path) -> Dialog:
    made = dials_dialog.DialsDialog(parent)
    made.show_faults(Faults(latency_ms=10_000, iterator_seconds=3_600, limit_scale=10))
    made.show_fault(FAULT.title, FAULT.why, FAULT.remedy)
    return made


def _create(parent: QWidget, _home: Path) -> Dialog:
    made = streams.CreateDialog(parent)
    made.show_fault(FAULT)
    return made


def _replay(parent: QWidget, home: Path) -> Dialog:
    file = home / f"{LONG}.ndjson"
    file.write_text("")
    return streams.ReplayDialog(file, LONG[:128], "staging", f"opsdesk streams replay {LONG}", parent)


def _reset(parent: QWidget, _home: Path) -> Dialog:
    made = reset_dialog.ResetDialog(LONG[:128], LONG[:120], "production", parent)
    standing, held = Standing({}, TRIM_HORIZON, 3.0), Held(10**12, 10**12, 86_400.0)
    start = Start("latest")
    made.show_plan(
        ResetPlan(LONG[:128], LONG[:120], start, 2e9, standing, held, "", 86_400.0, f"opsdesk streams reset {LONG}")
    )
    return made


def _reshard(parent: QWidget, _home: Path) -> Dialog:
    made = streams.ReshardDialog(f"Scale {LONG[:128]}", "production", parent, count=8, confirm=LONG[:128])
    step = 2**128 // 4
    before = tuple(Shard(f"shardId-{n:012}", n * step, (n + 1) * step - 1) for n in range(4))
    after = tuple(PlannedShard("", n * step, (n + 1) * step - 1, (before[n].id,)) for n in range(4))
    plan = ReshardPlan(
        f"Scale {LONG}",
        before,
        after,
        ("The limit of the account is 4 shards",),
        (LONG,),
        f"opsdesk streams scale {LONG}",
    )
    made.show_plan(plan)
    return made


# -- warehouse --------------------------------------------------------------------------------------
def _history(parent: QWidget, _home: Path) -> Dialog:
    made = lists.HistoryDialog(parent)
    made.show_runs([PastRun(n, LONG, MIXED, SQL, "s", NOW, 12_345.6, "FAILED", 10**15, LONG) for n in range(60)])
    return made


def _running(parent: QWidget, _home: Path) -> Dialog:
    made = lists.RunningDialog(parent)
    made.show_statements([RunningStatement(str(n), LONG, "running", NOW, 99_999.9, SQL) for n in range(60)])
    return made


def _plans(parent: QWidget, _home: Path) -> Dialog:
    made = plans.PlansDialog(parent)
    made.show_plans([KeptPlan(f"{LONG}{n}", FeedPlan(LONG, ()), NOW, NOW, True, ("systemd",)) for n in range(3)])
    return made


def _column(parent: QWidget, _home: Path) -> Dialog:
    bars = tuple((float(n), float(n + 1), n * 10**12) for n in range(12))
    facts, top = (("smallest", LONG), ("largest", MIXED)), ((LONG, 10**15), (MIXED, 3))
    found = ColumnProfile(LONG, "varchar(65535)", 10**15, 12, 10**14, facts, top, bars)
    return warehouse.ProfileDialog(found, whole=False, parent=parent)


def _table(parent: QWidget, _home: Path) -> Dialog:
    columns = tuple(
        TableColumn(
            f"{LONG}{n}", "numeric(38,10)", True, LONG, "zstd", n == 0, n, n < 3, f"{LONG}({MIXED})", True, MIXED
        )
        for n in range(40)
    )
    keys = tuple(f"FOREIGN KEY ({LONG}{n}) REFERENCES {LONG}({MIXED})" for n in range(40))
    table = Table(MIXED, LONG, "BASE TABLE", columns, "KEY", 10**15, 10**9, 12.5, 99.9, 99.9, keys, MIXED * 20)
    return warehouse.TableDialog(table, [LONG, MIXED], parent)


def _pull(parent: QWidget, _home: Path) -> Dialog:
    made = pull_view.PullDialog(parent)
    made.show_sources([LONG, MIXED])
    made.show_state(FAULT.why, tone="danger")
    return made


def _extract(parent: QWidget, _home: Path) -> Dialog:
    made = extract_view.ExtractDialog(parent)
    made.show_warehouse(LONG)
    made.show_pattern_fault(LONG)
    return made


def _row(parent: QWidget, _home: Path) -> Dialog:
    made = row_dialog.RowDialog([LONG, MIXED, *map(str, range(300))], [SQL] * 302, parent)
    made.show_row(999_999_998, 999_999_999, [LONG * 20, None, *[MIXED] * 300])
    return made


def _unload(parent: QWidget, _home: Path) -> Dialog:
    made = warehouse.UnloadDialog(parent)
    made.show_statement(SQL, FAULT.why)
    return made


def _sign_in(parent: QWidget, _home: Path) -> Dialog:
    from core.jobs.runner import JobRunner
    from gui.bridge.job_bridge import JobBridge

    made = SignInDialog(Profile(LONG[:60], aws_profile="no-such-profile"), JobBridge(JobRunner()), parent)
    made.show_invitation(Invitation("ABCD-EFGH", f"https://device.sso.example/?user_code={LONG}", NOW, 1, "", {}, NOW))
    made.show_fault(FAULT)
    return made


def _sync(parent: QWidget, home: Path) -> Dialog:
    made = SyncDialog(Address(LONG[:63], f"{LONG}/"), LONG[:60], f"/data/{LONG}", parent, may_write=True)
    carry = tuple(Difference(f"{LONG}/{MIXED}/{number}", 10**12, "not in the source") for number in range(1200))
    made.show_found(Comparison(home, Address("vault"), True, carry, carry, 10**7, ((LONG, MIXED), (MIXED, LONG))))
    made.remove.setChecked(True)
    return made


MAKERS: dict[type[Dialog], Maker] = {
    ConfirmDialog: _confirm,
    SettingsDialog: _settings,
    ProfileDialog: _profile,
    HelpDialog: _help,
    TroublePanel: _trouble,
    wizard.PlanWizard: _wizard,
    server_dialog.ServerDialog: _server,
    LifecycleDialog: _lifecycle,
    restore_dialog.RestoreDialog: _restore,
    AdoptDialog: _adopt,
    object_dialogs.BucketDialog: _bucket,
    object_dialogs.OpenBucketDialog: lambda parent, _home: object_dialogs.OpenBucketDialog(parent),
    object_dialogs.LabelsDialog: _labels,
    object_dialogs.CopyDialog: lambda parent, _home: object_dialogs.CopyDialog(LONG, Address(LONG[:63], f"{LONG}/"), parent),
    object_dialogs.UploadsDialog: _uploads,
    SyncDialog: _sync,
    SignInDialog: _sign_in,
    CodeDialog: lambda parent, _home: CodeDialog(LONG, f"arn:aws:iam::123456789012:mfa/{LONG}", FAULT.why, parent),
    text_dialog.TextDialog: _policies,
    train_dialog.TrainDialog: _train,
    ask_dialogs.DataDialog: lambda parent, _home: ask_dialogs.DataDialog(
        f"Evaluate {LONG}", "Evaluate", LONG, parent, others=[("m", MIXED), ("n", LONG)]
    ),
    ask_dialogs.PredictDialog: lambda parent, _home: ask_dialogs.PredictDialog(LONG, f"/data/{LONG}.csv", parent),
    LineDialog: lambda parent, _home: LineDialog("Rename the model", "Name", "Rename", LONG, "", parent),
    ask_dialogs.AboutDialog: lambda parent, _home: ask_dialogs.AboutDialog(LONG, [("Data", LONG), ("Note", MIXED)], parent),
    ask_dialogs.DuelDialog: _duel,
    dataset_dialog.DatasetDialog: lambda parent, _home: dataset_dialog.DatasetDialog(
        LONG, 10**15, [10**14] * 10, [Thumb(bytes(784), number, 3) for number in range(100)], parent
    ),
    samples_dialog.SamplesDialog: _samples,
    query_dialog.QueryDialog: _query,
    dials_dialog.DialsDialog: _dials,
    streams.CreateDialog: _create,
    open_dialog.OpenDialog: lambda parent, _home: open_dialog.OpenDialog([LONG[:128]] * 400, "", parent),
    streams.StartDialog: lambda parent, _home: streams.StartDialog(parent),
    streams.FanOutDialog: lambda parent, _home: streams.FanOutDialog(LONG[:128], 10_000, 20, "production", parent),
    streams.ReplayDialog: _replay,
    reset_dialog.ResetDialog: _reset,
    streams.ReshardDialog: _reshard,
    lists.HistoryDialog: _history,
    lists.SavedDialog: lambda parent, _home: lists.SavedDialog([SavedQuery(f"{MIXED} {n}", SQL, NOW) for n in range(60)], parent),
    lists.ClosedDialog: lambda parent, _home: lists.ClosedDialog([Draft(str(n), f"{MIXED} {n}", SQL, LONG, closed=NOW) for n in range(50)], LONG, parent),
    lists.RunningDialog: _running,
    plans.PlansDialog: _plans,
    warehouse.TextDialog: lambda parent, _home: warehouse.TextDialog(LONG, [LONG, MIXED], parent, intro=LONG),
    warehouse.ValueDialog: lambda parent, _home: warehouse.ValueDialog(LONG, SQL * 100, parent),
    warehouse.ParameterDialog: lambda parent, _home: warehouse.ParameterDialog([LONG, "n"], {LONG: MIXED, "n": None}, parent),
    warehouse.UnloadDialog: _unload,
    row_dialog.RowDialog: _row,
    columns_dialog.ColumnsDialog: lambda parent, _home: columns_dialog.ColumnsDialog([LONG, MIXED, *map(str, range(300))], [SQL] * 302, {MIXED}, parent),
    warehouse.ProfileDialog: _column,
    warehouse.TableDialog: _table,
    pull_view.PullDialog: _pull,
    extract_view.ExtractDialog: _extract,
}  # fmt: skip
