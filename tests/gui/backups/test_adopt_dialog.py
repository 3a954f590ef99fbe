"""A new computer: the bucket is looked through, and a plan is made of what lies there."""

from __future__ import annotations

from core.backups.adopting import Left
from gui.tabs.backups.adopt_dialog import AdoptDialog

TABLES = Left("nightly", "vault", "db", "db/nightly/x.sql.zst", "20261122T140500Z", 3)
SEALED = Left("papers", "vault", "", "papers/x.tar.zst.age", "20261121T140500Z", 1)


def test_it_asks_for_what_the_backups_need_and_no_more(qtbot) -> None:
    dialog = AdoptDialog(["vault"])
    qtbot.addWidget(dialog)
    asked: list[object] = []
    dialog.look_asked.connect(lambda *words: asked.append(words))
    dialog.adopt_asked.connect(lambda *words: asked.append(words))
    dialog.show()
    dialog.show_servers(["main", "new"])
    dialog.accept_button.click()
    dialog.show_busy("Looking")
    assert not dialog.accept_button.isEnabled()
    dialog.show_found([TABLES, SEALED])
    assert "3 backups" in dialog.left.itemText(0) and dialog.server.isVisible()
    assert not dialog.folder.isVisible() and not dialog.identity.isVisible()
    dialog.show_servers(["main", "new"], "new")
    dialog.accept_button.click()
    dialog.left.setCurrentIndex(1)
    assert dialog.folder.isVisible() and not dialog.server.isVisible() and not dialog.accept_button.isEnabled()
    dialog.folder.setText("/srv")
    assert not dialog.accept_button.isEnabled()  # nobody could read them
    dialog.identity.setText("AGE-SECRET-KEY-1X")
    dialog.accept_button.click()
    assert asked == [("vault", ""), (TABLES, "new", "", ""), (SEALED, "", "/srv", "AGE-SECRET-KEY-1X")]
    dialog.prefix.setText("elsewhere")
    assert dialog.accept_button.text() == "Look" and not dialog.left.isVisible()


def test_what_is_here_already_is_not_offered(qtbot) -> None:
    dialog = AdoptDialog(["vault"])
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.show_found([TABLES], ["nightly"])
    assert dialog.banner.isVisible() and dialog.accept_button.text() == "Look"
