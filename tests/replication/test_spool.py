"""The folder of a spool: where it is, and whose."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from runlake.errors import Corrupt, StoreUnavailable
from runlake.remote.address import Address
from runlake.replication.folder import folder_for, spools_folder, url_of
from runlake.replication.spool import spool_for


def test_it_is_where_the_environment_says_or_with_other_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLAKE_SPOOL", str(tmp_path / "named"))
    assert spools_folder() == tmp_path / "named"
    monkeypatch.delenv("RUNLAKE_SPOOL")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert spools_folder() == tmp_path / "state" / "runlake" / "spool"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert spools_folder() == tmp_path / "home" / ".local" / "state" / "runlake" / "spool"


def test_a_home_on_a_network_disk_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    nfs = SimpleNamespace(name="NFS", written=True, shared=True, reason="")  # there is none to be had here
    monkeypatch.setattr("runlake._engine.check_filesystem", lambda _path: nfs)
    assert spools_folder() == Path("/var/tmp") / f"runlake-{os.getuid()}" / "spool"


def test_each_server_has_its_own_and_no_password_is_in_it(spools: Path) -> None:
    assert folder_for(Address.of("http://a:1")) != folder_for(Address.of("http://a:1/team"))
    spool = spool_for("http://ann:secret@127.0.0.1:9/team")
    assert spool.url == url_of(spool.root) == "http://127.0.0.1:9/team"
    assert "secret" not in str(spool.root) + (spool.root / "remote.json").read_text()
    assert stat.S_IMODE(spool.root.stat().st_mode) == 0o700


def test_a_spool_without_its_address_is_an_error(spools: Path) -> None:
    spool = spool_for("http://127.0.0.1:9")
    (spool.root / "remote.json").write_text(json.dumps({}))
    with pytest.raises(Corrupt, match=r"remote\.json is not what was written"):
        url_of(spool.root)


def test_a_spool_that_cannot_be_made_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RUNLAKE_SPOOL", str(tmp_path / "file"))
    with pytest.raises(StoreUnavailable, match="RUNLAKE_SPOOL"):
        spool_for("http://127.0.0.1:9")
