"""`runlake registry show`: a model, and a version."""

from __future__ import annotations

import json
from pathlib import Path

from runlake import config, registry
from tests.cli.conftest import Cli
from tests.cli.terminal import on_terminal


def test_a_model_is_shown_with_versions_and_gates(cli: Cli, churn: Path) -> None:
    registry.set_registered_model_alias("churn", "champion", 3)
    registry.set_model_version_tag("churn", "2", "slices", "bad")
    registry.set_gate("churn", "Production", require="metrics.val_auc > 0.9", approvals=2)
    shown = cli("registry", "show", "churn")
    user = config.os_user()
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        "name\tchurn",
        "description\twho leaves",
        "made\t[TIME]",
        "changed\t[TIME]",
        "tags.team\trisk",
        "",
        "# versions",
        "version\tstage\taliases\trun\ttags\tby\tmade",
        f"3\tNone\t@champion\t[ID]\t\t{user}\t[TIME]",
        f"2\tNone\t\t[ID]\tslices=bad\t{user}\t[TIME]",
        f"1\tNone\t\t[ID]\t\t{user}\t[TIME]",
        "",
        "# gates",
        "target\trule\tdemanded",
        "Production\trequire\tmetrics.val_auc > 0.9",
        "Production\tapprovals\t2",
    ]
    told = json.loads(cli("registry", "show", "churn", "--limit", "2", "--json").out)
    assert [version["version"] for version in told["versions"]] == [3, 2]
    assert (told["aliases"], told["latest_versions"]) == ({"champion": 3}, [3])
    assert told["gates"][0]["require"] == "metrics.val_auc > 0.9"


def test_a_terminal_is_shown_how_old_versions_are(churn: Path) -> None:
    screen = on_terminal(["registry", "show", "churn", "--store", str(churn), "--limit", "1"], columns=100)
    assert screen.splitlines()[-2].rstrip().endswith(" s")
    assert "the latest 1 versions; --limit 0 shows all" in screen


def test_a_version_is_shown_with_its_origin_signature_and_what_gates_find(cli: Cli, churn: Path) -> None:
    registry.set_gate("churn", "@champion", require="metrics.val_auc > 0.9", approvals=1)
    shown = cli("registry", "show", "churn/3").out
    assert "run_name\tauc-0.93\nexperiment_name\tDefault\n" in shown
    assert "# signature\npart\tname\ttype\trequired\tdefault\ninputs\tage\tdouble\tyes\t\n" in shown
    assert "params\tthreshold\tdouble\tno\t0.5\n" in shown
    assert shown.endswith(
        "# gate of @champion: not passed\nstate\trule\tdemanded\tactual\n"
        "unmet\tapprovals\tapproved by 1 user\tnone\n"
        "met\trequire\tmetrics.val_auc > 0.9\tmetrics.val_auc is 0.93\n"
    )
    told = json.loads(cli("registry", "show", "churn/latest", "--json").out)
    assert told["signature"]["inputs"][1] == {"type": "string", "name": "plan", "required": False}
    assert (told["lineage"]["run_name"], told["gates"][0]["passed"]) == ("auc-0.93", False)


def test_what_people_and_pipelines_said_of_a_version_is_shown(cli: Cli, churn: Path) -> None:
    registry.approve("churn", 2, "@champion", comment="looked at the slices")
    registry.post_check("churn", 2, "shadow", False, {"differ": 0.2})
    user = config.os_user()
    shown = cli("registry", "show", "churn/2").out
    assert f"# approvals\ntarget\tby\tat\tcomment\n@champion\t{user}\t[TIME]\tlooked at the slices\n" in shown
    assert f'# checks\ncheck\tresult\tby\tat\tdetails\nshadow\tfailed\t{user}\t[TIME]\t{{"differ": 0.2}}\n' in shown
    told = json.loads(cli("registry", "show", "churn/2", "--json").out)
    assert (told["approvals"][0]["user_id"], told["checks"][0]["passed"]) == (user, False)


def test_a_version_is_named_by_what_means_it(cli: Cli, churn: Path) -> None:
    registry.set_registered_model_alias("churn", "champion", 2)
    registry.transition_model_version_stage("churn", 1, "Staging")
    for reference, version in (("@champion", 2), ("/staging", 1), ("/latest", 3), ("/1", 1)):
        assert json.loads(cli("registry", "show", f"churn{reference}", "--json").out)["version"] == version
    assert json.loads(cli("registry", "show", "models:/churn/2", "--json").out)["version"] == 2
    assert cli("registry", "show", "churn/").err.startswith("error: 'churn/' names no version\nhint: write NAME/3")


def test_models_whose_names_have_quotes_are_shown_with_their_own_versions(cli: Cli, churn: Path) -> None:
    for name in ("it's", 'it"s', "it\\s", "50%"):
        registry.create_registered_model(name)
        registry.create_model_version(name, "s3://elsewhere/model")
    for name in ("it's", 'it"s', "it\\s", "50%"):
        told = json.loads(cli("registry", "show", name, "--json").out)
        assert [version["name"] for version in told["versions"]] == [name]


def test_a_manifest_that_is_damaged_is_said_and_the_rest_is_shown(cli: Cli, churn: Path) -> None:
    source = Path(registry.get_model_version_download_uri("churn", "1"))
    (source / "MLmodel").write_text("a: [1")
    shown = cli("registry", "show", "churn/1")
    assert (shown.status, shown.err.startswith("warning: the manifest ")) == (0, True)
    assert "run_name\tauc-0.8" in shown.out
