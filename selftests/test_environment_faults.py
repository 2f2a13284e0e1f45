"""What the loader says of an environment file that is wrong: one paragraph with place and remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from postflight.environment import EnvironmentFileError, load
from selftests.environment_files import MINIMAL, SERVER, complaint, line_of


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("servcies: {}\n", 4, "unknown key `servcies`. Did you mean `services`?"),
        ("servcies: {s: {namespace: '${name}'}}\n", 4, "unknown key `servcies`. Did you mean `services`?"),
        ("vpc:\n  vcp: x\n", 5, "unknown key `vcp` in `vpc`. Did you mean `vpc`? Keys here: vpc,"),
        (
            "jobs:\n  j:\n    namespcae: x\n",
            6,
            "unknown key `namespcae` in `jobs.j`. Did you mean `namespace`?",
        ),
        (
            "services:\n  s:\n    namespace: x\n    health: {pth: /}\n",
            7,
            "unknown key `pth` in `services.s.health`. Did you mean `path`?",
        ),
        (
            "services:\n  s:\n    namespace: x\n    required:\n      KEY: {valeu: x}\n",
            8,
            "unknown key `valeu` in `services.s.required.KEY`. Did you mean `value`? Keys here: value,",
        ),
        (
            "jobs:\n  defaults:\n    namespcae: x\n  j:\n",
            6,
            "unknown key `namespcae` in `jobs.j`. Did you mean `namespace`?",
        ),
    ],
    ids=["top", "top-with-a-variable", "nested", "entry", "deep", "free-mapping", "defaults"],
)
def test_unknown_key_is_answered_with_its_line_and_the_nearest_key(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    """A misspelt key that were ignored would be a check that is silently never made."""
    message = complaint(tmp_path, MINIMAL + text)
    assert said in message
    assert line_of(message) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: x\n", 4),
        ("jobs:\n  j:\n    namespace: x\n    name: other\n", 7),
        ("jobs:\n  defaults: {name: other}\n  j: {namespace: x}\n", 5),
    ],
    ids=["top", "entry", "defaults"],
)
def test_name_is_not_written_inside_what_it_names(tmp_path: Path, text: str, line: int) -> None:
    """An entry's name is its key; a second one could only contradict it."""
    message = complaint(tmp_path, MINIMAL + text)
    assert "unknown key `name`" in message
    assert line_of(message) == line


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("services: [a]\n", 4, "`services` is a list; it must be a mapping."),
        ("services:\n  s: 3\n", 5, "`services.s` is 3; it must be a mapping."),
        ("services:\n  s: {namespace: x, replicas: many}\n", 5, "is 'many'; it must be a whole number."),
        ("services:\n  s: {namespace: x, replicas: 0}\n", 5, "is 0; it must be at least 1."),
        (
            "services:\n  s: {namespace: x, port: 70000}\n",
            5,
            "`services.s.port` is 70000; it must be at most 65535.",
        ),
        (
            "services:\n  s: {namespace: x, tag_policy: fxed}\n",
            5,
            "`services.s.tag_policy` is 'fxed'; it must be",
        ),
        ("services:\n  s: {namespace: x, tag_policy: fxed}\n", 5, "Did you mean `fixed`?"),
        ("services:\n  s: {namespace: x, health: {path: health}}\n", 5, "a path that begins with /"),
        ("waivers: [{check: a, reason: b, owner: c, expires: soon}]\n", 4, "it must be a date, YYYY-MM-DD."),
        ("production: perhaps\n", 4, "`production` is 'perhaps'; it must be true or false."),
        ("certificates:\n  c: {arn: none}\n", 5, "an ARN (arn:aws:…)"),
        ("ca: ''\n", 4, "`ca` is ''; it must be text that is not empty."),
        ("bring_up:\n  command: sandbox up\n", 5, "`bring_up.command` is 'sandbox up'; it must be a list."),
        (
            "bring_up:\n  command:\n    - a\n    - [b]\n",
            7,
            "`bring_up.command.1` is a list; it must be text.",
        ),
    ],
)
def test_wrong_type_is_answered_with_what_is_wanted(tmp_path: Path, text: str, line: int, said: str) -> None:
    """In words of the file, not of the library that reads it."""
    message = complaint(tmp_path, MINIMAL + text)
    assert said in message
    assert line_of(message) == line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "aws: {account: 123456789012, region: x}\n",
            "`aws.account` is 123456789012; it must be text. Write it in quotes",
        ),
        (
            MINIMAL + "services:\n  s: {namespace: x, required: {A: {value: false}}}\n",
            "is false; it must be text. Write",
        ),
        ("variables: {v: 17.10}\n" + MINIMAL, "the variable `v` must be text; write it in quotes"),
    ],
    ids=["account", "truth-value", "variable"],
)
def test_text_that_yaml_takes_for_something_else_must_be_quoted(tmp_path: Path, text: str, said: str) -> None:
    """YAML turns `17.10` into 17.1 and `no` into false before anybody can tell."""
    assert said in complaint(tmp_path, text)


@pytest.mark.parametrize("account", ["12345", "1234567890123", "12345678901x"])
def test_account_id_has_twelve_digits(tmp_path: Path, account: str) -> None:
    """The first thing that a run compares with where it is."""
    message = complaint(tmp_path, f'aws:\n  account: "{account}"\n  region: x\n')
    assert f"`aws.account` is '{account}'; it must be an AWS account id: twelve digits, in quotes." in message
    assert line_of(message) == 2


def test_missing_key_is_named_with_the_entry_that_lacks_it(tmp_path: Path) -> None:
    """The line is the entry's, as the key itself has none."""
    message = complaint(tmp_path, MINIMAL + "subnets:\n  a:\n    tier: public\n    zone: z\n")
    assert "`subnet` is missing in `subnets.a`." in message
    assert line_of(message) == 5
    assert "`aws` is missing." in complaint(tmp_path, "description: x\n")


def test_further_errors_are_counted(tmp_path: Path) -> None:
    """A run tells one and stops; that there are more is good to know."""
    assert "(2 more after this one; `postflight check-environment` tells all.)" in complaint(
        tmp_path, MINIMAL + "jobs: {a: {x: 1}, b: {namespace: 3}}\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "jobs:\n  a:\n    namespace: 3\n  b:\n    namespcae: x\n  c: {}\nservcies: {}\n",
            [
                (6, "`jobs.a.namespace` is 3"),
                (8, "unknown key `namespcae`"),
                (7, "`namespace` is missing in `jobs.b`"),
                (9, "`namespace` is missing in `jobs.c`"),
                (10, "unknown key `servcies`"),
            ],
        ),
        (
            "services:\n  a: {namespace: x, database: one}\n  b: {namespace: x, database: two}\n",
            [(5, "`one` is not declared"), (6, "`two` is not declared")],
        ),
    ],
    ids=["keys", "references"],
)
def test_every_mistake_is_told_in_the_order_of_the_file(
    tmp_path: Path, text: str, said: list[tuple[int, str]]
) -> None:
    """Ten mistakes must not take ten calls; a misspelt key comes before what is missing without it."""
    file = tmp_path / "some.yaml"
    file.write_text(MINIMAL + text)
    with pytest.raises(EnvironmentFileError) as caught:
        load(file, {})

    told = [(line_of(mistake), mistake) for mistake in caught.value.mistakes]
    assert [line for line, _ in told] == [line for line, _ in said]
    assert all(words in mistake for (_, mistake), (_, words) in zip(told, said, strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n  b: {c: d\ne: f\n", "The { that line 2 opens is not closed."),
        ("a: [b\n\nc: d\n", "The [ that line 1 opens is not closed."),
        ("a: 'b\nc: d\n", "The quote that line 1 opens is not closed."),
    ],
    ids=["mapping", "list", "quote"],
)
def test_what_is_not_closed_is_told_where_it_opens(tmp_path: Path, text: str, said: str) -> None:
    """The reader of YAML stumbles a line or a hundred further down."""
    assert said in complaint(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"services: {{s: {{namespace: x, database: ordr}}}}\n{SERVER}",
            "`ordr` is not declared under `database_servers.*.databases`. Did you mean `order`?",
        ),
        ("hosts: {h: {hosted_zone: z}}\n", "`z` is not declared under `hosted_zones`. Declared: none."),
        (
            "services: {web: {namespace: x}}\ningresses: {i: {namespace: x, services: [wbe]}}\n",
            "`wbe` is not declared under `services`. Did you mean `web`? Declared: web.",
        ),
    ],
    ids=["database", "zone", "list"],
)
def test_reference_to_nothing_is_answered_with_what_is_declared(tmp_path: Path, text: str, said: str) -> None:
    """A reference that leads nowhere would make a check that never runs."""
    assert said in complaint(tmp_path, MINIMAL + text)


def test_duplicate_key_is_refused(tmp_path: Path) -> None:
    """YAML would take the last one without a word."""
    message = complaint(
        tmp_path, MINIMAL + "jobs:\n  j: {namespace: x}\n  k: {namespace: x}\n  j: {namespace: y}\n"
    )
    assert "`j` is there twice (first in line 5)" in message
    assert line_of(message) == 7
    text = MINIMAL + "variables: {a: j}\njobs:\n  j: {namespace: x}\n  ${a}: {namespace: x}\n"
    assert "`${a}` is `j`, which is there already" in complaint(tmp_path, text)


def test_database_is_declared_once(tmp_path: Path) -> None:
    """A check names its subject; two of one name could not be told apart."""
    twice = SERVER.replace("[order, cart]", "[order, order]")
    assert "`order` is there twice" in complaint(tmp_path, MINIMAL + twice)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: nowhere.yaml\n", "`extends` names nowhere.yaml, and there is no"),
        ("extends: some.yaml\n", "`extends` leads back to the file itself: some.yaml -> some.yaml."),
        ("extends: ./../{folder}/some.yaml\n", "leads back to the file itself"),
        ("extends: [a, b]\n", "`extends` takes one file name"),
        ("extends:\n", "`extends` takes one file name"),
    ],
    ids=["missing", "itself", "itself-by-another-path", "list", "empty"],
)
def test_base_must_be_another_file_that_is_there(tmp_path: Path, text: str, said: str) -> None:
    """A circle must not hang, and a lost base must not be an empty one."""
    message = complaint(tmp_path, text.replace("{folder}", tmp_path.name) + MINIMAL)
    assert said in message
    assert line_of(message) == 1


def test_error_in_a_base_is_told_of_the_base(tmp_path: Path) -> None:
    """The line that is wrong is not in the file that was asked for."""
    (tmp_path / "a.base.yaml").write_text(MINIMAL + "jobs:\n  j: {namespcae: x}\n")
    message = complaint(tmp_path, "extends: a.base.yaml\ndescription: x\n")
    assert message.startswith(f"{tmp_path / 'a.base.yaml'}:5: unknown key")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"- a\n- b\n", "a mapping of sections; this file is not"),
        (b"just words\n", "a mapping of sections; this file is not"),
        (b"a: [b\nc: d\n", "is not YAML"),
        (b"a: {b: ${c}}\n", "Within { } and [ ], a ${variable} needs quotes."),
        (b"a: !python/object x\n", "is not YAML"),
        (b"a: 2026-13-45\n", "is not a value"),
        (b"a: b\n---\nc: d\n", "is not YAML"),
        (b"a: b\n\x07\n", "is not YAML"),
        (b"a: b\nc: \xff\xfe\n", "some.yaml:2: is not UTF-8 text"),
        (b"a: &a [*a]\n", "is nested too deeply"),
        (b"[a]: b\n", "a key is one word"),
        (b"a: &a {b: c}\nd:\n  <<: *a\n", "merge key"),
    ],
    ids=[
        "empty", "comment", "list", "text", "broken", "unquoted", "tag", "date", "two-documents",
        "control-character", "not-utf-8", "recursive", "odd-key", "merge-key",
    ],
)  # fmt: skip
def test_file_that_is_no_mapping_of_sections_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    """Whatever the bytes are, the answer is a paragraph."""
    assert said in complaint(tmp_path, text)


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    """A folder, or a file without the right to read it."""
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(EnvironmentFileError, match="is not a regular file"):
        load(tmp_path / "folder.yaml", {})
    with pytest.raises(EnvironmentFileError, match="cannot be read: No such file"):
        load(tmp_path / "nothing.yaml", {})
    if os.geteuid() != 0:  # root may read everything
        (tmp_path / "closed.yaml").write_text(MINIMAL)
        (tmp_path / "closed.yaml").chmod(0)
        with pytest.raises(EnvironmentFileError, match="cannot be read: Permission denied"):
            load(tmp_path / "closed.yaml", {})
